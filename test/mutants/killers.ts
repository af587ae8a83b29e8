/** What can kill a mutant: the simulator and single tests, run inside a copy by processes of their own. */

import { spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isDeclared, testOf } from "./mutant.ts";

/** A killer that says nothing for so much longer than its budget hangs, s. */
const HANG_SECONDS = 60;
/** A run of tests that takes longer than this hangs, s. */
const TESTS_SECONDS = 180;

/** What one killer has found out. */
export interface Finding {
  /** The declared killers that have noticed; empty if none has. */
  readonly by: readonly string[];
  /** What went wrong without having been declared. */
  readonly strays: readonly string[];
  /** Where the simulator found it. */
  readonly seed: number | undefined;
  /** How many seeds were run. */
  readonly seeds: number | undefined;
  readonly ms: number;
}

interface Ended {
  readonly stdout: string;
  readonly stderr: string;
  readonly hung: boolean;
  readonly ms: number;
}

/** The processes that run now, so that they can be ended when this one is. */
const running = new Set<{ kill(signal: "SIGKILL"): unknown }>();

export function endAll(): void {
  for (const child of running) child.kill("SIGKILL");
}

function runNode(cwd: string, args: readonly string[], seconds: number): Promise<Ended> {
  const startedMs = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...args], {
      cwd,
      env: { ...process.env, CI: "true", FORCE_COLOR: "0" },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: seconds * 1_000,
      killSignal: "SIGKILL",
    });
    running.add(child);
    let stdout = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.on("error", reject);
    child.on("close", (_code, signal) => {
      running.delete(child);
      resolve({ stdout, stderr, hung: signal === "SIGKILL", ms: performance.now() - startedMs });
    });
  });
}

/** The line that says what went wrong. */
function errorIn(stderr: string): string {
  return stderr.split("\n").find((line) => /\w*Error\b/.test(line)) ?? "no reason is given";
}

/** What a child that simulated says at its end. */
interface Simulated {
  readonly killedBy?: string;
  readonly seed: number;
  readonly strays: Readonly<Record<string, number>>;
}

/** Runs the simulator from one seed on, until it shows something that was declared, or the budget is spent. */
export async function runSimulator(
  cwd: string,
  plan: {
    readonly from: number;
    readonly seeds?: number;
    readonly seconds: number;
    readonly until: readonly string[];
  },
): Promise<Finding> {
  const { from, seeds, seconds, until } = plan;
  const args = ["test/mutants/simulate.ts", "--from", String(from), "--seconds", String(seconds)];
  if (seeds !== undefined) args.push("--seeds", String(seeds));
  for (const declared of until) args.push("--until", declared);
  const { stdout, stderr, hung, ms } = await runNode(cwd, args, seconds + HANG_SECONDS);
  const last = stdout.trimEnd().split("\n").at(-1) ?? "";
  if (hung) {
    const seed = Number(/seed (\d+)/.exec(last)?.[1] ?? from);
    const declared = until.includes("hang");
    return {
      by: declared ? ["hang"] : [],
      strays: declared ? [] : ["hang"],
      seed,
      seeds: seed - from + 1,
      ms,
    };
  }
  if (!last.startsWith("{")) {
    return {
      by: [],
      strays: [`the simulator does not run: ${errorIn(stderr)}`],
      seed: undefined,
      seeds: 0,
      ms,
    };
  }
  const { killedBy, seed, strays } = JSON.parse(last) as Simulated;
  const found = killedBy !== undefined;
  return {
    by: found ? [killedBy] : [],
    strays: Object.keys(strays),
    seed: found ? seed : undefined,
    seeds: found ? seed - from + 1 : seed - from,
    ms,
  };
}

/** The part of vitest's report that is read here. */
interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message?: string;
    readonly assertionResults: readonly { readonly title: string; readonly status: string }[];
  }[];
}

/** Runs the declared tests, all together. */
export async function runTests(
  cwd: string,
  declared: readonly string[],
): Promise<Finding & { readonly ran: number }> {
  const tests = declared.map((one) => ({ declared: one, ...testOf(one) }));
  const files = [...new Set(tests.map(({ file }) => file))];
  const pattern = tests.map(({ title }) => title.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|");
  const output = join(cwd, "report.json");
  rmSync(output, { force: true });
  const args = ["node_modules/vitest/vitest.mjs", "run", ...files, "-t", pattern];
  args.push("--reporter=json", `--outputFile=${output}`, "--maxWorkers=1");
  const { stderr, hung, ms } = await runNode(cwd, args, TESTS_SECONDS);
  const nothing = { seed: undefined, seeds: undefined, ms, ran: 0 };
  if (hung) return { by: [], strays: ["the tests hang"], ...nothing };
  if (!existsSync(output))
    return { by: [], strays: [`the tests do not run: ${errorIn(stderr)}`], ...nothing };
  const { testResults } = JSON.parse(readFileSync(output, "utf8")) as Report;
  const by = new Set<string>();
  const strays = new Set<string>();
  let ran = 0;
  for (const { name, status, message, assertionResults } of testResults) {
    const failed = assertionResults.filter((one) => one.status === "failed");
    ran += assertionResults.filter((one) => one.status === "passed" || one.status === "failed").length;
    if (status === "failed" && failed.length === 0) {
      strays.add(`${name.slice(cwd.length + 1)} does not load (${message?.split("\n")[0] ?? "no reason"})`);
    }
    for (const { title } of failed) {
      const known = tests.find((one) => name.endsWith(one.file) && isDeclared(title, one.title));
      if (known === undefined) strays.add(`${name.slice(cwd.length + 1)} > ${title}`);
      else by.add(known.declared);
    }
  }
  return { by: [...by], strays: [...strays], ...nothing, ran };
}
