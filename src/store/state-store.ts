/**
 * The counters of this node on disk, behind a worker thread.
 *
 * Facts for the crash table:
 *
 * - state.db changes in transactions, each of some applies and the applied index together. An apply is answered as
 *   soon as the worker has done it; it is committed with those that follow it within 500 ms. A killed process loses those
 *   that were not committed, a power cut some more (synchronous=NORMAL), never a part of one. The log replays them.
 * - A restore (1) copies the snapshot to `state.db.new`, compares it with its manifest, and fsyncs it,
 *   (2) checkpoints and closes state.db, so that everything is in the one file, (3) removes `-wal` and `-shm`,
 *   (4) renames `state.db.new` to `state.db`, (5) fsyncs the directory. A crash after 1 to 3 leaves the old
 *   state, whole, and a `state.db.new` that the next open removes; one after 4 leaves the old state or the new.
 *   The order of 3 and 4 matters: SQLite would replay an old `-wal` onto the new file.
 * - An open finds no file, an empty one, or one without tables (killed while it was being made): it makes a new
 *   state at index 0.
 */

import { stat } from "node:fs/promises";
import { Worker } from "node:worker_threads";
import { defined } from "../base/index.ts";
import type { Totals } from "../counter/index.ts";
import type { Configuration, Entry, SnapshotMeta } from "../raft/index.ts";
import { StorageFailure } from "./errors.ts";
import { unpackOutcomes } from "./packed-outcomes.ts";
import { isScanQuery } from "./scan.ts";
import { ScanDesk } from "./scan-desk.ts";
import {
  packEntries,
  reviveError,
  type StateCall,
  type StateCalls,
  type StateMessage,
  type StateReplies,
  type StateRequest,
  type StateWorkerOptions,
  workerUrl,
} from "./state-protocol.ts";
import type { Applied, Query, QueryAnswer, QueryAnswers, SnapshotManifest, StateDigest } from "./types.ts";

const WAL_BYTES_MAX = 16_777_216;

export interface StateStoreOptions {
  /** The path of state.db; its directory exists. */
  readonly path: string;
  readonly clusterId: string;
  /** The configuration at index 0, for a state that begins now. */
  readonly initial: Configuration;
  /** Bytes of SQLite's WAL beyond which a checkpoint is made between two applies; 16 MiB by default. */
  readonly walBytesMax?: number;
  /** How long one scan may take, ms; 2 s by default. */
  readonly scanMs?: number;
  /** Called once, when the store has failed: also when nobody was waiting for it. */
  readonly onFailure?: (failure: Error) => void;
}

/** A worker that has opened the state. */
interface Started {
  readonly opened: SnapshotMeta;
  readonly exited: Promise<void>;
}

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/**
 * The state machine's rows, its applied position, and what may be asked of them. Calls are carried out in the
 * order in which they are made.
 *
 * Any error is final: everything pending rejects with it and so does every later call (P12).
 */
export class StateStore {
  /** How far the state had been applied when it was opened, and the configuration in force there. */
  readonly opened: SnapshotMeta;
  readonly #path: string;
  readonly #worker: Worker;
  /**
   * The worker ends by itself, after its last request or its first error. It is never terminated: Node would
   * do so in the middle of a call into SQLite, and could bring down the whole process with it.
   */
  readonly #exited: Promise<void>;
  readonly #onFailure: ((failure: Error) => void) | undefined;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #failure: Error | undefined;
  #closing: Promise<void> | undefined;
  /** Answers scans in a thread of their own. */
  readonly #scans: ScanDesk;
  /** Ends when nobody else has state.db open: snapshots are taken, and restores made, one after the other. */
  #turn: Promise<unknown> = Promise.resolve();
  /** Calls made after a restore that waits for its turn; undefined while none waits. */
  #held: (() => void)[] | undefined;

  /**
   * Opens state.db, or makes a new one at index 0.
   * @throws {CorruptionError} if it is damaged.
   * @throws {NewerFormatError} if a newer version of Raftally wrote it.
   * @throws {IdentityError} if it belongs to another cluster.
   * @throws {StorageFailure} if it cannot be read or written.
   */
  static async open(options: StateStoreOptions): Promise<StateStore> {
    const { path, clusterId, initial, walBytesMax = WAL_BYTES_MAX } = options;
    const workerData: StateWorkerOptions = { path, clusterId, initial, walBytesMax };
    const worker = new Worker(workerUrl("state-worker"), { workerData, name: "raftally-state" });
    const exited = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
    try {
      return new StateStore(worker, options, { opened: await firstWord(worker), exited });
    } catch (error) {
      await exited;
      throw error;
    }
  }

  private constructor(worker: Worker, options: StateStoreOptions, { opened, exited }: Started) {
    this.#worker = worker;
    this.#exited = exited;
    this.#path = options.path;
    this.#onFailure = options.onFailure;
    this.opened = opened;
    this.#scans = new ScanDesk({
      path: options.path,
      clusterId: options.clusterId,
      ...(options.scanMs === undefined ? {} : { scanMs: options.scanMs }),
      onGap: () => this.#post("checkpoint", {}),
      onFailure: (failure) => this.#fail(failure),
    });
    worker.on("message", (message: StateMessage) => this.#settle(message));
    worker.on("messageerror", (error) =>
      this.#fail(new StorageFailure("read an answer of the worker", error)),
    );
    worker.on("error", (error) => this.#fail(new StorageFailure("go on with the worker of state.db", error)));
    worker.on("exit", (code) =>
      this.#fail(new StorageFailure("go on with state.db", `its worker ended with exit code ${code}`)),
    );
  }

  /** Why the store has stopped for good; undefined while it works. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Applies entries that follow the last applied one. */
  async apply(entries: readonly Entry[], wantOutcomes: boolean): Promise<Applied> {
    const packed = packEntries(entries);
    const applied = await this.#call("apply", { entries: packed, wantOutcomes }, [packed.bytes.buffer]);
    return { ...applied, outcomes: unpackOutcomes(applied.outcomes) };
  }

  /**
   * Answers `queries` from a state that has applied everything asked for before; each scan from one of its own, the
   * others together from one. The position is the lowest of all, so that it promises nothing too much.
   */
  query(queries: readonly Query[]): Promise<QueryAnswers> {
    if (!queries.some(isScanQuery)) return this.#call("query", { queries });
    if (this.#isHolding()) return this.#hold(() => this.query(queries));
    return this.#queryWithScans(queries);
  }

  async #queryWithScans(queries: readonly Query[]): Promise<QueryAnswers> {
    const quick = queries.filter((query) => !isScanQuery(query));
    const others = quick.length === 0 ? undefined : this.#post("query", { queries: quick });
    // They read the file.
    const ready = this.#post("commit", {}).catch(() => undefined);
    const scans = queries.filter(isScanQuery).map((query) => this.#scans.run(query, ready));
    const [answered, ...results] = await Promise.all([others, ...scans]);
    const positions = [answered, ...results.map((one) => ("refused" in one ? undefined : one))];
    const lowest = positions.reduce((low, one) => {
      return low === undefined || (one !== undefined && one.index < low.index) ? one : low;
    }, undefined);
    // Scans that were all refused have seen no state.
    const { index, term } = lowest ?? (await this.#post("query", { queries: [] }));
    const [given, scanned] = [(answered?.answers ?? []).values(), results.values()];
    const answers = queries.map((query): QueryAnswer => {
      if (!isScanQuery(query)) return defined(given.next().value, "state: each query has an answer");
      const result = defined(scanned.next().value, "state: each scan has an answer");
      return "refused" in result
        ? result.refused
        : defined(result.answers[0], "state: each scan has an answer");
    });
    return { answers, index, term };
  }

  totals(): Promise<Totals> {
    return this.#call("totals", {});
  }

  /** The digests remembered, oldest first: of every 1,024th index, at most the last 64. */
  digests(): Promise<readonly StateDigest[]> {
    return this.#call("digests", {});
  }

  /**
   * Replaces the state by a copy of a snapshot that is not older than it.
   * @param file the snapshot's file, which must be held until this ends.
   * @throws {CorruptionError} if the file is not the one that the manifest describes.
   */
  restore(file: string, manifest: SnapshotManifest): Promise<Applied> {
    if (this.#isHolding()) return this.#hold(() => this.restore(file, manifest));
    // Whoever reads state.db for a snapshot must be done: SQLite finds the WAL by its name, and would mix the
    // old state's with the new one's. What is asked for after this call waits behind it, in order.
    this.#held = [];
    return this.#inTurn(async () => {
      await this.#scans.pause();
      const restored = this.#post("restore", { file, manifest });
      this.#letGo();
      return restored.finally(() => this.#scans.resume());
    });
  }

  /**
   * Runs `work`, which may open state.db and read it, while no restore replaces the file. All that was applied before is
   * in it.
   */
  shareFile<T>(work: (path: string) => Promise<T>): Promise<T> {
    return this.#inTurn(async () => {
      await this.#post("commit", {});
      return work(this.#path);
    });
  }

  /** Ends when all that was applied before is in the file, as after {@link close}; a crash of the process leaves it there. */
  commit(): Promise<void> {
    return this.#call("commit", {});
  }

  /** Bytes of state.db and SQLite's files beside it. */
  async bytes(): Promise<number> {
    const sizes = ["", "-wal", "-shm", ".new"].map(async (suffix) => {
      const found = await stat(this.#path + suffix).catch(() => undefined);
      return found?.size ?? 0;
    });
    return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
  }

  /**
   * Ends the worker after everything asked for before, all of it committed. Later calls reject. May be called again.
   * @throws {StorageFailure} (rejects) if what was answered could not be committed now. Of a state that has failed before
   * nothing is said again: whoever needs to know that all is in the file asks for a {@link commit} first.
   */
  close(): Promise<void> {
    this.#closing ??= this.#shutDown();
    return this.#closing;
  }

  async #shutDown(): Promise<void> {
    await this.#turn;
    // Before the state is closed, so that the last one to close the file tidies up behind itself.
    await this.#scans.close(new StorageFailure("use state.db", "it has been closed"));
    let closed: Promise<void> | undefined;
    if (this.#failure === undefined) {
      closed = this.#post("close", {});
      this.#failure = new StorageFailure("use state.db", "it has been closed");
      // Whoever waits for the closing hears of it below.
      closed.catch(() => undefined);
    }
    await this.#exited;
    this.#rejectAll(this.#failure);
    await closed;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  #call<Kind extends StateCall>(
    kind: Kind,
    call: StateCalls[Kind],
    transfer: readonly ArrayBuffer[] = [],
  ): Promise<StateReplies[Kind]> {
    if (this.#isHolding()) return this.#hold(() => this.#post(kind, call, transfer));
    return this.#post(kind, call, transfer);
  }

  #hold<T>(call: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#held?.push(() => call().then(resolve, reject));
    });
  }

  /** Makes the calls that were held, up to a further restore, behind which the rest is held again. */
  #letGo(): void {
    const calls = this.#held ?? [];
    this.#held = undefined;
    while (calls.length > 0 && !this.#isHolding()) calls.shift()?.();
    if (calls.length > 0) this.#held = calls;
  }

  #isHolding(): boolean {
    return this.#held !== undefined;
  }

  #post<Kind extends StateCall>(
    kind: Kind,
    call: StateCalls[Kind],
    transfer: readonly ArrayBuffer[] = [],
  ): Promise<StateReplies[Kind]> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const answered = new Promise<StateReplies[Kind]>((resolve, reject) => {
      const id = ++this.#lastId;
      this.#pending.set(id, { resolve: (value) => resolve(value as StateReplies[Kind]), reject });
      this.#worker.postMessage({ ...call, id, kind } as StateRequest, transfer);
    });
    return answered;
  }

  #settle(message: StateMessage): void {
    if ("error" in message) return this.#fail(reviveError(message.error));
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    pending?.resolve(message.value);
  }

  #fail(failure: Error): void {
    // What still waits was asked for before the state was closed, and this is why it is not done.
    if (this.#failure !== undefined) return this.#rejectAll(failure);
    this.#failure = failure;
    this.#rejectAll(failure);
    void this.#scans.close(failure);
    // Ends a worker that is still well, as when only its answer could not be read; one that is gone ignores it.
    this.#worker.postMessage({ id: 0, kind: "close" } satisfies StateRequest);
    this.#onFailure?.(failure);
  }

  #rejectAll(error: Error): void {
    const waiting = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of waiting) reject(error);
  }
}

/** The position at which the worker has opened the state. */
function firstWord(worker: Worker): Promise<SnapshotMeta> {
  const doing = "start the worker of state.db";
  return new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      // One by one: removing all listeners would remove those by which Node runs the worker.
      worker.off("message", onMessage).off("error", onError).off("exit", onExit);
      act();
    };
    const onMessage = (message: StateMessage): void =>
      settle(() => {
        if ("error" in message) reject(reviveError(message.error));
        else resolve(message.value as SnapshotMeta);
      });
    const onError = (error: Error): void => settle(() => reject(new StorageFailure(doing, error)));
    const onExit = (code: number): void =>
      settle(() => reject(new StorageFailure(doing, `it ended with exit code ${code}`)));
    worker.on("message", onMessage).on("error", onError).on("exit", onExit);
  });
}
