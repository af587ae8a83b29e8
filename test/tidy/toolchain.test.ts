/** Shows that the compiler and the linter, as configured, catch what the architecture leaves to them. */

import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "../..");

function run(script: string, args: readonly string[], cwd: string): string {
  const { stdout, error } = spawnSync(process.execPath, [join(ROOT, "node_modules", script), ...args], {
    cwd,
    encoding: "utf8",
  });
  if (error !== undefined) throw error;
  return stdout;
}

function write(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
}

/** Each is one line that only something impure would write. */
const IMPURE: Readonly<Record<string, string>> = {
  "a timer": "setTimeout(() => 1, 10);",
  "an interval": "setInterval(() => 1, 10);",
  "an immediate": "setImmediate(() => 1);",
  "a microtask": "queueMicrotask(() => 1);",
  "the process": "process.exit(1);",
  "a buffer": "Buffer.alloc(1);",
  "the console": "console.log(1);",
  "the fine clock": "performance.now();",
  "random bytes": "crypto.randomUUID();",
  "a network call": 'void fetch("http://127.0.0.1");',
  "a file": 'import { readFileSync } from "node:fs";\nreadFileSync("a");',
  "a timer beside a package": 'import { pack } from "msgpackr";\npack(setTimeout(() => 1, 10));',
  "a socket": 'import { connect } from "node:net";\nconnect(1);',
};

/** What a file with an error of a project that extends one of ours is called. */
function compile(extended: string): Set<string> {
  // Inside the repository, so that the types of Node would be found if they were asked for.
  mkdirSync(join(ROOT, ".build"), { recursive: true });
  const folder = mkdtempSync(join(ROOT, ".build", "offenders-"));
  try {
    const lines = Object.values(IMPURE).map((line, at) => [`impure-${at}.ts`, `${line}\nexport {};\n`]);
    write(folder, Object.fromEntries(lines));
    write(folder, {
      "pure.ts": "export const sum: number = Math.max(1, new Uint8Array(2).length);\n",
      "tsconfig.json": JSON.stringify({
        extends: join(ROOT, extended),
        compilerOptions: {
          rootDir: ".",
          outDir: "out",
          tsBuildInfoFile: "out/info",
          composite: false,
          noEmit: true,
          emitDeclarationOnly: false,
          noEmitOnError: false,
        },
        include: ["./*.ts"],
        references: [],
      }),
    });
    const output = run("typescript/bin/tsc", ["-p", ".", "--pretty", "false"], folder);
    return new Set(
      [...output.matchAll(/^([\w-]+\.ts)\(\d+,\d+\): error TS/gm)].map((match) => match[1] ?? ""),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe.each(["src/base", "src/raft", "src/counter"])("the compiler in %s", (project) => {
  let wrong = new Set<string>();
  beforeAll(() => {
    wrong = compile(`${project}/tsconfig.json`);
  });

  it.each(Object.keys(IMPURE).map((title, at) => [title, at] as const))("does not know %s", (_, at) => {
    expect(wrong).toContain(`impure-${at}.ts`);
  });

  it("compiles what is pure", () => {
    expect(wrong).not.toContain("pure.ts");
  });
});

describe("the compiler elsewhere", () => {
  it("knows all of that, so it is the project's settings that forbid it", () => {
    expect([...compile("src/store/tsconfig.json")]).toEqual([]);
  });
});

/** A function whose body has this many lines. */
function functionOf(lines: number): string {
  return `let sum = 0;\nexport function long(): number {\n${"  sum += 1;\n".repeat(lines - 1)}  return sum;\n}\n`;
}

/** The rule that must speak, and a file that it must speak about. */
const OFFENDERS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "nursery/noFloatingPromises": {
    "floating.ts":
      'import { Later } from "./later.ts";\n\nexport function now(later: Later): void {\n  later.run();\n}\n',
    "later.ts": "export class Later {\n  async run(): Promise<void> {}\n}\n",
  },
  "suspicious/noImportCycles": {
    "cycle-a.ts": 'import { b } from "./cycle-b.ts";\n\nexport const a = (): number => b();\n',
    "cycle-b.ts": 'import { a } from "./cycle-a.ts";\n\nexport const b = (): number => a();\n',
  },
  "complexity/noExcessiveLinesPerFunction": { "long.ts": functionOf(71) },
  "style/noNonNullAssertion": { "non-null.ts": "export const f = (xs: number[]): number => xs[0]!;\n" },
  "style/noDefaultExport": { "default.ts": "export default 1;\n" },
  "suspicious/noExplicitAny": { "any.ts": "export const f = (x: any): unknown => x;\n" },
  "style/useFilenamingConvention": { "camelCase.ts": "export const a = 1;\n" },
  "style/useImportType": {
    "import-type.ts": 'import { B } from "./type.ts";\n\nexport const f = (b: B): B => b;\n',
  },
  "style/noEnum": { "enum.ts": "export enum A {\n  b,\n}\n" },
  "correctness/noUnusedImports": {
    "unused-import.ts": 'import { clean } from "./clean.ts";\n\nexport const a = 1;\n',
  },
  "correctness/noUnusedVariables": { "unused-variable.ts": "const a = 1;\nexport const b = 1;\n" },
  format: { "format.ts": "export const a=1\n" },
};

interface Diagnostic {
  readonly category: string;
  readonly severity: string;
  readonly location: { readonly path: string | { readonly file: string } };
}

function lint(folder: string): { rule: string; severity: string; file: string }[] {
  const args = ["check", "--reporter=json", "--max-diagnostics=none", "."];
  const { diagnostics } = JSON.parse(run("@biomejs/biome/bin/biome", args, folder)) as {
    diagnostics: Diagnostic[];
  };
  return diagnostics.map(({ category, severity, location: { path } }) => ({
    rule: category.replace(/^lint\//, ""),
    severity,
    file: typeof path === "string" ? path : path.file,
  }));
}

describe("the linter", () => {
  let folder = "";
  let found: ReturnType<typeof lint> = [];
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "raftally-lint-"));
    copyFileSync(join(ROOT, "biome.json"), join(folder, "biome.json"));
    copyFileSync(join(ROOT, ".gitignore"), join(folder, ".gitignore"));
    for (const files of Object.values(OFFENDERS)) write(folder, files);
    write(folder, {
      "type.ts": "export interface B {\n  readonly c: number;\n}\n",
      "clean.ts": functionOf(70).replace("long()", "clean()"),
    });
    found = lint(folder);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each(Object.entries(OFFENDERS))("enforces %s", (rule, files) => {
    const [file] = Object.keys(files);
    expect(found).toContainEqual({ rule, severity: "error", file });
  });

  it("has nothing to say about a clean file", () => {
    expect(found.filter(({ file }) => ["clean.ts", "type.ts"].includes(file))).toEqual([]);
  });

  it("is not told anything that it does not understand", () => {
    expect(found.filter(({ file }) => file.endsWith("biome.json"))).toEqual([]);
  });
});
