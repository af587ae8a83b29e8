/**
 * Clients: each works alone, one operation at a time. A write with an idempotency key, or in a session, is tried
 * again until it is answered, sometimes at another node before the first has answered; often at a node that is
 * paused or no longer leads. What they are told is checked by the checkers, which see every answer.
 */

import type { Prng } from "../../src/base/index.ts";
import type { Command, Once, Operation, Outcome } from "../../src/counter/index.ts";
import type { Effects, NodeEvent, ReadResult, WriteResult } from "../../src/node/index.ts";
import type { Coverage } from "./coverage.ts";
import type { EventQueue } from "./event-queue.ts";
import type { Profile } from "./profile.ts";
import type { Roster } from "./roster.ts";
import type { SimNode } from "./sim-node.ts";
import type { Standing } from "./standing.ts";
import type { Workload } from "./workload.ts";

/** A client's session: its next number, and the numbers below which it has every answer. */
interface Session {
  readonly id: number;
  next: number;
}

interface Client {
  session: Session | undefined;
  /** Where it was last served or sent to. */
  node: SimNode | undefined;
}

type Ask = (id: number) => NodeEvent & { readonly kind: "write" | "read" };

/** How long a client goes on with one operation, ms. */
const PERSISTENCE_MS = 8_000;

export class Clients {
  readonly #queue: EventQueue;
  readonly #prng: Prng;
  readonly #workload: Workload;
  readonly #profile: Profile;
  readonly #roster: Roster;
  readonly #coverage: Coverage;
  readonly #standing: Standing;
  #left = Number.POSITIVE_INFINITY;
  #busy = 0;
  readonly #resting: Client[] = [];
  #openings = 0;

  constructor(parts: {
    queue: EventQueue;
    workload: Workload;
    profile: Profile;
    roster: Roster;
    coverage: Coverage;
    standing: Standing;
  }) {
    this.#queue = parts.queue;
    this.#workload = parts.workload;
    this.#prng = parts.workload.prng;
    this.#profile = parts.profile;
    this.#roster = parts.roster;
    this.#coverage = parts.coverage;
    this.#standing = parts.standing;
  }

  start(): void {
    for (let at = 0; at < this.#profile.clients; at++) this.#next({ session: undefined, node: undefined });
  }

  /** After `operations` more no new ones begin; those under way go on to their end. */
  stopAfter(operations: number): void {
    this.#left = operations;
  }

  /** Those that have stopped begin again. */
  goOn(): void {
    this.#left = Number.POSITIVE_INFINITY;
    for (const client of this.#resting.splice(0)) this.#next(client);
  }

  get idle(): boolean {
    return this.#busy === 0;
  }

  /** Many writes at one node at once, for whose answers nobody waits. */
  burst(node: SimNode, prng: Prng): void {
    for (let left = prng.between(5, 25); left > 0; left--) {
      const operation = this.#workload.operation(prng);
      const once = prng.chance(0.5) ? { once: this.#workload.freshKey(prng) } : {};
      this.#queue.after(prng.real() * 30, () => {
        if (node.isUp)
          node.request(
            (id) => ({ kind: "write", id, command: { operation, ...once } }),
            () => undefined,
          );
      });
    }
  }

  /** Whenever somebody comes to lead, those who still believe that they do are asked what they know. */
  lookFor(elected: SimNode, { trace }: Effects): void {
    if (!trace.some((event) => event.kind === "role" && event.role === "leader")) return;
    for (const node of this.#roster.nodes) {
      if (node === elected || !this.#standing.isDeposed(node)) continue;
      for (let left = this.#prng.between(1, 6); left > 0; left--) {
        const query = this.#workload.query();
        this.#queue.after(this.#prng.real() * 200, () => {
          if (!node.isUp) return;
          node.request(
            (id) => ({ kind: "read", id, query, consistency: "linearizable" }),
            () => undefined,
          );
        });
      }
    }
  }

  #next(client: Client): void {
    if (this.#left <= 0) {
      this.#resting.push(client);
      return;
    }
    this.#left--;
    this.#busy++;
    const done = (): void => {
      this.#busy--;
      this.#next(client);
    };
    this.#queue.after(this.#prng.real() * this.#profile.thinkMs, () => {
      const dice = this.#prng.real();
      if (this.#prng.chance(0.01)) this.burst(this.#pick(client), this.#prng);
      if (dice < 0.3) this.#read(client, done);
      else if (dice < 0.55) this.#write(client, { operation: this.#workload.operation() }, done);
      else if (dice < 0.8) this.#keyed(client, done);
      else this.#inSession(client, done);
    });
  }

  #keyed(client: Client, done: () => void): void {
    this.#write(client, { operation: this.#workload.operation(), once: this.#workload.freshKey() }, done);
  }

  #inSession(client: Client, done: () => void): void {
    const { session } = client;
    if (session === undefined) return this.#open(client, done);
    const seq = session.next++;
    // Now and then the client has not taken in all answers yet, and says so.
    const firstUnanswered = Math.max(0, seq - (this.#prng.chance(0.3) ? 2 : 0));
    const once: Once = { kind: "session", session: session.id, seq, firstUnanswered };
    this.#write(client, { operation: this.#workload.operation(), once }, (outcome) => {
      if (outcome?.kind === "refused" && outcome.code.startsWith("SESSION")) client.session = undefined;
      done();
    });
  }

  #open(client: Client, done: () => void): void {
    const operation: Operation = { kind: "openSession" };
    const once: Once = { kind: "key", key: `open-${++this.#openings}` };
    this.#write(client, { operation, once }, (outcome) => {
      if (outcome?.kind === "done" && outcome.session !== undefined)
        client.session = { id: outcome.session, next: 0 };
      done();
    });
  }

  /** Often the one it knows; often one that is paused or does not know that it no longer leads. */
  #pick(client: Client): SimNode {
    const dice = this.#prng.real();
    if (dice < 0.3 && client.node !== undefined) return client.node;
    if (dice < 0.7) {
      const wronged = this.#roster.nodes.filter((node) => node.isPaused || this.#standing.isDeposed(node));
      if (wronged.length > 0) return this.#prng.pick(wronged);
    }
    return this.#any();
  }

  /** A member most of the time: addresses of removed nodes live on in somebody's settings. */
  #any(): SimNode {
    const { members, nodes } = this.#roster;
    return this.#prng.pick(members.length > 0 && this.#prng.chance(0.9) ? members : nodes);
  }

  /** Asks one node; `answer` gets undefined if nothing came back in time. */
  #ask<R>(node: SimNode, ask: Ask, answer: (result: R | undefined) => void): void {
    if (node.isPaused) this.#coverage.count("requests to a paused process");
    let over = false;
    const end = (result: R | undefined): void => {
      if (over) return;
      over = true;
      answer(result);
    };
    this.#queue.after(this.#prng.pick([100, 1_000, 2_500]), () => end(undefined));
    // A request and its answer take a moment each; a dead node refuses the connection.
    this.#queue.after(this.#prng.real(), () => {
      if (!node.isUp) return this.#queue.after(1, () => end(undefined));
      node.request(ask, (result) => this.#queue.after(this.#prng.real(), () => end(result as R)));
    });
  }

  #write(client: Client, command: Command, done: (outcome: Outcome | undefined) => void): void {
    const until = this.#queue.now + PERSISTENCE_MS;
    let ended = false;
    const attempt = (node: SimNode): void => {
      if (ended) return;
      this.#ask<WriteResult>(
        node,
        (id) => ({ kind: "write", id, command }),
        (result) => {
          if (ended) return;
          if (result?.kind === "applied") {
            client.node = node;
            ended = true;
            return done(result.outcome);
          }
          if (result?.kind === "redirect") client.node = this.#roster.node(result.leader);
          else client.node = undefined;
          const definite =
            result?.kind === "redirect" || (result?.kind === "failed" && result.code !== "OUTCOME_UNKNOWN");
          // What cannot be told apart from its own repetition is not repeated.
          if ((command.once === undefined && !definite) || this.#queue.now > until) {
            ended = true;
            return done(undefined);
          }
          this.#again(() => attempt(this.#pick(client)));
        },
      );
    };
    attempt(this.#pick(client));
    if (command.once === undefined) return;
    if (this.#prng.chance(0.1)) {
      this.#queue.after(this.#prng.real() * 50, () => attempt(this.#any()));
    }
    if (this.#prng.chance(0.1)) this.#duplicateLate(command);
  }

  /** Something between client and node delivers a request once more, perhaps long after it was answered. */
  #duplicateLate(command: Command): void {
    this.#queue.after(this.#prng.real() * this.#prng.pick([50, 1_000, 5_000]), () => {
      const leader = this.#prng.chance(0.8) ? this.#standing.leader : undefined;
      const node = leader ?? this.#any();
      this.#coverage.count("requests that came again later");
      if (node.isUp)
        node.request(
          (id) => ({ kind: "write", id, command }),
          () => undefined,
        );
    });
  }

  #read(client: Client, done: () => void): void {
    const query = this.#workload.query();
    const consistency = this.#prng.chance(0.85) ? "linearizable" : "stale";
    const until = this.#queue.now + PERSISTENCE_MS;
    const attempt = (): void => {
      const node = this.#pick(client);
      this.#ask<ReadResult>(
        node,
        (id) => ({ kind: "read", id, query, consistency }),
        (result) => {
          if (result?.kind === "answer" || this.#queue.now > until) return done();
          this.#again(attempt);
        },
      );
    };
    attempt();
  }

  #again(attempt: () => void): void {
    this.#queue.after(2 + this.#prng.real() * 40, attempt);
  }
}
