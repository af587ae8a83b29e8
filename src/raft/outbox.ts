/**
 * Messages on their way out, held back until what they claim is durable (P2 to P5).
 *
 * | message                        | may leave when                                                   |
 * |--------------------------------|------------------------------------------------------------------|
 * | pre-vote request and its grant | at once: they bear a term that nobody has entered yet            |
 * | vote request                   | own (term, vote) and the whole own log are durable (P3)          |
 * | vote, granted                  | the vote is durable (P4)                                         |
 * | append accepted                | the entries up to `match` and the term are durable (P5)          |
 * | all others                     | the term is durable (P2); the leader's own entries need not be   |
 */

import type { Ledger } from "./ledger.ts";
import type { Message } from "./messages.ts";

/** How messages leave: at once, or after the write with the number has become durable. */
export interface Departures {
  readonly send: readonly Message[];
  readonly sendAfter: readonly { readonly seq: number; readonly messages: readonly Message[] }[];
}

export class Outbox {
  #messages: Message[] = [];

  get isEmpty(): boolean {
    return this.#messages.length === 0;
  }

  push(message: Message): void {
    this.#messages.push(message);
  }

  /** Empties the outbox. Called after everything pending has been put into a write. */
  take(ledger: Ledger): Departures {
    const send: Message[] = [];
    const held = new Map<number, Message[]>();
    for (const message of this.#messages) {
      const seq = requiredSeq(message, ledger);
      if (seq <= ledger.persistedSeq) {
        send.push(message);
        continue;
      }
      const list = held.get(seq);
      if (list === undefined) held.set(seq, [message]);
      else list.push(message);
    }
    this.#messages = [];
    return { send, sendAfter: [...held].map(([seq, messages]) => ({ seq, messages })) };
  }
}

/** The write that must be durable before `message` leaves; 0 if none. */
function requiredSeq(message: Message, ledger: Ledger): number {
  switch (message.kind) {
    case "requestPreVote":
      return 0;
    case "preVoteResponse":
      return message.granted ? 0 : ledger.hardStateSeq;
    case "requestVote":
      return ledger.latestSeq;
    case "appendResponse":
      if (message.ok && message.match > ledger.durable) return ledger.latestSeq;
      return ledger.hardStateSeq;
    default:
      // A granted vote too: the latest write of term and vote is the one that holds it.
      return ledger.hardStateSeq;
  }
}
