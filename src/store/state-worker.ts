/** The thread in which state.db lives: takes one request after the other. Its first error is its last. */

import { parentPort, workerData } from "node:worker_threads";
import { assertNever, defined } from "../base/index.ts";
import { packOutcomes } from "./packed-outcomes.ts";
import { StateDatabase, stateFailure } from "./state-database.ts";
import {
  plainError,
  type StateCall,
  type StateMessage,
  type StateReplies,
  type StateRequest,
  type StateWorkerOptions,
  unpackEntries,
} from "./state-protocol.ts";

/**
 * What was applied is committed after so long at the latest, ms. The longer, the more changes of a counter are written as one;
 * and the more of the log a start has to replay after a crash: half a second's takes it some
 * hundredths of one, or a third of one if it was full of batches.
 */
const COMMIT_MS = 500;

const port = defined(parentPort ?? undefined, "state: this module runs in a worker");
const options = workerData as StateWorkerOptions;

function say(message: StateMessage): void {
  port.postMessage(message);
}

/** Lets the thread end once what it has said is on its way: nothing keeps it but its requests. */
function takeNoMore(): void {
  port.removeAllListeners("message");
  port.unref();
}

/** Answers with the error and takes no further request. */
function fail(id: number, doing: string, error: unknown): void {
  say({ id, error: plainError(stateFailure(options.path, doing, error)) });
  takeNoMore();
}

function carryOut(state: StateDatabase, request: StateRequest): StateReplies[StateCall] {
  switch (request.kind) {
    case "apply": {
      const applied = state.apply(unpackEntries(request.entries), request.wantOutcomes);
      return { ...applied, outcomes: packOutcomes(applied.outcomes) };
    }
    case "query":
      return state.query(request.queries);
    case "totals":
      return state.totals();
    case "digests":
      return state.digests();
    case "commit":
      return state.commit() as undefined;
    case "checkpoint":
      return state.checkpoint() as undefined;
    case "restore":
      return state.restore(request.file, request.manifest);
    case "close":
      return state.close() as undefined;
    default:
      return assertNever(request);
  }
}

/** Commits what has been applied once enough has come together, after those that wait for it have their answers. */
class Commits {
  readonly #state: StateDatabase;
  #timer: NodeJS.Timeout | undefined;

  constructor(state: StateDatabase) {
    this.#state = state;
  }

  /** Something was applied. */
  applied(): void {
    if (this.#state.isCommitDue) return this.#commit();
    this.#timer ??= setTimeout(() => this.#commit(), COMMIT_MS);
  }

  /** Nothing will be: there is nothing left to commit. */
  end(): void {
    clearTimeout(this.#timer);
  }

  #commit(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    try {
      this.#state.commit();
    } catch (error) {
      fail(0, `commit in ${options.path}`, error);
    }
  }
}

try {
  const state = new StateDatabase(options);
  const commits = new Commits(state);
  port.on("message", (request: StateRequest) => {
    try {
      say({ id: request.id, value: carryOut(state, request) });
      if (request.kind === "apply") commits.applied();
      if (request.kind !== "close") return;
      commits.end();
      takeNoMore();
    } catch (error) {
      commits.end();
      fail(request.id, `${request.kind} in ${options.path}`, error);
    }
  });
  say({ id: 0, value: state.position });
} catch (error) {
  fail(0, `open ${options.path}`, error);
}
