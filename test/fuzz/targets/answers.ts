/** What a client does with the answers of somebody who is no node, or a broken one. */

import { ERRORS } from "../../../src/base/index.ts";
import {
  decodeAllocation,
  decodeBatchDone,
  decodeIncremented,
  decodeMembership,
  decodeMembershipDone,
  decodeMembershipPlan,
  decodeNodeView,
  decodePage,
  decodeReading,
  decodeSelection,
  decodeSession,
  decodeSum,
  membersOf,
} from "../../../src/client/decode.ts";
import { type Json, parseExact } from "../../../src/client/json.ts";
import { type Answer, judge } from "../../../src/client/verdict.ts";
import { json, Pool } from "../pool.ts";
import { accepted, demand, refused, type Subject, type Target, type Verdict } from "../target.ts";

const TEXTS: readonly string[] = [
  '{"key":"hits","value":9223372036854775807,"revision":3,"changed":true,"index":7,"term":2}',
  '{"key":"hits","value":-3,"revision":3,"index":7,"term":2,"ageMs":41.6}',
  '{"results":[{"key":"a","value":1,"revision":2,"changed":false}],"index":7,"term":2}',
  '{"counters":[{"key":"a","value":-9007199254740993,"revision":1}],"next":"MWE","index":1,"term":1}',
  '{"id":"n1","clusterId":"c1","version":"1","role":"leader","term":3,"commit":1,"applied":1,"revision":1,"counters":1,' +
    '"peers":[{"id":"n2","api":"http://x","reachable":true,"roundTripMs":0.4}],"uptimeMs":5,"leader":{"id":"n1","url":"http://x"},' +
    '"configuration":{"members":[{"api":"http://127.0.0.1:4000"}]}}',
  '{"members":[{"id":"n1","incarnation":"0","peer":"p","api":"a","role":"voter","leads":true,"reachable":true,"match":1,' +
    '"catchUp":{"percent":3,"msLeft":4}}],"seenBy":"n1","leader":{"id":"n1","url":"http://x"}}',
  '{"index":9,"configuration":{"voters":["n1"],"outgoing":[],"learners":[],"members":[],"removed":[]}}',
  '{"dryRun":true,"before":{"voters":3,"mayFail":1,"reachable":3},"after":{"voters":2,"mayFail":0,"reachable":2}}',
  '{"key":"orders","from":9223372036854775708,"to":9223372036854775807,"count":100,"value":9223372036854775807,"revision":4,"index":7,"term":2}',
  '{"prefix":"v:","sum":1208925819614629174706176,"counters":3,"groups":[{"prefix":"v:a","sum":-5,"counters":2}],"more":true,"index":3,"term":1}',
  '{"counters":[{"key":"a","value":5,"revision":1}],"more":true,"index":3,"term":1,"ageMs":7}',
  '{"session":17,"index":3,"term":1}',
  '{"type":"/docs/errors#no-leader","status":503,"code":"NO_LEADER","detail":"x","outcome":"not-applied","retryAfterMs":1000}',
  '{"code":"LIMIT_REACHED","detail":"x","outcome":"not-applied","position":3,"leader":{"id":"n1","url":"http://x"}}',
];

const DECODERS: readonly ((answer: Answer) => unknown)[] = [
  decodeIncremented,
  decodeReading,
  decodeBatchDone,
  decodePage,
  decodeNodeView,
  decodeMembership,
  decodeMembershipDone,
  decodeMembershipPlan,
  decodeAllocation,
  decodeSum,
  decodeSelection,
  decodeSession,
];

const STATUSES = [200, 201, 204, 304, 400, 404, 409, 412, 422, 429, 500, 502, 503, 504];

/** An input is the number of a decoder, that of a status, and the body. */
export const clientAnswers: Target = {
  name: "client-answers",
  about:
    "answers of strangers into the client: done with fields of the right types, refused, or to be tried again",
  inputs: 40_000,
  sample: 800,
  msMax: 250,
  open: async (): Promise<Subject> => {
    const texts = TEXTS.map((text) => Buffer.from(text));
    const mixed = new Pool(texts, json);
    // The first texts are those that the decoders of the same number are for.
    const own = DECODERS.map((_, at) => new Pool(texts.slice(at, at + 1), json));
    return {
      draw: (prng) => {
        const decoder = prng.between(0, DECODERS.length - 1);
        const pool = prng.chance(0.2) ? mixed : (own[decoder] ?? mixed);
        const status = prng.chance(0.6) ? 0 : prng.between(0, STATUSES.length - 1);
        return Buffer.concat([Buffer.from([decoder, status]), pool.draw(prng)]);
      },
      feed,
      close: async () => undefined,
    };
  },
};

function feed(input: Buffer): Verdict {
  const decode = DECODERS[(input[0] ?? 0) % DECODERS.length] ?? decodeIncremented;
  const status = STATUSES[(input[1] ?? 0) % STATUSES.length] ?? 200;
  let json: Json | undefined;
  try {
    json = parseExact(input.toString("utf8", 2));
  } catch {
    // As in the client: what is no JSON is no answer.
    json = undefined;
  }
  membersOf(json);
  const headers = new Headers({ "retry-after": "1" });
  const answer: Answer = { kind: "answer", status, headers, json, base: "http://127.0.0.1:4000" };
  const verdict = judge(answer, decode);
  switch (verdict.kind) {
    case "done":
      demand(status >= 200 && status < 300, "client: what is no success counts as done");
      return accepted(decode.name);
    case "refused":
      demand(Object.hasOwn(ERRORS, verdict.code), "client: refused under a code that nobody knows");
      demand(
        ERRORS[verdict.code].outcome === "not-applied",
        "client: a definite no to what may have happened",
      );
      return refused(verdict.code);
    case "again":
      // Less than nothing, or for ever, is bounded by the client's own pauses and by the deadline of the call.
      demand(!Number.isNaN(verdict.retryAfterMs), "client: it does not know how long to wait");
      return refused(`again ${verdict.code}`);
    default:
      demand(false, "client: an answer without a redirect leads somewhere");
  }
}
