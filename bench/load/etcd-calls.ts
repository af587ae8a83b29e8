/** What callers ask of etcd: blind writes, linearizable reads, and increments, which it can only compare and swap. */

import type { Heard } from "./closed-loop.ts";
import type { Calls } from "./grpc-caller.ts";
import { Decoded, encode, type Field } from "./protobuf.ts";

/** Of etcd's rpc.proto and kv.proto, the numbers of the fields. */
const PUT_REQUEST = { key: 1, value: 2 } as const;
const RANGE_REQUEST = { key: 1, rangeEnd: 2 } as const;
const RANGE_RESPONSE = { kvs: 2 } as const;
const KV = { modRevision: 3, version: 4, value: 5 } as const;
const TXN_REQUEST = { compare: 1, success: 2, failure: 3 } as const;
const COMPARE = { result: 1, target: 2, key: 3, modRevision: 6 } as const;
const TXN_RESPONSE = { header: 1, succeeded: 2, responses: 3 } as const;
const HEADER = { revision: 3 } as const;
const OP = { range: 1, put: 2 } as const;
const RESULT_EQUAL = 0;
const TARGET_MOD = 2;

type Told = Exclude<Heard, "wait">;

const SERVICE = "/etcdserverpb.KV";

/** Writes the same value again and again: less than an increment, because nothing is read. */
export class Puts implements Calls {
  readonly path: string = `${SERVICE}/Put`;
  readonly #requests: readonly Buffer[];
  #sent: number;

  /** @param first at which of the keys it begins. */
  constructor(keys: readonly string[], first: number) {
    this.#sent = first;
    this.#requests = keys.map((key) =>
      encode([
        [PUT_REQUEST.key, key],
        [PUT_REQUEST.value, "1"],
      ]),
    );
  }

  request(): Uint8Array {
    return this.#requests[this.#sent++ % this.#requests.length] ?? Buffer.alloc(0);
  }

  hear(): Told {
    return "done";
  }
}

/** Reads a key that is there, linearizably: etcd's default. */
export class Reads implements Calls {
  readonly path: string = `${SERVICE}/Range`;
  readonly #request: Buffer;

  constructor(key: string) {
    this.#request = encode([[RANGE_REQUEST.key, key]]);
  }

  request(): Uint8Array {
    return this.#request;
  }

  hear(message: Buffer): Told {
    if (new Decoded(message).bytes(RANGE_RESPONSE.kvs) === undefined)
      throw new Error("the key was not found");
    return "done";
  }
}

/** What a caller believes a key to be. */
interface Believed {
  value: bigint;
  /** 0: it does not exist. */
  modRevision: number;
}

/**
 * Adds 1 by comparing and swapping: "if nobody has changed it since, write value + 1, or else tell me what it is". So a
 * failed attempt costs one round trip and not two, which is the best that etcd offers for this.
 */
export class Increments implements Calls {
  readonly path: string = `${SERVICE}/Txn`;
  readonly #keys: readonly string[];
  readonly #believed: Map<string, Believed> = new Map();
  #at: number;

  /** @param first at which of the keys it begins. */
  constructor(keys: readonly string[], first: number) {
    this.#keys = keys;
    this.#at = first;
  }

  get #key(): string {
    return this.#keys[this.#at % this.#keys.length] ?? "";
  }

  request(): Uint8Array {
    const key = this.#key;
    const { value, modRevision } = this.#believed.get(key) ?? { value: 0n, modRevision: 0 };
    const put: Field = [
      OP.put,
      [
        [PUT_REQUEST.key, key],
        [PUT_REQUEST.value, String(value + 1n)],
      ],
    ];
    const compare: readonly Field[] = [
      [COMPARE.result, RESULT_EQUAL],
      [COMPARE.target, TARGET_MOD],
      [COMPARE.key, key],
      [COMPARE.modRevision, modRevision],
    ];
    return encode([
      [TXN_REQUEST.compare, compare],
      [TXN_REQUEST.success, [put]],
      [TXN_REQUEST.failure, [[OP.range, [[RANGE_REQUEST.key, key]]]]],
    ]);
  }

  hear(message: Buffer): Told {
    const answer = new Decoded(message);
    const key = this.#key;
    if (answer.number(TXN_RESPONSE.succeeded) === 1) {
      // The revision of an answer's header is that of its own write.
      const modRevision = answer.message(TXN_RESPONSE.header)?.number(HEADER.revision) ?? 0;
      const before = this.#believed.get(key)?.value ?? 0n;
      this.#believed.set(key, { value: before + 1n, modRevision });
      this.#at += 1;
      return "done";
    }
    const kv = answer.message(TXN_RESPONSE.responses)?.message(OP.range)?.message(RANGE_RESPONSE.kvs);
    this.#believed.set(key, {
      value: BigInt(kv?.bytes(KV.value)?.toString() ?? "0"),
      modRevision: kv?.number(KV.modRevision) ?? 0,
    });
    return "again";
  }
}
