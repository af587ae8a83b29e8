/**
 * `npm run example`: a real web server's log, counted on three nodes while two of them are killed.
 *
 *     access-log.ts  reads the log            counting.ts  a line as one batch       feed.ts    sends the batches
 *     totals.ts      counts the file itself, and compares      stalls.ts, screen.ts  what is said about it
 */

import { setTimeout as sleep } from "node:timers/promises";
import { Cluster } from "../chaos/index.ts";
import { OutcomeUnknown, RaftallyClient, Unavailable } from "../src/client/index.ts";
import { readLog } from "./access-log.ts";
import { idempotencyKeyOf, operationsOf } from "./counting.ts";
import { feed, type Milestone } from "./feed.ts";
import { grouped, Screen } from "./screen.ts";
import { Stalls } from "./stalls.ts";
import { countDirectly, differences, type Totals } from "./totals.ts";

const IN_FLIGHT = 32;
/** A line that nobody has answered by then ends the example, ms. */
const PATIENCE_MS = 60_000;
/** Differences that are shown one by one. */
const SHOWN_MAX = 20;
const TOP = 10;
/** How often the nodes are asked who leads, ms. */
const POLL_MS = 20;
/** The exit code of a program that was interrupted. */
const INTERRUPTED = 130;

const screen = new Screen(process.stdout);

class Replay {
  readonly #cluster: Cluster;
  readonly #lines: readonly string[];
  readonly #stop: AbortSignal;
  readonly #stalls = new Stalls("nothing is killed");
  /** Lines whose first attempt went to each node. */
  readonly #sentFirstTo: number[];
  /** Lines whose answer was that of an earlier attempt, whose own answer was lost. */
  #replayed = 0;
  #note = "";

  constructor(cluster: Cluster, lines: readonly string[], stop: AbortSignal) {
    this.#cluster = cluster;
    this.#lines = lines;
    this.#stop = stop;
    this.#sentFirstTo = cluster.nodes.map(() => 0);
  }

  /** Sends every line and has its faults on the way. */
  async run(): Promise<void> {
    const began = performance.now();
    await feed({
      items: this.#lines,
      send: (line, position) => this.#send(line, position),
      inFlight: IN_FLIGHT,
      milestones: this.#milestones(),
      onAnswer: (answered) => {
        const rate = Math.round(answered / ((performance.now() - began) / 1_000));
        screen.progress(answered, this.#lines.length, `${grouped(rate)} lines/s${this.#note}`);
      },
    });
    screen.endProgress();
    const seconds = (performance.now() - began) / 1_000;
    screen.line();
    screen.line(`${grouped(this.#lines.length)} lines in ${seconds.toFixed(1)} s, ${IN_FLIGHT} at a time.`);
    const shares = this.#cluster.nodes.map(({ id }, at) => `${id} ${grouped(this.#sentFirstTo[at] ?? 0)}`);
    screen.line(`First sent to: ${shares.join(", ")}.`);
    screen.line(
      `Sent again after the answer had been lost, and not counted twice: ${grouped(this.#replayed)}.`,
    );
    screen.line("Longest time without an answer:");
    for (const { what, longestMs } of this.#stalls.stretches) {
      screen.line(`  ${String(Math.round(longestMs)).padStart(5)} ms  ${what}`);
    }
  }

  /** One line is one batch, tried with the same idempotency key until it is answered. */
  async #send(line: string, position: number): Promise<void> {
    const first = position % this.#cluster.nodes.length;
    this.#sentFirstTo[first] = (this.#sentFirstTo[first] ?? 0) + 1;
    // A client of its own for each line: one that is kept would remember who leads and never ask another node.
    const urls = [...this.#cluster.urls.slice(first), ...this.#cluster.urls.slice(0, first)];
    const client = new RaftallyClient({ urls });
    const operations = operationsOf(line);
    const options = { idempotencyKey: idempotencyKeyOf(position + 1), signal: this.#stop };
    const deadline = performance.now() + PATIENCE_MS;
    this.#stalls.asked(performance.now());
    for (;;) {
      try {
        const { replayed } = await client.batch(operations, options);
        if (replayed) this.#replayed += 1;
        return this.#stalls.answered(performance.now());
      } catch (error) {
        const worthMore = error instanceof OutcomeUnknown || error instanceof Unavailable;
        if (!worthMore || this.#stop.aborted || performance.now() > deadline) throw error;
      }
    }
  }

  #milestones(): readonly Milestone[] {
    let first = "";
    let second = "";
    return [
      {
        at: 0.4,
        before: 0.45,
        run: async () => {
          first = await this.#leader();
          await this.#kill(first, "the leader");
        },
      },
      {
        at: 0.7,
        before: 0.8,
        run: async () => {
          await this.#startAgain(first);
          const leader = await this.#leader();
          // Another node than the first: the new leader, unless the first leads again.
          second = [leader, ...this.#cluster.nodes.map(({ id }) => id)].find((id) => id !== first) ?? leader;
          await this.#kill(second, second === leader ? "the new leader" : "a follower");
        },
      },
      {
        at: 0.9,
        before: 1,
        run: async () => {
          this.#stalls.begin(`${second} comes back`, performance.now());
          await this.#startAgain(second);
        },
      },
    ];
  }

  /** The node that leads in the highest term; waits until one does, but not beyond an interruption. */
  async #leader(): Promise<string> {
    for (;;) {
      this.#stop.throwIfAborted();
      const views = await this.#cluster.views();
      const term = Math.max(...views.map((view) => view.term));
      const leader = views.find((view) => view.role === "leader" && view.term === term);
      if (leader !== undefined) return leader.id;
      await sleep(POLL_MS);
    }
  }

  async #kill(id: string, what: string): Promise<void> {
    this.#stop.throwIfAborted();
    this.#stalls.begin(`${id}, ${what}, is killed`, performance.now());
    await this.#cluster.kill(id);
    this.#note = `, ${id} is dead`;
    screen.line(`       SIGKILL to ${id}, ${what}`);
  }

  async #startAgain(id: string): Promise<void> {
    this.#stop.throwIfAborted();
    await this.#cluster.startNode(id);
    this.#note = "";
    screen.line(`       ${id} is back`);
  }
}

/** Every counter of one node, as it answers itself. */
async function readAll(cluster: Cluster, id: string, signal: AbortSignal): Promise<Totals> {
  const found = new Map<string, bigint>();
  const options = { limit: 1_000, consistency: "linearizable", signal } as const;
  for await (const { key, value } of cluster.clientOf(id).counters(options)) found.set(key, value);
  return found;
}

function showTop(counters: Totals): void {
  const paths = [...counters].filter(([key]) => key.startsWith("path:"));
  const top = paths.sort(([a, x], [b, y]) => Number(y - x) || (a < b ? -1 : 1)).slice(0, TOP);
  const rows = top.map(([key, hits]) => {
    const path = key.slice("path:".length);
    return [grouped(hits), grouped(counters.get(`visitors:${path}`) ?? 0n), path];
  });
  screen.table(["hits", "visitors", "path"], rows);
}

/** Compares every counter of every node with what the file holds; how many differ. */
async function verify(cluster: Cluster, expected: Totals, signal: AbortSignal): Promise<number> {
  let wrong = 0;
  for (const [at, { id }] of cluster.nodes.entries()) {
    const found = await readAll(cluster, id, signal);
    if (at === 0) {
      screen.line();
      showTop(found);
      screen.line();
      screen.line("Read from every node, and compared with what was counted from the file directly:");
    }
    const different = differences(expected, found);
    wrong += different.length;
    screen.line(`  ${id}: ${grouped(found.size)} counters, ${grouped(different.length)} differences`);
    for (const { key, expected: right = "none", found: got = "none" } of different.slice(0, SHOWN_MAX)) {
      screen.line(`    ${key}: ${got}, and must be ${right}`);
    }
  }
  return wrong;
}

async function play(cluster: Cluster, signal: AbortSignal): Promise<number> {
  const lines = readLog();
  screen.line(`Replaying ${grouped(lines.length)} requests through ${cluster.urls.join(", ")}`);
  screen.line();
  await new Replay(cluster, lines, signal).run();
  const expected = countDirectly(lines);
  const wrong = await verify(cluster, expected, signal);
  screen.line();
  screen.line(`${grouped(expected.size)} counters, ${grouped(wrong)} differences.`);
  return wrong === 0 ? 0 : 1;
}

/** Plays until the end, an interruption or a failure; whichever it is, no node is left behind. */
async function main(): Promise<number> {
  const stop = new AbortController();
  let cluster: Cluster | undefined;
  let failure: unknown;
  const end = (why: string): void => {
    if (stop.signal.aborted) return;
    screen.endProgress();
    screen.line(why);
    stop.abort();
    // A node that is about to start waits for the others: it must not be waited for.
    void cluster?.stop();
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => end("Stopping the nodes …"));
  process.on("uncaughtException", (error) => {
    // What breaks while everything is being torn down is no news.
    if (!stop.signal.aborted) failure = error;
    end("Something broke; stopping the nodes …");
  });
  try {
    screen.line("Starting three nodes …");
    cluster = await Cluster.start();
    stop.signal.throwIfAborted();
    return await play(cluster, stop.signal);
  } catch (error) {
    if (!stop.signal.aborted) failure = error;
  } finally {
    await cluster?.stop();
  }
  if (failure === undefined) return INTERRUPTED;
  screen.endProgress();
  screen.line(`The example failed: ${failure instanceof Error ? failure.message : String(failure)}`);
  return 1;
}

process.exitCode = await main();
