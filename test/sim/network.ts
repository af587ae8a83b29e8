/**
 * The simulated network: loss, delay, reorder, duplication, and links that are cut in one direction or both.
 * On some seeds each message goes through the bytes of the real transport.
 */

import { assert, type Prng } from "../../src/base/index.ts";
import type { Message, NodeId } from "../../src/raft/index.ts";
import { decodePacket, encodePacket } from "../../src/transport/codec.ts";
import type { Coverage } from "./coverage.ts";
import type { EventQueue } from "./event-queue.ts";
import type { Profile } from "./profile.ts";

export class Network {
  readonly #queue: EventQueue;
  readonly #prng: Prng;
  readonly #profile: Profile;
  readonly #coverage: Coverage;
  readonly #cut: Set<string> = new Set();
  readonly #away: Set<NodeId> = new Set();
  /** How often any link was mended. */
  mended: number = 0;
  #calm = false;

  constructor(parts: { queue: EventQueue; prng: Prng; profile: Profile; coverage: Coverage }) {
    this.#queue = parts.queue;
    this.#prng = parts.prng;
    this.#profile = parts.profile;
    this.#coverage = parts.coverage;
  }

  cut(from: NodeId, to: NodeId): void {
    this.#cut.add(`${from} ${to}`);
  }

  /** `id` reaches nobody and is reached by nobody until it is back, whatever else heals. */
  leave(id: NodeId): void {
    this.#away.add(id);
  }

  comeBack(id: NodeId): void {
    this.mended++;
    this.#away.delete(id);
  }

  isCut(from: NodeId, to: NodeId): boolean {
    if (this.#away.size > 0 && (this.#away.has(from) || this.#away.has(to))) return true;
    return this.#cut.size > 0 && this.#cut.has(`${from} ${to}`);
  }

  mend(from: NodeId, to: NodeId): void {
    this.mended++;
    this.#cut.delete(`${from} ${to}`);
  }

  heal(): void {
    this.mended++;
    this.#cut.clear();
  }

  /** From now on everything arrives, soon and once. */
  calm(): void {
    this.heal();
    this.#away.clear();
    this.#calm = true;
  }

  /** What arrives of `message`: itself, or what the real transport makes of it. */
  carry(message: Message): Message {
    if (!this.#profile.codec) return message;
    const packet = decodePacket(encodePacket({ kind: "raft", message }));
    assert(packet.kind === "raft", "network: the transport reads what it wrote");
    this.#coverage.count("messages through the real codec");
    return packet.message;
  }

  /** @param isAnswer answers are late more often: they are what an earlier reign leaves behind. */
  send(from: NodeId, to: NodeId, arrive: () => void, isAnswer: boolean = false): void {
    const { loss, duplicate, replayMs } = this.#profile;
    if (!this.#calm && this.#prng.chance(duplicate)) {
      this.#queue.after(this.#prng.real() * replayMs, () => {
        this.#coverage.count("duplicates delivered");
        this.#arrive(from, to, arrive);
      });
    }
    if (!this.#calm && this.#prng.chance(loss)) {
      this.#coverage.count("messages lost");
      return;
    }
    this.#queue.after(this.#delay(isAnswer), () => this.#arrive(from, to, arrive));
  }

  /** A message is lost to a cut that is there when it leaves or when it arrives; here: when it arrives. */
  #arrive(from: NodeId, to: NodeId, arrive: () => void): void {
    if (this.isCut(from, to)) this.#coverage.count("messages lost");
    else arrive();
  }

  #delay(isAnswer: boolean): number {
    const { delayMs, tail, replayMs } = this.#profile;
    const mean = this.#calm ? 0.5 : delayMs;
    const usual = 0.05 + mean * 0.3 - Math.log(1 - this.#prng.real()) * mean * 0.7;
    const late = !this.#calm && this.#prng.chance(isAnswer ? 3 * tail : tail);
    return late ? usual + this.#prng.real() * replayMs : usual;
  }
}
