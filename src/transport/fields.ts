/** Reading a decoded value field by field, each checked: what came over a wire is nothing until it is proved. */

import { HASH_MODULUS, type Hash52 } from "../base/index.ts";
import { type Index, index, isNodeId, type NodeId, nodeId, type Term, term } from "../raft/index.ts";

/** What came does not have the form it must have. Caught at the door of the codec, never outside. */
export class Malformed extends Error {
  override readonly name: string = "Malformed";
}

/** A packet or message of a kind that this program does not know, which a newer one may. */
export class UnknownKind extends Malformed {
  override readonly name: string = "UnknownKind";
}

/** Throws unless `condition` holds. */
export function demand(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Malformed(what);
}

const INCARNATION = /^[0-9a-f]{32}$/;
const SHA256 = /^[0-9a-f]{64}$/;
const TOKEN = /^[A-Za-z0-9_-]{16,64}$/;
const TEXT_MAX = 2048;

/** Whether `value` may be an incarnation: 32 hex digits. */
export function isIncarnation(value: unknown): value is string {
  return typeof value === "string" && INCARNATION.test(value);
}

/** Whether `value` may name a node. */
export function isNodeName(value: unknown): value is string {
  return typeof value === "string" && isNodeId(value);
}

/**
 * The elements of a list, read from the first on. Elements that are left over are ignored: that is how a
 * newer node adds a field without a new protocol version.
 */
export class Fields {
  readonly #values: readonly unknown[];
  readonly #what: string;
  #at = 0;

  /**
   * @param what the name of the thing, for the sentence in the log.
   * @throws {Malformed} unless `value` is a list. So does every method, when a field is not what it should be.
   */
  constructor(value: unknown, what: string) {
    demand(Array.isArray(value), `${what}: not a list`);
    this.#values = value;
    this.#what = what;
  }

  /** The next element, unchecked: for what has a reader of its own. */
  raw(): unknown {
    return this.#values[this.#at++];
  }

  /** A whole number in [0, limit). */
  whole(name: string, limit: number = Number.MAX_SAFE_INTEGER + 1): number {
    const value = this.raw();
    // Object.is keeps -0 out: it is the one number that would not come back as it was sent.
    demand(
      typeof value === "number" &&
        Number.isSafeInteger(value) &&
        value >= 0 &&
        value < limit &&
        !Object.is(value, -0),
      `${this.#what}: ${name} is not a whole number in its range`,
    );
    return value;
  }

  index(name: string): Index {
    return index(this.whole(name));
  }

  term(name: string): Term {
    return term(this.whole(name));
  }

  hash(name: string): Hash52 {
    return this.whole(name, HASH_MODULUS);
  }

  crc(name: string): number {
    return this.whole(name, 4_294_967_296);
  }

  flag(name: string): boolean {
    const value = this.raw();
    demand(typeof value === "boolean", `${this.#what}: ${name} is not a boolean`);
    return value;
  }

  node(name: string): NodeId {
    const value = this.raw();
    demand(isNodeName(value), `${this.#what}: ${name} is not a node id`);
    return nodeId(value);
  }

  /** 1 to 2,048 UTF-16 units. */
  text(name: string): string {
    const value = this.raw();
    demand(
      typeof value === "string" && value.length > 0 && value.length <= TEXT_MAX,
      `${this.#what}: ${name} is not a text of 1 to ${TEXT_MAX} characters`,
    );
    return value;
  }

  incarnation(name: string): string {
    const value = this.raw();
    demand(isIncarnation(value), `${this.#what}: ${name} is not 32 hex digits`);
    return value;
  }

  sha256(name: string): string {
    return this.#matching(name, SHA256);
  }

  token(name: string): string {
    return this.#matching(name, TOKEN);
  }

  bytes(name: string): Uint8Array {
    const value = this.raw();
    demand(value instanceof Uint8Array, `${this.#what}: ${name} is not bytes`);
    return value;
  }

  /** A list, each element read by `read`. */
  list<T>(name: string, read: (value: unknown) => T): T[] {
    const value = this.raw();
    demand(Array.isArray(value), `${this.#what}: ${name} is not a list`);
    return value.map(read);
  }

  /** Like {@link list}; a list that an older version did not have yet is empty. */
  laterList<T>(name: string, read: (value: unknown) => T): T[] {
    return this.#at < this.#values.length ? this.list(name, read) : [];
  }

  #matching(name: string, pattern: RegExp): string {
    const value = this.raw();
    demand(typeof value === "string" && pattern.test(value), `${this.#what}: ${name} has the wrong form`);
    return value;
  }
}
