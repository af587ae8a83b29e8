/** One mutant against its killers: the cheapest first, until one notices. */

import { type Finding, runSimulator, runTests } from "./killers.ts";
import { type Mutant, testOf } from "./mutant.ts";
import type { FilePatch } from "./patch.ts";
import type { Workspace } from "./workspace.ts";

export interface Plan {
  /** All killers have to notice, not only one. */
  readonly everyKiller: boolean;
  /** Only the simulator is run, whatever is declared; anything it notices counts. */
  readonly simulatorOnly: boolean;
  /** The simulator's budget. */
  readonly seconds: number;
}

export interface Verdict extends Omit<Finding, "seed"> {
  readonly mutant: Mutant;
  /** What else there is to say, behind the killers. */
  readonly note: string | undefined;
  /** Declared killers that ran and noticed nothing, where all have to. */
  readonly failed: readonly string[];
}

export function isKilled({ by, failed }: Verdict): boolean {
  return by.length > 0 && failed.length === 0;
}

/** Tests without processes, disks or sockets: they end before the simulator has begun. */
const PURE = /^test\/(?:(?:raft|counter|base|paper)\/|node\/[^.]+\.test\.ts$)/;

export class Trials {
  readonly #workspace: Workspace;
  readonly #sound: Workspace;
  readonly #plan: Plan;

  /** @param sound a copy in which nothing is ever planted. */
  constructor(workspace: Workspace, sound: Workspace, plan: Plan) {
    this.#workspace = workspace;
    this.#sound = sound;
    this.#plan = plan;
  }

  async run(mutant: Mutant, patch: readonly FilePatch[]): Promise<Verdict> {
    this.#workspace.apply(patch);
    try {
      return await this.#judge(mutant);
    } finally {
      this.#workspace.restore();
    }
  }

  async #judge(mutant: Mutant): Promise<Verdict> {
    const findings: Finding[] = [];
    const failed: string[] = [];
    for (const { look, missedBy } of this.#killersOf(mutant)) {
      const finding = await look();
      findings.push(finding);
      if (this.#plan.everyKiller) failed.push(...missedBy(finding));
      else if (finding.by.length > 0) break;
    }
    const seeds = findings.find((finding) => finding.seeds !== undefined)?.seeds;
    const ms = findings.reduce((sum, finding) => sum + finding.ms, 0);
    const by = findings.flatMap((finding) => finding.by);
    const strays = findings.flatMap((finding) => finding.strays);
    const note = failed.length === 0 ? undefined : ` BUT NOT BY ${failed.join("; ")}`;
    return { mutant, by, strays, seeds, ms, note, failed };
  }

  /** Cheapest first. */
  #killersOf({ simulator, tests = [] }: Mutant): readonly Killer[] {
    if (this.#plan.simulatorOnly) return [this.#simulator([""])];
    const pure = tests.filter((test) => PURE.test(testOf(test).file));
    const other = tests.filter((test) => !pure.includes(test));
    return [
      ...(pure.length === 0 ? [] : [this.#tests(pure)]),
      ...(simulator === undefined ? [] : [this.#simulator(simulator)]),
      ...(other.length === 0 ? [] : [this.#tests(other)]),
    ];
  }

  #tests(declared: readonly string[]): Killer {
    return {
      look: () => runTests(this.#workspace.path, declared),
      missedBy: ({ by }) => declared.filter((one) => !by.includes(one)),
    };
  }

  #simulator(until: readonly string[]): Killer {
    return {
      look: () => this.#simulate(until),
      missedBy: ({ by }) => (by.length > 0 ? [] : ["the simulator"]),
    };
  }

  /** A seed that fails without the mutant too has killed nothing. */
  async #simulate(until: readonly string[]): Promise<Finding> {
    const finding = await runSimulator(this.#workspace.path, { from: 1, seconds: this.#plan.seconds, until });
    if (finding.seed === undefined) return finding;
    const again = await runSimulator(this.#sound.path, {
      from: finding.seed,
      seeds: 1,
      seconds: 60,
      until: [],
    });
    if (again.strays.length === 0) return finding;
    return { ...finding, by: [], strays: [`seed ${finding.seed} fails without the mutant too`] };
  }
}

/** Something that looks at the mutant, and which of its declared killers have missed it. */
interface Killer {
  readonly look: () => Promise<Finding>;
  readonly missedBy: (finding: Finding) => readonly string[];
}
