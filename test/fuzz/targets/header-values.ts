/** The small languages of headers, targets and queries, also as long as they can be: no text makes a parser slow. */

import { cursorOf, placeOf, type ScanOrder } from "../../../src/api/cursor.ts";
import { namesOf } from "../../../src/api/expression.ts";
import {
  namesJson,
  noneMatch,
  parseIdempotencyKey,
  parseIfMatch,
  parseSession,
  prefersText,
} from "../../../src/api/headers.ts";
import { Refusal } from "../../../src/api/problem.ts";
import { decodeStrictly, keyOf, originForm, parametersOf, pathOf, queryOf } from "../../../src/api/target.ts";
import type { Prng } from "../../../src/base/index.ts";
import { idempotencyKeyProblem, keyProblem } from "../../../src/counter/index.ts";
import { formatAddress, parseAddress } from "../../../src/transport/address.ts";
import { HOSTILE } from "../bytes.ts";
import { Pool } from "../pool.ts";
import { accepted, demand, refused, type Subject, type Target, type Verdict } from "../target.ts";

/** The longest line of headers that Node lets through. */
const LENGTH_MAX = 16_000;

interface Language {
  readonly real: readonly string[];
  /** Undefined for a text that is refused. @throws {Refusal} */
  read(text: string): string | undefined;
}

const LANGUAGES: readonly Language[] = [
  {
    real: ['"key-1"', "bare-key", '"a \\"quoted\\" \\\\ one"', `"${"k".repeat(255)}"`],
    read: (text) => {
      const key = parseIdempotencyKey(text);
      demand(idempotencyKeyProblem(key) === undefined, "Idempotency-Key: one that may not be is accepted");
      return "idempotency key";
    },
  },
  {
    real: ["id=12, seq=3, first=3", "first=1,id=999999999999999,seq=999999999999999"],
    read: (text) => {
      const once = parseSession(text);
      const { session, seq, firstUnanswered } =
        once.kind === "session" ? once : { session: 0, seq: 0, firstUnanswered: 0 };
      const isPlace =
        session >= 1 && firstUnanswered >= 1 && seq >= firstUnanswered && Number.isSafeInteger(seq);
      demand(isPlace, "Raftally-Session: a place that is none is accepted");
      return "session";
    },
  },
  {
    real: [
      "text/plain",
      "text/*;q=0.9, application/json;q=0.1, */*;q=0",
      "application/json, text/plain;q=1.000",
    ],
    read: (text) => (prefersText(text) ? "text" : undefined),
  },
  {
    real: ["application/json", "application/json;q=0.5, text/plain, */*", "text/plain;q=0.3,*/*;q=0.1"],
    read: (text) => {
      demand(!(namesJson(text) && prefersText(text)), "Accept: both JSON and text are preferred");
      return namesJson(text) ? "json" : undefined;
    },
  },
  {
    real: ['"12"', "*", ' "9007199254740991" '],
    read: (text) => {
      const revision = parseIfMatch(text);
      const isRevision = revision === "any" || (Number.isSafeInteger(revision) && revision >= 1);
      demand(isRevision, "If-Match: a revision that no counter has");
      return `If-Match ${revision === "any" ? "any" : "one"}`;
    },
  },
  { real: ['"1"', 'W/"7", "9"', "*"], read: (text) => (noneMatch(text, '"7"') ? "known" : undefined) },
  {
    real: ["/v1/counters/a%2Fb/increment", "/v1/counters/%C3%A9", "http://h:1/v1/counters/k?x=1"],
    read: (text) => {
      const path = pathOf(originForm(text));
      demand(path.startsWith("/"), "target: a path that begins nowhere");
      if (!path.startsWith("/v1/counters/")) return undefined;
      demand(keyProblem(keyOf(path)) === undefined, "target: a key that may not be is accepted");
      return "key";
    },
  },
  {
    real: ["?prefix=h&limit=10&consistency=stale", "?cursor=MWhpdHM", "?prefix=%C3%A9+x"],
    read: (text) => {
      const found = parametersOf(queryOf(text), ["prefix", "limit", "cursor", "consistency"]);
      demand(Object.keys(found).length <= 4, "query: a parameter that no route takes");
      return "query";
    },
  },
  {
    real: ["a%20b", "%E2%82%AC", "plain"],
    read: (text) => {
      const decoded = decodeStrictly(text);
      if (typeof decoded !== "string") return undefined;
      demand(
        decodeURIComponent(encodeURIComponent(decoded)) === decoded,
        "percent-encoding: a text that cannot be sent on",
      );
      return "segment";
    },
  },
  {
    real: [
      "MWhpdHM",
      "McOp",
      cursorOf({ key: "a".repeat(512), value: 0n }, "key"),
      cursorOf({ key: "hits", value: -9_223_372_036_854_775_808n }, "value"),
      cursorOf({ key: "a b", value: 17n }, "-value"),
    ],
    read: (text) => {
      const orders: readonly ScanOrder[] = ["key", "value", "-value"];
      const fitting = orders.filter((order) => {
        const place = placeOf(text, order);
        demand(
          place === undefined || cursorOf(place, order) === text,
          "cursor: two texts mean the same place",
        );
        return place !== undefined;
      });
      demand(fitting.length <= 1, "cursor: it fits two orders");
      return fitting[0];
    },
  },
  {
    real: ["a,b,items:*", "a%2Cb,%5C*,%5B", "%E2%82%AC%3F,x+y", Array(100).fill("a").join(",")],
    read: (text) => {
      const { keys, globs } = namesOf(text);
      demand(keys.length + globs.length <= 100, "expression: too many names");
      demand(!keys.some((key) => keyProblem(key) !== undefined), "expression: a key that may not be");
      return "expression";
    },
  },
  {
    real: ["127.0.0.1:4100", "[::1]:65535", "node-1.example:1"],
    read: (text) => {
      const address = parseAddress(text);
      if (address === undefined) return undefined;
      demand(
        parseAddress(formatAddress(address))?.port === address.port,
        "address: one that cannot be written again",
      );
      return "address";
    },
  },
];

/** An input is the number of a language and the text. */
export const headerValues: Target = {
  name: "header-values",
  about:
    "values of headers, targets, queries, cursors, addresses, up to 16 KB: read as documented, refused, never slow",
  inputs: 120_000,
  sample: 1_200,
  msMax: 150,
  open: async (): Promise<Subject> => {
    const pools = LANGUAGES.map(({ real }) => new Pool(real.map((text) => Buffer.from(text))));
    return { draw: (prng) => draw(prng, pools), feed, close: async () => undefined };
  },
};

function draw(prng: Prng, pools: readonly Pool[]): Buffer {
  const language = prng.between(0, pools.length - 1);
  const text = pools[language]?.draw(prng) ?? Buffer.alloc(0);
  return Buffer.concat([Buffer.from([language]), prng.chance(0.9) ? text : lengthened(text, prng)]);
}

/** What makes a pattern with choices go back and forth: a piece of the text, or of anything, again and again. */
function lengthened(text: Buffer, prng: Prng): Buffer {
  const from = prng.between(0, Math.max(0, text.length - 1));
  const piece = prng.chance(0.7) ? text.subarray(from, from + prng.between(1, 6)) : prng.pick(HOSTILE);
  const times = Math.floor(LENGTH_MAX / Math.max(1, piece.length));
  const middle = Buffer.concat(Array.from({ length: times }, () => piece));
  return Buffer.concat([text.subarray(0, from), middle, text.subarray(from)]).subarray(0, LENGTH_MAX);
}

function feed(input: Buffer): Verdict {
  const language = LANGUAGES[(input[0] ?? 0) % LANGUAGES.length];
  // Node hands headers and targets on as latin1.
  const text = input.toString("latin1", 1);
  try {
    const what = language?.read(text);
    return what === undefined ? refused("not understood") : accepted(what);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    demand(error.particulars.detail.length < 500, "refusal: it gives back all that was sent");
    return refused(`${error.code} ${error.particulars.detail}`);
  }
}
