/**
 * The words of the benchmark.
 *
 * A **contender** is a system that is started, put to work and stopped: Raftally with three nodes, etcd, Raftally with
 * slow disks. A **workload** is one kind of work for it; each run of one gives a **sample**, which is a set of
 * **figures** (a rate, latencies, bytes) and a **check** that what was counted is what was acknowledged. A **series** is
 * the samples of one workload over all rounds. A **target** compares figures of series with each other, or with a number.
 *
 * In each round every contender is started anew in an empty directory, does each of its workloads once, and is stopped:
 * A, B, C, A, B, C. So what disturbs a machine for a minute disturbs all of them alike.
 */

/** What can be measured. The table {@link FIGURES} says in which unit, and which way is better. */
export type FigureName =
  | "rate"
  | "p50"
  | "p99"
  | "p999"
  | "max"
  | "cpu"
  | "loopDelay"
  | "stall"
  | "ready"
  | "memoryIdle"
  | "memoryLoaded"
  | "disk"
  | "diskMost"
  | "loopDelayFollowers"
  | "loopBusy"
  | "nodeCpu"
  | "followerCpu"
  | "syncs"
  | "syncMs"
  | "batch"
  | "written"
  | "wire"
  | "snapshots";

export interface FigureInfo {
  /** As it is printed behind the number. */
  readonly unit: string;
  readonly better: "higher" | "lower" | "neither";
  readonly about: string;
}

/** Every figure that a sample may have. */
export const FIGURES: Readonly<Record<FigureName, FigureInfo>> = {
  rate: { unit: "/s", better: "higher", about: "operations acknowledged in a second" },
  p50: { unit: "ms", better: "lower", about: "half of the operations took no longer" },
  p99: { unit: "ms", better: "lower", about: "99 of 100 operations took no longer" },
  p999: { unit: "ms", better: "lower", about: "999 of 1,000 operations took no longer" },
  max: { unit: "ms", better: "lower", about: "no operation took longer" },
  cpu: { unit: "cores", better: "neither", about: "what the generator of the load itself used" },
  loopDelay: {
    unit: "ms",
    better: "lower",
    about: "999 of 1,000 turns of the event loop were late by no more",
  },
  stall: { unit: "ms", better: "lower", about: "the longest time without an acknowledgement" },
  ready: { unit: "ms", better: "lower", about: "from the start of the process until it is ready" },
  memoryIdle: { unit: "MB", better: "lower", about: "resident memory of a node that has done nothing yet" },
  memoryLoaded: { unit: "MB", better: "lower", about: "resident memory of a node after its load" },
  disk: { unit: "MB", better: "lower", about: "what the data directory of a node occupies" },
  diskMost: {
    unit: "MB",
    better: "lower",
    about: "the most that the data directory of a node occupied meanwhile",
  },
  loopDelayFollowers: { unit: "ms", better: "lower", about: "the same on the follower that was later" },
  loopBusy: { unit: "cores", better: "neither", about: "what the leader's event loop used: 1 is all it can" },
  nodeCpu: { unit: "cores", better: "neither", about: "what the busiest node used" },
  followerCpu: { unit: "cores", better: "neither", about: "what the busier follower used" },
  syncMs: { unit: "ms", better: "lower", about: "what a write of the leader's log took, on average" },
  syncs: { unit: "/s", better: "neither", about: "writes of the leader's log to its disk, each one sync" },
  batch: { unit: "ops", better: "higher", about: "operations in each of these writes" },
  written: { unit: "B/op", better: "lower", about: "what the leader wrote to its log for an operation" },
  wire: {
    unit: "B/op",
    better: "lower",
    about: "what the leader sent to all its peers together for an operation",
  },
  snapshots: { unit: "", better: "neither", about: "snapshots that the nodes took meanwhile" },
};

/** The figures of one run of a workload; which ones there are is the workload's matter, the same in each round. */
export type Figures = Readonly<Partial<Record<FigureName, number>>>;

/** What was counted, and what it must be. */
export interface Check {
  /** What was compared, as the end of "counted is ...": "the sum of 1,000 counters". */
  readonly about: string;
  /** How many operations were acknowledged: what was found may not be less. */
  readonly acknowledged: bigint;
  /** What the system holds afterwards. */
  readonly found: bigint;
  /**
   * Operations that were on their way when the time was over, and whose answer nobody waited for: so many more may be
   * found. 0 where the generator waits for all answers.
   */
  readonly underway: number;
}

/** What one run of a workload gives. */
export interface Sample {
  readonly figures: Figures;
  readonly check: Check;
}

/** Who makes the load over HTTP: wrk, or bare sockets of this process (see `load/http.ts`). */
export type HttpGenerator = "wrk" | "sockets";

/** How long a workload runs. */
export interface Timing {
  /** Before anything counts, in seconds. */
  readonly warmupSeconds: number;
  /** What is measured, in seconds. Workloads of another shape (30 kills) do less where {@link quick} is set. */
  readonly seconds: number;
  /** Whether this is the short form, of less than two minutes in all. */
  readonly quick: boolean;
  /** The same for all that speak HTTP. */
  readonly generator: HttpGenerator;
  /** Aborted by Ctrl-C. A workload must then end soon, in whatever way. */
  readonly signal: AbortSignal;
  /** Says how far it is, on a line that is overwritten by the next. */
  readonly progress: (text: string) => void;
}

/** What the machine is made slower by, for the nodes of Raftally. */
export interface World {
  /** How long each fsync takes longer, in ms. */
  readonly fsyncMs: number;
  /** How long a message and its answer take longer between two nodes, in ms. */
  readonly rttMs: number;
}

/** Where a contender lives. */
export interface StartContext {
  /** Its own, empty, and removed after {@link Contender} has been stopped. */
  readonly directory: string;
  readonly world: World;
  readonly signal: AbortSignal;
}

/** Whether a contender can be measured on this machine; `reason` completes "skipped: ". */
export type Availability =
  | { readonly available: true; readonly version: string }
  | { readonly available: false; readonly reason: string };

/** What a table says of a workload. */
export interface WorkloadInfo {
  /** Unique within its contender: `hot-key`. */
  readonly id: string;
  readonly about: string;
  /** How many callers there are at a time. */
  readonly connections: number;
  readonly keys: number;
  /** Its own length in a full run, in seconds, where the usual one will not do. */
  readonly seconds?: number;
  /** Only in a full run. */
  readonly fullOnly?: true;
}

/** One kind of work for a system, written for its own type of system. */
export interface WorkloadOf<System> extends WorkloadInfo {
  /** @throws {Error} when the system fails; the sample is then reported as failed, and the run as well. */
  readonly run: (system: System, timing: Timing) => Promise<Sample>;
}

/** What is said of a contender. */
export interface ContenderInfo {
  /** Unique: `etcd`. Together with a workload's id it names a series: `etcd/put`. */
  readonly id: string;
  readonly name: string;
  readonly about: string;
  /** Debian packages that bring it; `--install` installs them. */
  readonly packages: readonly string[];
  /** In how many rounds it takes part, at most; in all if left out. For what takes minutes (30 kills). */
  readonly rounds?: number;
  /** Only in a full run. */
  readonly fullOnly?: true;
}

/** A contender, written for its own type of system. {@link contender} makes a {@link Contender} of it. */
export interface ContenderOf<System> extends ContenderInfo {
  readonly probe: (world: World) => Promise<Availability>;
  /** Resolves when it is ready for work. If it rejects, it has cleaned up after itself (processes; the directory is not its). */
  readonly start: (context: StartContext) => Promise<System>;
  /** Ends every process. Called once, also after a workload has failed, and after Ctrl-C. */
  readonly stop: (system: System) => Promise<void>;
  readonly workloads: readonly WorkloadOf<System>[];
}

/** A system that is running. */
export interface Running {
  /** @param id of one of its workloads. */
  run(id: string, timing: Timing): Promise<Sample>;
  stop(): Promise<void>;
}

/** A contender of whatever type. */
export interface Contender extends ContenderInfo {
  readonly workloads: readonly WorkloadInfo[];
  probe(world: World): Promise<Availability>;
  start(context: StartContext): Promise<Running>;
}

/** Hides of which type a contender's system is, so that contenders can stand in one list. */
export function contender<System>(of: ContenderOf<System>): Contender {
  const { start, stop, workloads, ...rest } = of;
  return {
    ...rest,
    workloads: workloads.map(({ run: _, ...info }) => info),
    start: async (context) => {
      const system = await start(context);
      return {
        run: async (id, timing) => {
          const workload = workloads.find((one) => one.id === id);
          if (workload === undefined) throw new Error(`${of.id} has no workload ${id}`);
          return await workload.run(system, timing);
        },
        stop: async () => await stop(system),
      };
    },
  };
}

/** One figure of one series: `{ series: "etcd/put", figure: "rate" }`. The median over the rounds is meant. */
export interface FigureRef {
  readonly series: string;
  readonly figure: FigureName;
}

/**
 * One comparison of a target. With `times`, `least` and `aim` are factors of that other figure in the same run; without,
 * they are numbers in the figure's own unit.
 */
export interface Bar {
  readonly figure: FigureRef;
  readonly is: "at least" | "at most";
  readonly least: number;
  /** Left out where the aim says nothing of this comparison. */
  readonly aim?: number;
  readonly times?: FigureRef;
}

/** A row of the table of targets. It is met when all of its bars are. */
export interface Target {
  readonly id: string;
  readonly about: string;
  readonly bars: readonly Bar[];
}

/** What became of a series in one round. */
export type Round =
  | { readonly outcome: "measured"; readonly sample: Sample }
  /** It counted wrong: the run fails, whatever the figures. */
  | { readonly outcome: "wrong"; readonly sample: Sample }
  | { readonly outcome: "failed"; readonly reason: string };

/** The samples of one workload of one contender. */
export interface Series extends WorkloadInfo {
  /** `contender/workload`. */
  readonly series: string;
  /** One for each round in which it took part, in order. */
  readonly rounds: readonly Round[];
}

/** Who took part, or why not. */
export interface Participant extends ContenderInfo {
  readonly availability: Availability;
}

/** The machine that the figures are of. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly kernel: string;
  readonly distribution: string;
  /** Of the directory in which everything was written: `ext4`, `tmpfs`. */
  readonly filesystem: string;
  /** The load average of the minute before the run: what else this machine was doing. */
  readonly loadBefore: number;
}

/** Of the JSON file. Raised when a field changes its meaning or goes away. */
export const RESULT_FORMAT = 1;

/** The JSON file of a run. Everything else in it can be computed from the series again. */
export interface Result {
  readonly format: number;
  /** ISO 8601. */
  readonly began: string;
  readonly tookSeconds: number;
  /** As it was typed. */
  readonly command: string;
  readonly quick: boolean;
  readonly rounds: number;
  readonly secondsPerWorkload: number;
  readonly world: World;
  readonly machine: Machine;
  /** Of what takes part without being a contender: Node.js, the generator of HTTP load, the commit of this project. */
  readonly versions: Readonly<Record<string, string>>;
  readonly participants: readonly Participant[];
  readonly series: readonly Series[];
  readonly targets: readonly Target[];
}
