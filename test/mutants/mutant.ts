/** What is said of each deliberate bug. Its patch is `patches/<name>.patch`. */

export interface Mutant {
  /** In kebab case; the name of its patch. */
  readonly name: string;
  /** The real bug that it stands for: a number of test/raft/bugs.ts where there is one, and what goes wrong. */
  readonly stands: string;
  /**
   * How the simulator notices, in any of these ways: the beginning of an invariant's name (`I8`); `assert: ` or
   * `error: ` and the beginning of what an assertion or another error of the product says; `hang`. Left out where it
   * does not notice.
   */
  readonly simulator?: readonly string[];
  /** Tests that fail, each as `test/raft/file.test.ts > beginning of its title`. */
  readonly tests?: readonly string[];
  /** Takes longer than 20 s to be killed, and is left out of `--quick`. */
  readonly slow?: true;
}

/** A change that alters nothing that anybody can see. */
export interface Equivalent {
  readonly name: string;
  readonly change: string;
  /** Why no run can differ. */
  readonly proof: string;
}

/** The file and the title of a declared test. */
export function testOf(declared: string): { readonly file: string; readonly title: string } {
  const [file = "", ...title] = declared.split(" > ");
  return { file, title: title.join(" > ") };
}

/** Whether what the simulator found is what was declared: `I1` does not declare `I12`. */
export function isDeclared(found: string, declared: string): boolean {
  if (!found.startsWith(declared)) return false;
  const next = found.charAt(declared.length);
  return !/\d$/.test(declared) || !/^\d/.test(next);
}
