/**
 * The simulated network: loss, delay, reorder, duplication, and links that are cut in one direction or both.
 * On some seeds each message goes through the bytes of the real transport.
 */

import { assert, type Prng } from "../../src/base/index.ts";
import { type Message, type NodeId, nodeId } from "../../src/raft/index.ts";
import { decodePacket, encodePacket } from "../../src/transport/codec.ts";
import type { Coverage } from "./coverage.ts";
import type { EventQueue } from "./event-queue.ts";
import type { Profile } from "./profile.ts";

/** So many old messages are remembered. */
const OLD_MAX = 64;

export class Network {
  readonly #queue: EventQueue;
  readonly #prng: Prng;
  readonly #profile: Profile;
  readonly #coverage: Coverage;
  readonly #cut: Set<string> = new Set();
  readonly #away: Set<NodeId> = new Set();
  /** What links hold back that are clogged. */
  readonly #clogged: Map<string, (() => void)[]> = new Map();
  /** Some of what was sent so far, for those that come again much later. */
  readonly #old: { readonly from: NodeId; readonly to: NodeId; readonly arrive: () => void }[] = [];
  #sent = 0;
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

  /** From now on the link holds back whatever is to arrive, until {@link unclog}. */
  clog(from: NodeId, to: NodeId): void {
    const key = `${from} ${to}`;
    if (!this.#clogged.has(key)) this.#clogged.set(key, []);
  }

  /** The link lets everything through that it held back, in order. Says how much that was. */
  unclog(from: NodeId, to: NodeId): number {
    this.mended++;
    const key = `${from} ${to}`;
    const held = this.#clogged.get(key) ?? [];
    this.#clogged.delete(key);
    for (const arrive of held) this.#arrive(from, to, arrive);
    return held.length;
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
    for (const key of [...this.#clogged.keys()]) {
      const [from = "", to = ""] = key.split(" ");
      this.unclog(nodeId(from), nodeId(to));
    }
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
    const { loss, duplicate, replayMs, replayOld } = this.#profile;
    if (!this.#calm && replayOld > 0) this.#replay({ from, to, arrive }, replayOld);
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

  /** Something that was sent long ago arrives again, between whomever that was. */
  #replay(
    message: { readonly from: NodeId; readonly to: NodeId; readonly arrive: () => void },
    chance: number,
  ): void {
    // An even sample of all that was sent so far.
    const place = this.#old.length < OLD_MAX ? this.#old.length : this.#prng.between(0, this.#sent);
    if (place < OLD_MAX) this.#old[place] = message;
    this.#sent++;
    if (!this.#prng.chance(chance)) return;
    const { from, to, arrive } = this.#prng.pick(this.#old);
    this.#queue.after(this.#delay(false), () => {
      this.#coverage.count("old messages that came again");
      this.#arrive(from, to, arrive);
    });
  }

  /** A message is lost to a cut that is there when it leaves or when it arrives; here: when it arrives. */
  #arrive(from: NodeId, to: NodeId, arrive: () => void): void {
    if (this.isCut(from, to)) this.#coverage.count("messages lost");
    else {
      const held = this.#clogged.size === 0 ? undefined : this.#clogged.get(`${from} ${to}`);
      if (held === undefined) arrive();
      else held.push(arrive);
    }
  }

  #delay(isAnswer: boolean): number {
    const { delayMs, tail, replayMs } = this.#profile;
    const mean = this.#calm ? 0.5 : delayMs;
    const usual = 0.05 + mean * 0.3 - Math.log(1 - this.#prng.real()) * mean * 0.7;
    const late = !this.#calm && this.#prng.chance(isAnswer ? 3 * tail : tail);
    return late ? usual + this.#prng.real() * replayMs : usual;
  }
}
