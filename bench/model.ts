/**
 * A group on paper: the way of an increment as a queueing network, simulated event by event, to see what limits a group
 * that nobody here can measure (more cores, slower disks, more callers).
 *
 * What it knows of the product: the leader's event loop is one server, which reads requests, makes entries and writes
 * answers. Writes that wait become one entry as soon as the entry before is on the leader's own disk, and where entries
 * are large, as soon as that one is answered and about as many are here again (model-gathering.ts); followers get it at
 * the same time, and more than one entry may be on its way to them. A disk does one sync at a time, with everything that
 * waited for it. When a majority has the entry, the loop answers, as for plain adds, and workers apply it beside. What it
 * does not know: garbage collection, checkpoints, elections, caches, and how several processes get in each other's way
 * beyond sharing cores.
 *
 * What each step costs is measured (see {@link fitted}); nothing here is made up. Times are µs of one core at full speed.
 */

import { Histogram } from "./load/histogram.ts";
import { Gathering } from "./model-gathering.ts";
import { Clock, Disk, Server } from "./model-world.ts";

/** What the steps cost, in µs of CPU. */
export interface Costs {
  /** The leader's event loop for one increment: reading, routing, checking, answering. */
  readonly requestUs: number;
  /**
   * The leader's event loop for one entry, however many increments it has: half of it before the entry is sent, the
   * other half beside, when nobody waits for it any more (later acknowledgements, the worker's answer, figures).
   */
  readonly entryUs: number;
  /** A follower's event loop for one entry, half of it before the acknowledgement leaves. */
  readonly followerUs: number;
  /** Any node's worker for one increment. Near 0 where increments of one counter come together. */
  readonly applyUs: number;
  /** Any node's worker for one entry: a transaction. */
  readonly applyEntryUs: number;
  /** Whoever asks, for one increment, on the same cores; 0 if that is another machine. */
  readonly callerUs: number;
}

/** Where and for whom. */
export interface Setting {
  readonly nodes: number;
  /** Each asks, waits for the answer, and asks again. */
  readonly callers: number;
  /** For all nodes and callers together. Infinity: each has what it needs. */
  readonly cores: number;
  /** What one sync takes, ms. */
  readonly fsyncMs: number;
  /** From one node to another and back, ms. */
  readonly rttMs: number;
}

export interface Prediction {
  /** Increments in a second. */
  readonly rate: number;
  /** Of one increment, ms. */
  readonly p50: number;
  readonly p99: number;
  /** Increments in an entry, on average. */
  readonly batch: number;
  /** Of the leader's disk, in a second. */
  readonly syncs: number;
  /** The share of the time in which each was busy, 0 to 1. The highest is what limits the group. */
  readonly busy: Readonly<Record<"leader" | "worker" | "follower" | "disk" | "cores", number>>;
}

const US_PER_MS = 1_000;
const US_PER_S = 1_000_000;
/** How often the speed of the cores is corrected until as much is used as there is. */
const CORRECTIONS = 12;
/** A share of the time during which the callers come into step with the group, and which does not count. */
const WARMUP = 0.2;

/** How many times everybody is to be answered at least. */
const ANSWERS_MIN = 8;

/** Simulates so many seconds, or as many more as it takes until everybody has been answered some times. Deterministic. */
export function predict(costs: Costs, setting: Setting, atLeast = 1): Prediction {
  const turnUs = setting.callers * (costs.requestUs + costs.callerUs) + costs.entryUs + costs.followerUs;
  const answerUs = turnUs + 3 * (setting.fsyncMs + setting.rttMs) * US_PER_MS;
  const seconds = Math.max(atLeast, (ANSWERS_MIN * answerUs) / US_PER_S);
  // Where all want more than there are cores, each gets on more slowly, until they want as much as there is.
  let slowness = 1;
  let run = new Run(costs, setting, slowness).take(seconds);
  for (let correction = 0; correction < CORRECTIONS; correction++) {
    const wanted = run.cpu / setting.cores;
    const next = Math.max(1, slowness * wanted);
    if (Math.abs(next - slowness) < 0.002 * slowness) break;
    slowness = next;
    run = new Run(costs, setting, slowness).take(seconds);
  }
  return run.prediction;
}

interface Follower {
  readonly loop: Server;
  readonly worker: Server;
  readonly disk: Disk;
}

/** What has happened so far. */
interface Count {
  readonly answered: number;
  readonly entries: number;
  readonly syncs: number;
  readonly leader: number;
  readonly worker: number;
  readonly follower: number;
  readonly cpu: number;
}

/** One simulation, at one speed of the cores. */
class Run {
  readonly #costs: Costs;
  readonly #setting: Setting;
  readonly #slowness: number;
  readonly #clock = new Clock();
  readonly #loop: Server;
  readonly #worker: Server;
  readonly #disk: Disk;
  readonly #callers: Server;
  readonly #followers: readonly Follower[];
  /** When those that wait for an entry were asked, µs. */
  #waiting: number[] = [];
  #isMaking = false;
  #isWriting = false;
  /** Entries whose increments are not all answered. */
  #underWay = 0;
  readonly #gathering = new Gathering();
  /** When it is looked again whether enough have gathered, µs. */
  #lookUs = 0;
  #answered = 0;
  #entries = 0;
  #latencies = new Histogram();
  #measuredUs = 0;
  #grown: Count | undefined;

  constructor(costs: Costs, setting: Setting, slowness: number) {
    this.#costs = costs;
    this.#setting = setting;
    this.#slowness = slowness;
    const server = (): Server => new Server(this.#clock, slowness);
    const disk = (): Disk => new Disk(this.#clock, setting.fsyncMs * US_PER_MS);
    this.#loop = server();
    this.#worker = server();
    this.#disk = disk();
    this.#callers = server();
    const other = (): Follower => ({ loop: server(), worker: server(), disk: disk() });
    this.#followers = Array.from({ length: setting.nodes - 1 }, other);
  }

  take(seconds: number): this {
    // They do not all come at once, and nothing in a real group would make them.
    const { callers, fsyncMs, rttMs } = this.#setting;
    for (let caller = 0; caller < callers; caller++) {
      this.#clock.at((caller / callers) * (fsyncMs + rttMs) * US_PER_MS, () => this.#ask());
    }
    const endUs = seconds * US_PER_S;
    this.#clock.pass(WARMUP * endUs);
    const before = this.#count();
    this.#latencies = new Histogram();
    this.#clock.pass(endUs);
    this.#measuredUs = (1 - WARMUP) * endUs;
    const after = this.#count();
    const names = Object.keys(after) as (keyof Count)[];
    this.#grown = Object.fromEntries(
      names.map((name) => [name, after[name] - before[name]]),
    ) as unknown as Count;
    return this;
  }

  /** Cores that all would use at this speed: more than there are, if it is too high. */
  get cpu(): number {
    return (this.#grown?.cpu ?? 0) / this.#measuredUs;
  }

  get prediction(): Prediction {
    const grown = this.#grown ?? this.#count();
    const seconds = this.#measuredUs / US_PER_S;
    const share = (us: number): number => (us * this.#slowness) / this.#measuredUs;
    return {
      rate: grown.answered / seconds,
      p50: this.#latencies.percentile(0.5),
      p99: this.#latencies.percentile(0.99),
      batch: grown.answered / grown.entries,
      syncs: grown.syncs / seconds,
      busy: {
        leader: share(grown.leader),
        worker: share(grown.worker),
        follower: share(grown.follower),
        disk: (grown.syncs * this.#setting.fsyncMs) / US_PER_MS / seconds,
        cores: this.cpu / this.#setting.cores,
      },
    };
  }

  #count(): Count {
    const followers = this.#followers;
    const sum = (of: (follower: Follower) => number): number =>
      followers.reduce((total, follower) => total + of(follower), 0);
    return {
      answered: this.#answered,
      entries: this.#entries,
      syncs: this.#disk.syncs,
      leader: this.#loop.used,
      worker: this.#worker.used,
      follower: followers[0]?.loop.used ?? 0,
      cpu:
        this.#loop.used +
        this.#worker.used +
        this.#callers.used +
        sum(({ loop, worker }) => loop.used + worker.used),
    };
  }

  #ask(): void {
    this.#callers.run(this.#costs.callerUs, () => {
      const askedUs = this.#clock.nowUs;
      this.#loop.run(this.#costs.requestUs / 2, () => {
        this.#waiting.push(askedUs);
        this.#make();
      });
    });
  }

  /** Makes an entry of all that wait, after what the loop has to do before. */
  #make(): void {
    if (this.#isMaking || this.#isWriting || this.#waiting.length === 0) return;
    const { nowUs } = this.#clock;
    const againUs = this.#gathering.until({ waiting: this.#waiting.length, underWay: this.#underWay }, nowUs);
    if (againUs > nowUs) return this.#lookAt(againUs);
    this.#isMaking = true;
    this.#loop.run(this.#costs.entryUs / 2, () => {
      const asked = this.#waiting;
      this.#waiting = [];
      this.#isMaking = false;
      this.#isWriting = true;
      this.#entries += 1;
      this.#underWay += 1;
      this.#gathering.made(asked.length, this.#clock.nowUs);
      this.#replicate(asked);
    });
  }

  #lookAt(atUs: number): void {
    if (this.#lookUs > this.#clock.nowUs && this.#lookUs <= atUs) return;
    this.#lookUs = atUs;
    this.#clock.at(atUs, () => this.#make());
  }

  #replicate(asked: readonly number[]): void {
    const { followerUs } = this.#costs;
    const { nodes, rttMs } = this.#setting;
    const majority = Math.floor(nodes / 2) + 1;
    const halfUs = (rttMs * US_PER_MS) / 2;
    let missing = majority;
    const durable = (): void => {
      missing -= 1;
      if (missing === 0) this.#answer(asked);
    };
    this.#disk.write(() => {
      this.#isWriting = false;
      durable();
      this.#make();
    });
    for (const { loop, disk, worker } of this.#followers) {
      this.#after(halfUs, () =>
        loop.run(followerUs / 2, () =>
          disk.write(() => {
            this.#after(halfUs, durable);
            loop.run(followerUs / 2, () => undefined);
            worker.run(this.#applyUs(asked.length), () => undefined);
          }),
        ),
      );
    }
  }

  /** The entry is committed: plain adds are answered with what the leader has foretold, and applied beside. */
  #answer(asked: readonly number[]): void {
    this.#worker.run(this.#applyUs(asked.length), () => undefined);
    let missing = asked.length;
    for (const askedUs of asked) {
      this.#loop.run(this.#costs.requestUs / 2, () => {
        this.#answered += 1;
        missing -= 1;
        this.#latencies.record((this.#clock.nowUs - askedUs) / US_PER_MS);
        this.#ask();
        if (missing > 0) return;
        this.#underWay -= 1;
        this.#make();
      });
    }
    this.#loop.run(this.#costs.entryUs / 2, () => undefined);
  }

  #applyUs(increments: number): number {
    return this.#costs.applyEntryUs + increments * this.#costs.applyUs;
  }

  #after(us: number, run: () => void): void {
    this.#clock.at(this.#clock.nowUs + us, run);
  }
}

/** What was measured of one thread or process at some size of entries. */
export interface CpuPoint {
  /** CPU for one increment, µs. */
  readonly us: number;
  /** Increments in an entry. */
  readonly batch: number;
}

/**
 * What an increment costs by itself, and what an entry does, from two measurements: CPU for an increment is
 * `perIncrement + perEntry / batch`.
 * @throws {RangeError} if both have entries of the same size: then nothing tells the two apart.
 */
export function fitted(
  one: CpuPoint,
  other: CpuPoint,
): { readonly perIncrementUs: number; readonly perEntryUs: number } {
  const apart = 1 / one.batch - 1 / other.batch;
  if (apart === 0) throw new RangeError("two measurements with entries of different sizes are needed");
  const perEntryUs = (one.us - other.us) / apart;
  return { perIncrementUs: one.us - perEntryUs / one.batch, perEntryUs };
}
