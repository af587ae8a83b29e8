/** What is said in the two handshakes: challenge, hello, answer, request to join and its answer, and their seals. */

import type { Prng } from "../../../src/base/index.ts";
import { nodeId } from "../../../src/raft/index.ts";
import {
  type Acceptor,
  decodeAnswer,
  decodeChallenge,
  decodeHello,
  encodeJson,
  judgeHello,
  otherLife,
  seal,
  unseal,
  VERSIONS,
} from "../../../src/transport/handshake.ts";
import { decodeJoinAnswer, decodeRequest, requestFault } from "../../../src/transport/join-words.ts";
import { incarnationOf } from "../../transport/nodes.ts";
import { json, Pool } from "../pool.ts";
import { accepted, demand, refused, type Subject, type Target, type Verdict } from "../target.ts";

const NONCE = "0123456789abcdef".repeat(2);
const SECRET = "a secret of the fuzzer";

/** How each word is decoded, and made into JSON again. */
interface Word {
  readonly name: string;
  readonly real: readonly object[];
  read(bytes: Uint8Array): object | undefined;
  write(value: object): object;
}

const same = (value: object): object => value;
const INCARNATION = "a".repeat(32);

export const HELLO: Readonly<Record<string, unknown>> = {
  min: 1,
  max: 2,
  clusterId: "c1",
  from: "n2",
  fromIncarnation: incarnationOf("n2"),
  to: "n1",
  toIncarnation: null,
  nonce: NONCE,
  keepaliveMs: 1_000,
  address: "127.0.0.1:4101",
};

export const REQUEST: Readonly<Record<string, unknown>> = {
  min: 1,
  max: 2,
  id: "n4",
  incarnation: INCARNATION,
  peer: "127.0.0.1:4103",
  api: "http://127.0.0.1:4003",
  ask: "learner",
  clusterId: "c1",
  nonce: NONCE,
};

const MEMBERS = ["n1", "n2", "n4"].map((id, at) => ({
  id,
  incarnation: INCARNATION,
  peer: `[::1]:${4100 + at}`,
  api: `https://counters.example:${4000 + at}/base`,
}));

const WORDS: readonly Word[] = [
  { name: "challenge", real: [{ min: 1, max: 2, nonce: NONCE }], read: decodeChallenge, write: same },
  {
    name: "hello",
    real: [HELLO, { ...HELLO, toIncarnation: INCARNATION }, { ...HELLO, address: undefined }],
    read: (bytes) => judged(decodeHello(bytes)),
    write: same,
  },
  {
    name: "answer",
    real: [
      { kind: "welcome", version: 2, from: "n1", incarnation: INCARNATION },
      { kind: "refused", refusal: "cluster", detail: "n1 belongs to another cluster." },
    ],
    read: decodeAnswer,
    write: same,
  },
  {
    name: "request",
    real: [REQUEST, { ...REQUEST, ask: "wait", clusterId: undefined }],
    read: (bytes) => faulted(decodeRequest(bytes)),
    write: (value) => {
      const { versions, ...rest } = value as { readonly versions: object };
      return { ...rest, ...versions, nonce: NONCE };
    },
  },
  {
    name: "joinAnswer",
    real: [
      { kind: "member", clusterId: "c1", members: MEMBERS },
      { kind: "later", detail: "Not yet.", retryMs: 500 },
      { kind: "redirect", peer: "10.0.0.1:4100" },
      { kind: "refused", code: "idUsed", detail: "n4 was another node." },
    ],
    read: decodeJoinAnswer,
    write: same,
  },
];

const SELF: Acceptor = {
  clusterId: "c1",
  id: nodeId("n1"),
  incarnation: "b".repeat(32),
  versions: VERSIONS,
  standingOf: () => "mayVisit",
};

/** Whatever a hello says, there is a judgement on it. */
function judged(hello: ReturnType<typeof decodeHello>): object | undefined {
  if (hello === undefined) return undefined;
  const refusal = judgeHello(hello, SELF);
  demand(refusal === undefined || refusal.detail.length > 0, "hello: refused without a sentence");
  demand(refusal !== undefined || hello.clusterId === "c1", "hello: one of another cluster is not refused");
  demand(refusal !== undefined || hello.to === "n1", "hello: one for another node is not refused");
  otherLife(hello, SELF);
  return hello;
}

function faulted(request: ReturnType<typeof decodeRequest>): object | undefined {
  if (request === undefined) return undefined;
  for (const secret of ["", SECRET]) {
    const fault = requestFault(request, secret);
    demand(fault === undefined || fault.length > 0, "request: refused without a sentence");
  }
  return request;
}

/** An input is the number of a word and the JSON; or 255 and a payload that is sealed, or not any more. */
const SEALED = 255;
const TRANSCRIPT: readonly Uint8Array[] = [encodeJson({ min: 1, max: 2, nonce: NONCE })];

export const handshakeWords: Target = {
  name: "handshake-words",
  about:
    "challenge, hello, answer, request to join and answer to it, and their seals: a value or none, and no forgery",
  inputs: 130_000,
  sample: 2_500,
  msMax: 250,
  open: async (): Promise<Subject> => {
    const pools = WORDS.map(({ real }) => new Pool(real.map(encodeJson), json));
    const sealed = seal(SECRET, "hello", [...TRANSCRIPT, encodeJson(HELLO)]);
    const seals = new Pool([sealed, seal(SECRET, "join", [...TRANSCRIPT, encodeJson(REQUEST)])]);
    return { draw: (prng) => draw(prng, pools, seals), feed, close: async () => undefined };
  },
};

function draw(prng: Prng, pools: readonly Pool[], seals: Pool): Buffer {
  if (prng.chance(0.08)) return Buffer.concat([Buffer.from([SEALED]), seals.draw(prng)]);
  const word = prng.between(0, pools.length - 1);
  // Sometimes a word comes where another is expected.
  const source = prng.chance(0.95) ? word : prng.between(0, pools.length - 1);
  const text = pools[source]?.draw(prng) ?? Buffer.alloc(0);
  return Buffer.concat([Buffer.from([word]), text]);
}

function feed(input: Buffer): Verdict {
  const bytes = input.subarray(1);
  if (input[0] === SEALED) return feedSealed(bytes);
  const word = WORDS[(input[0] ?? 0) % WORDS.length];
  const value = word?.read(bytes);
  if (word === undefined || value === undefined) return refused(`${word?.name} is none`);
  const bytesAgain = encodeJson(word.write(value));
  const again = word.read(bytesAgain);
  // As bytes: JSON has no -0, though JSON.parse reads one.
  const isSame = again !== undefined && encodeJson(word.write(again)).equals(bytesAgain);
  demand(isSame, `round trip: ${word.name} is another one after encoding and decoding`);
  return accepted(word.name);
}

function feedSealed(payload: Buffer): Verdict {
  const { json: text, proved } = unseal(SECRET, "hello", TRANSCRIPT, payload);
  if (!proved) return refused("not proved");
  const real = seal(SECRET, "hello", [...TRANSCRIPT, text]);
  demand(real.equals(payload), "seal: bytes were taken for proved that the secret did not seal");
  demand(
    Buffer.from(text).equals(encodeJson(HELLO)),
    "seal: other words than those that were sealed count as proved",
  );
  return accepted("sealed");
}
