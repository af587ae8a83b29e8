/**
 * Exactly once in client sessions: the client has a number from the cluster, and numbers its own writes.
 *
 * With each write it says which is the first that it still waits for, so the cluster keeps a few outcomes for a client,
 * however much it writes. Many writes may be in flight, but their numbers lie close together; the next one waits until
 * the oldest has its answer.
 *
 * A session that nobody used for the cluster's window is gone, and whatever is sent in it is refused, never executed.
 * If that is said of a write of which no earlier attempt may have counted, nothing has happened, and it goes out anew
 * in a fresh session. If an earlier attempt may have counted, nobody can tell any more: the outcome stays unknown.
 */

import type { HttpRequest } from "./attempt.ts";
import type { Caller } from "./call.ts";
import { decodeSession } from "./decode.ts";
import { OutcomeUnknown, type Place, type RaftallyError, Refused, Unavailable } from "./errors.ts";
import type { CallLimits } from "./operations.ts";
import { randomId } from "./random-id.ts";
import type { Answer } from "./verdict.ts";

/** Numbers in use span at most this many: what a node takes (`sessionPendingMax` of src/counter/limits.ts). */
export const SESSION_PENDING_MAX = 256;

/** One write in a session. */
export interface SessionWrite<T> {
  readonly request: HttpRequest;
  readonly decode: (answer: Answer) => T;
  readonly limits: CallLimits;
  /** Of an earlier call for the same write, whose outcome stayed unknown. */
  readonly place: Place | undefined;
}

/** The session of one client: opened with its first write, and again when it has expired. */
export class Sessions {
  readonly #caller: Caller;
  readonly #timeoutMs: number;
  #current: Promise<Session> | undefined;

  /** @param timeoutMs of a whole call where it does not say itself. */
  constructor(caller: Caller, timeoutMs: number) {
    this.#caller = caller;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Carries a write through in a session.
   * @throws {Refused} | {Unavailable} | {OutcomeUnknown}, or the signal's reason.
   */
  async write<T>(write: SessionWrite<T>): Promise<T> {
    const { timeoutMs = this.#timeoutMs, signal } = write.limits;
    const wait: Wait = { deadline: performance.now() + timeoutMs, signal };
    for (let fresh = false; ; fresh = true) {
      const opening = this.#open();
      const session = await patiently(opening, wait, "no session could be opened in time");
      const repeated = write.place === undefined ? undefined : session.takeAgain(write.place);
      const seq = repeated ?? (await session.take(wait));
      try {
        return await this.#send(write, session, seq, wait);
      } catch (error) {
        if (!(error instanceof Refused && error.code === "SESSION_EXPIRED")) throw error;
        if (this.#current === opening) this.#current = undefined;
        if (repeated !== undefined) throw gone({ session: session.id, seq }, error);
        // Refused at its first attempt: nothing has happened, and a fresh session makes it safe to send anew.
        if (fresh) throw error;
      }
    }
  }

  async #send<T>(write: SessionWrite<T>, session: Session, seq: number, wait: Wait): Promise<T> {
    const { request, decode } = write;
    const place: Place = { session: session.id, seq };
    const header = `id=${session.id}, seq=${seq}, first=${session.first}`;
    let isOpen = write.place !== undefined;
    try {
      const value = await this.#caller.run({
        request: { ...request, headers: { ...request.headers, "raftally-session": header } },
        effect: { kind: "once", idempotencyKey: undefined, place },
        decode,
        signal: wait.signal,
        timeoutMs: Math.max(1, wait.deadline - performance.now()),
      });
      isOpen = false;
      return value;
    } catch (error) {
      // Of a repeated write only what the counters said is the end of it.
      isOpen = error instanceof OutcomeUnknown || (isOpen && !(error instanceof Refused));
      throw error;
    } finally {
      if (isOpen) session.leaveOpen(seq);
      else session.end(seq);
    }
  }

  #open(): Promise<Session> {
    if (this.#current !== undefined) return this.#current;
    const opening = openSession(this.#caller);
    this.#current = opening;
    // Whoever waits is told; the next write tries again.
    opening.catch(() => {
      if (this.#current === opening) this.#current = undefined;
    });
    return opening;
  }
}

async function openSession(caller: Caller): Promise<Session> {
  // So that an attempt whose answer was lost leaves no session behind that nobody uses.
  const idempotencyKey = randomId();
  const headers = { accept: "application/json", "idempotency-key": `"${idempotencyKey}"` };
  const id = await caller.run({
    request: { method: "POST", path: "/v1/sessions", headers },
    effect: { kind: "once", idempotencyKey },
    decode: decodeSession,
    signal: undefined,
    timeoutMs: undefined,
  });
  return new Session(id);
}

interface Wait {
  readonly deadline: number;
  readonly signal: AbortSignal | undefined;
}

/** Waits for something that goes on for others when this caller has waited long enough. */
async function patiently(opening: Promise<Session>, wait: Wait, late: string): Promise<Session> {
  try {
    return await within(wait, late, (resolve, reject) => void opening.then(resolve, reject));
  } catch (error) {
    // Whether a session was opened matters to nobody: the write itself was not sent.
    if (!(error instanceof OutcomeUnknown)) throw error;
    throw new Unavailable(
      "UNREACHABLE",
      `no session could be opened: ${error.message}`,
      error.attempts,
      error,
    );
  }
}

/** @throws {Unavailable} with `late` after the deadline; the signal's reason when it aborts. */
function within<T>(
  { deadline, signal }: Wait,
  late: string,
  begin: (resolve: (value: T) => void, reject: (error: unknown) => void) => void,
  giveUp?: () => void,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const end = (settle: () => void): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
      settle();
    };
    const abort = (): void => {
      giveUp?.();
      end(() => reject(signal?.reason));
    };
    const timer = setTimeout(
      () => {
        giveUp?.();
        end(() => reject(new Unavailable("OVERLOADED", late, [])));
      },
      Math.max(0, deadline - performance.now()),
    );
    signal?.addEventListener("abort", abort);
    if (signal?.aborted === true) abort();
    else
      begin(
        (value) => end(() => resolve(value)),
        (error) => end(() => reject(error)),
      );
  });
}

function gone(place: Place, cause: RaftallyError): OutcomeUnknown {
  const detail = "the session of this write has expired, and with it what was remembered of its outcome";
  return new OutcomeUnknown(undefined, detail, cause.attempts, cause, place);
}

/** A session that the cluster has opened, and the numbers in it. */
class Session {
  readonly id: number;
  #next = 1;
  /** Numbers without an answer, in order: a call is under way, or ended without one. */
  readonly #pending = new Map<number, "underWay" | "unknown">();
  readonly #waiting: ((seq: number) => void)[] = [];

  constructor(id: number) {
    this.id = id;
  }

  /** The lowest number that may still be sent. */
  get first(): number {
    const [lowest] = this.#pending.keys();
    return lowest ?? this.#next;
  }

  /** The number of a new write; waits while too many are in use. */
  take({ deadline, signal }: Wait): Promise<number> {
    if (this.#waiting.length === 0 && this.#hasRoom()) return Promise.resolve(this.#draw());
    let own: ((seq: number) => void) | undefined;
    return within<number>(
      { deadline, signal },
      "too many writes of this session had no answer yet",
      (resolve) => {
        own = resolve;
        this.#waiting.push(resolve);
      },
      () => {
        const at = own === undefined ? -1 : this.#waiting.indexOf(own);
        if (at >= 0) this.#waiting.splice(at, 1);
      },
    );
  }

  /**
   * The number of a write that was sent before.
   * @throws {OutcomeUnknown} if its outcome may have been forgotten: sent again it would be refused, which says nothing.
   */
  takeAgain(place: Place): number {
    const { session, seq } = place;
    if (session !== this.id || this.#pending.get(seq) !== "unknown") {
      const detail =
        "what was remembered of this write's outcome has been let go of, or it is being asked for now";
      throw new OutcomeUnknown(undefined, detail, [], undefined, place);
    }
    this.#pending.set(seq, "underWay");
    return seq;
  }

  /** The number will never be sent again. */
  end(seq: number): void {
    this.#pending.delete(seq);
    this.#serve();
  }

  /** The number has no answer, and somebody may ask for it again, until the room is needed. */
  leaveOpen(seq: number): void {
    this.#pending.set(seq, "unknown");
    this.#serve();
  }

  #serve(): void {
    while (this.#waiting.length > 0 && this.#hasRoom()) this.#waiting.shift()?.(this.#draw());
  }

  #draw(): number {
    const seq = this.#next++;
    this.#pending.set(seq, "underWay");
    return seq;
  }

  /** Those that are merely unknown give way. */
  #hasRoom(): boolean {
    while (this.#next - this.first >= SESSION_PENDING_MAX) {
      if (this.#pending.get(this.first) !== "unknown") return false;
      this.#pending.delete(this.first);
    }
    return true;
  }
}
