/** The rounds of a run: who is measured when, and what is told meanwhile. */

import { chmod, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { sampleText, wrongText } from "./report/format.ts";
import { type Selected, seriesName } from "./selection.ts";
import type {
  Availability,
  Check,
  Contender,
  HttpGenerator,
  Participant,
  Round,
  Running,
  Series,
  Timing,
  WorkloadInfo,
  World,
} from "./types.ts";

/** Mode of a directory through which systems that give up root can get to what is theirs. */
export const PASSABLE = 0o711;

/** What is to be done. */
export interface Plan {
  readonly selected: readonly Selected[];
  readonly rounds: number;
  readonly seconds: number;
  readonly warmupSeconds: number;
  readonly quick: boolean;
  readonly world: World;
  readonly generator: HttpGenerator;
  /** In which every contender gets a directory of its own. */
  readonly directory: string;
  readonly signal: AbortSignal;
}

/** Who listens while it runs. */
export interface Listener {
  /** Something to keep. */
  line(text: string): void;
  /** Something that the next line or status replaces. */
  status(text: string): void;
}

/** What a run has given. */
export interface Measured {
  readonly participants: readonly Participant[];
  readonly series: readonly Series[];
}

/** Whether what was found is what was acknowledged, give or take what was on its way. */
export function isRight({ acknowledged, found, underway }: Check): boolean {
  return found >= acknowledged && found <= acknowledged + BigInt(underway);
}

/** Who of them can be measured here. */
export async function probed(
  selected: readonly Selected[],
  world: World,
): Promise<ReadonlyMap<Contender, Availability>> {
  const found = new Map<Contender, Availability>();
  for (const { contender } of selected) found.set(contender, await contender.probe(world));
  return found;
}

/**
 * Measures everything, round by round. What fails or counts wrong is part of the result, and the others go on.
 * @throws the reason of `plan.signal`; every process has ended then.
 */
export async function runRounds(plan: Plan, listener: Listener): Promise<Measured> {
  const availability = await probed(plan.selected, plan.world);
  const rounds = new Map<string, Round[]>();
  for (const { contender, workloads } of plan.selected) {
    for (const workload of workloads) rounds.set(seriesName(contender, workload), []);
    const here = availability.get(contender);
    if (here?.available === false) listener.line(`${contender.name}: skipped: ${here.reason}`);
  }
  const able = plan.selected.filter(({ contender }) => availability.get(contender)?.available === true);
  for (let round = 1; round <= plan.rounds; round++) {
    for (const one of able) {
      if (round > (one.contender.rounds ?? plan.rounds)) continue;
      const turn = new Turn(plan, one, { round, listener });
      for (const [workload, outcome] of await turn.run()) {
        rounds.get(seriesName(one.contender, workload))?.push(outcome);
      }
    }
  }
  return {
    participants: plan.selected.map(
      ({ contender: { probe: _, start: __, workloads: ___, ...info } }, at) => ({
        ...info,
        availability: availabilityOf(availability, plan.selected[at]),
      }),
    ),
    series: able.flatMap(({ contender, workloads }) =>
      workloads.map((workload) => {
        const series = seriesName(contender, workload);
        return { ...workload, series, rounds: rounds.get(series) ?? [] };
      }),
    ),
  };
}

function availabilityOf(
  found: ReadonlyMap<Contender, Availability>,
  selected: Selected | undefined,
): Availability {
  const here = selected === undefined ? undefined : found.get(selected.contender);
  return here ?? { available: false, reason: "it was not looked for" };
}

/** One contender in one round. */
class Turn {
  readonly #plan: Plan;
  readonly #selected: Selected;
  readonly #round: number;
  readonly #listener: Listener;

  constructor(
    plan: Plan,
    selected: Selected,
    { round, listener }: { readonly round: number; readonly listener: Listener },
  ) {
    this.#plan = plan;
    this.#selected = selected;
    this.#round = round;
    this.#listener = listener;
  }

  /** @throws the reason of the plan's signal, after everything has ended. */
  async run(): Promise<readonly (readonly [WorkloadInfo, Round])[]> {
    const { contender, workloads } = this.#selected;
    this.#plan.signal.throwIfAborted();
    const directory = await mkdtemp(join(this.#plan.directory, `${contender.id}-`));
    try {
      await chmod(directory, PASSABLE);
      this.#listener.status(`${this.#where(contender.id)} starts`);
      const { world, signal } = this.#plan;
      const running = await contender.start({ directory, world, signal });
      try {
        return await this.#workAll(running);
      } finally {
        await running.stop();
      }
    } catch (error) {
      this.#plan.signal.throwIfAborted();
      const failed: Round = { outcome: "failed", reason: `it did not run: ${textOf(error)}` };
      this.#listener.line(`${this.#where(contender.id)} ${failed.reason}`);
      return workloads.map((workload) => [workload, failed] as const);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }

  async #workAll(running: Running): Promise<readonly (readonly [WorkloadInfo, Round])[]> {
    const outcomes: (readonly [WorkloadInfo, Round])[] = [];
    for (const workload of this.#selected.workloads) {
      outcomes.push([workload, await this.#work(running, workload)]);
    }
    return outcomes;
  }

  async #work(running: Running, workload: WorkloadInfo): Promise<Round> {
    const { quick, seconds, warmupSeconds, generator, signal } = this.#plan;
    const where = this.#where(seriesName(this.#selected.contender, workload));
    const timing: Timing = {
      quick,
      generator,
      signal,
      warmupSeconds,
      seconds: quick ? seconds : (workload.seconds ?? seconds),
      progress: (text) => this.#listener.status(`${where} ${text}`),
    };
    this.#listener.status(`${where} ${workload.about}`);
    try {
      const sample = await running.run(workload.id, timing);
      signal.throwIfAborted();
      // What has a rate has work to do, and no work at all would count right as well.
      const isIdle =
        sample.figures.rate === 0 || (sample.figures.rate !== undefined && sample.check.acknowledged === 0n);
      if (isIdle) throw new Error("nothing was acknowledged in all this time");
      const outcome = isRight(sample.check) ? "measured" : "wrong";
      this.#listener.line(`${where} ${outcome === "wrong" ? wrongText(sample.check) : sampleText(sample)}`);
      return { outcome, sample };
    } catch (error) {
      signal.throwIfAborted();
      this.#listener.line(`${where} FAILED: ${textOf(error)}`);
      return { outcome: "failed", reason: textOf(error) };
    }
  }

  #where(what: string): string {
    return `${this.#round}/${this.#plan.rounds}  ${what.padEnd(WIDTH)}`;
  }
}

/** Of the longest name of a series, about. */
const WIDTH = 26;

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
