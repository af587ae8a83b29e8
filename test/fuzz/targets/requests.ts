/** Real requests to the HTTP interface as bytes, one of each kind, and changes to them that know their form. */

import type { Prng } from "../../../src/base/index.ts";
import { HOSTILE, mutateBytes } from "../bytes.ts";
import { mutateJson } from "../json-text.ts";

const JSON_TYPE = "Content-Type: application/json";

function request(line: string, headers: readonly string[] = [], body = ""): Buffer {
  const length = body === "" ? [] : [`Content-Length: ${Buffer.byteLength(body)}`];
  return Buffer.from([`${line} HTTP/1.1`, "Host: localhost", ...length, ...headers, "", body].join("\r\n"));
}

const MEMBER =
  '{"id":"n4","incarnation":"0123456789abcdef0123456789abcdef","peer":"10.0.0.4:4100","api":"http://10.0.0.4:4000"}';

const WRITES: readonly Buffer[] = [
  request("PUT /v1/counters/hits", [JSON_TYPE, 'If-Match: "1"', 'Idempotency-Key: "p-1"'], '{"value":-5}'),
  request("PUT /v1/counters/new", [JSON_TYPE, "If-None-Match: *"], '{"value":9223372036854775807}'),
  request("DELETE /v1/counters/hits", ["If-Match: *"]),
  request("POST /v1/counters/orders/allocate", [JSON_TYPE], '{"count":100,"max":1000}'),
  request("POST /v1/counters/full/increment", [JSON_TYPE], '{"by":3,"max":8,"onLimit":"saturate"}'),
  request("POST /v1/counters/hits/increment", ["Origin: http://127.0.0.1:4000"]),
  request("POST /v1/counters/hits/increment", ["Origin: https://evil.example"]),
];

const READS: readonly Buffer[] = [
  request("GET /v1/counters?match=h%5Ba-z%5D*&order=-value&limit=2&minIndex=1"),
  request("GET /v1/counters?order=value&limit=1&cursor=MjcgaGl0cw"),
  request("GET /v1/sum?prefix=items:&depth=2"),
  request("GET /v1/query?expression=hits,a%2Cb,%5C*,f*&consistency=stale"),
  request("OPTIONS /v1/counters/hits", [
    "Origin: http://127.0.0.1:4000",
    "Access-Control-Request-Method: PUT",
    "Access-Control-Request-Headers: if-match",
  ]),
];

/** The forms of other services, and badges. */
const ELSEWHERE: readonly Buffer[] = [
  request("POST /increment", [JSON_TYPE], '{"key":"hits","value":2}'),
  request("POST /api/v1/increment", ["Content-Type: text/plain"], '{"key":"hits","value":2}'),
  request("GET /api/v1/increment/hits"),
  request(
    "POST /items",
    [JSON_TYPE, "Idempotency-Key: i"],
    '[{"id":"x","tenant":"acme"},{"id":7,"tenant":"a:b"}]',
  ),
  request("GET /items/acme/count?minIndex=1"),
  request("POST /metrics", [JSON_TYPE], '{"labels":["a","hits"],"increment":5}'),
  request("GET /metrics/query?expression=hits,a%2Cb"),
  request("GET /metrics", ["Accept: application/json"]),
  request("GET /hit/hits.svg?label=%3Cb%3E&color=0a0"),
];

export const REQUESTS: readonly Buffer[] = [
  request("POST /v1/counters/hits/increment"),
  request("POST /v1/counters/visits%3A2026-11-21/increment", [JSON_TYPE], '{"by":5,"min":0,"max":100}'),
  request(
    "POST /v1/counters/items%2Facme/increment",
    [JSON_TYPE, 'Idempotency-Key: "k-1"'],
    '{"by":-3,"once":"ada"}',
  ),
  request("POST /v1/counters/%C3%A9t%C3%A9/increment", ["Idempotency-Key: bare-key", "Accept: text/plain"]),
  request("POST /v1/counters/a/increment", ["Raftally-Session: id=12, seq=3, first=3", "X-Request-Id: r-1"]),
  request("POST /v1/counters/full/increment", [JSON_TYPE], '{"by":9223372036854775807}'),
  request("GET /v1/counters/hits"),
  request("GET /v1/counters/hits?consistency=stale", [
    'If-None-Match: "1", W/"2", *',
    "Accept: text/*;q=0.9, */*;q=0.1",
  ]),
  request("HEAD /v1/counters/hits"),
  request("GET /v1/counters?prefix=h&limit=10&consistency=linearizable"),
  request("GET /v1/counters?limit=1&cursor=MWhpdHM"),
  request(
    "POST /v1/batch",
    [JSON_TYPE],
    '{"operations":[{"key":"a"},{"op":"set","key":"b","value":3,"ifRevision":0},{"op":"delete","key":"c"}]}',
  ),
  request(
    "POST /v1/batch",
    ["Content-Type: application/json; charset=utf-8", "Raftally-Session: first=1, id=1, seq=9"],
    '{"operations":[{"op":"increment","key":"hits","by":-9223372036854775808,"once":"\\u00e9"}]}',
  ),
  request("POST /v1/sessions", ['Idempotency-Key: "s-1"']),
  request("GET /v1/cluster"),
  request("GET /v1/cluster/members?from=leader"),
  request("POST /v1/cluster/members?dryRun=true", [JSON_TYPE], MEMBER),
  request("POST /v1/cluster/members", [JSON_TYPE], MEMBER),
  request("DELETE /v1/cluster/members/n1?dryRun=false"),
  request(
    "PATCH /v1/cluster/members/n1",
    [JSON_TYPE],
    '{"peer":"10.0.0.9:4100","api":"http://10.0.0.9:4000"}',
  ),
  request("POST /v1/cluster/members/n1/promote"),
  request("POST /v1/cluster/members/n1/replace", [JSON_TYPE], '{"by":"n4"}'),
  request("POST /v1/cluster/transfer", [JSON_TYPE], '{"to":"n2"}'),
  request("GET /v1/backup"),
  ...WRITES,
  ...READS,
  ...ELSEWHERE,
  request("GET /livez?verbose"),
  request("GET /readyz?leader&verbose"),
  request("OPTIONS /v1/counters/hits"),
  request("GET http://localhost:4000/v1/counters/hits"),
  request("GET /"),
];

/** A request taken apart, without any judgement on it. */
export interface Parts {
  readonly line: string;
  readonly headers: readonly string[];
  readonly body: Buffer;
}

/** The bytes as latin1, so that each stays what it is. */
export function partsOf(bytes: Buffer): Parts {
  const end = bytes.indexOf("\r\n\r\n");
  const head = bytes.toString("latin1", 0, end === -1 ? bytes.length : end);
  const [line = "", ...headers] = head.split("\r\n");
  return { line, headers, body: end === -1 ? Buffer.alloc(0) : bytes.subarray(end + 4) };
}

function bytesOf({ line, headers, body }: Parts): Buffer {
  return Buffer.concat([Buffer.from([line, ...headers, "", ""].join("\r\n"), "latin1"), body]);
}

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "BREW", "get", "TRACE", "QUERY"];

const SEGMENTS: readonly string[] = [
  "%",
  "%2",
  "%zz",
  "%00",
  "%ff",
  "%c3%28",
  "%ed%a0%80",
  "%ef%bb%bf",
  "%2e",
  "%2E%2E",
  ".",
  "..",
  "%2F",
  "%5C",
  "\\",
  "//",
  "%252F",
  "?",
  "#",
  ";a=b",
  " ",
  "%20",
  "+",
  "*",
  "~",
  ":",
  "@",
  "__proto__",
  "constructor",
  "increment",
  "a".repeat(512),
  "a".repeat(513),
  "%C3%A9".repeat(256),
  "%C3%A9".repeat(257),
  "\u00e9",
  "\u0000",
  "\u007f",
];

const QUERIES: readonly string[] = [
  "",
  "?",
  "&",
  "=",
  "consistency=stale",
  "consistency=",
  "consistency=stale&consistency=stale",
  "limit=0",
  "limit=1000",
  "limit=1001",
  "limit=1e3",
  "limit=-1",
  "cursor=",
  "cursor=MWhpdHM=",
  "cursor=%ff",
  "prefix=%",
  "prefix=%ED%A0%80",
  "__proto__=1",
  "constructor",
  "verbose=1&verbose",
  "dryRun=maybe",
  "from=leader&from=leader",
  "from=",
  "a".repeat(3_000),
];

const HEADERS: readonly string[] = [
  "Content-Type: text/plain",
  "Content-Type: application/json; charset=latin1",
  "Content-Type: application/json",
  "Content-Encoding: gzip",
  "Idempotency-Key:",
  'Idempotency-Key: "',
  'Idempotency-Key: "a\\x"',
  "Idempotency-Key: a,b",
  `Idempotency-Key: ${"k".repeat(255)}`,
  `Idempotency-Key: ${"k".repeat(256)}`,
  "Idempotency-Key: \u00e9",
  "Raftally-Session: id=1",
  "Raftally-Session: id=0, seq=0, first=0",
  "Raftally-Session: id=1, seq=1, first=1, id=1",
  "Raftally-Session: id=999999999999999, seq=999999999999999, first=1",
  "Raftally-Session: __proto__=1, seq=1, first=1",
  "If-Match: *",
  "If-None-Match: *",
  `If-None-Match: ${'"1", '.repeat(400)}`,
  `Accept: ${"a/b;q=0.1, ".repeat(400)}`,
  "Accept: text/plain;q=NaN",
  "Accept: ;;;,,,",
  "X-Request-Id: \u00ff",
  `X-Request-Id: ${"x".repeat(129)}`,
  "Raftally-Forwarded-By: n1",
  "__proto__: x",
  "constructor: x",
  "Expect: 100-continue",
  "Expect: more",
  "Host: other",
  "Content-Length: 0",
  "Content-Length: 5",
  "Content-Length: -1",
  "Content-Length: 1e3",
  "Content-Length: 99999999999",
  "Transfer-Encoding: chunked",
  "Transfer-Encoding: gzip, chunked",
  "Connection: Upgrade",
  "Upgrade: websocket",
  " folded",
  "No-Colon",
  ": no name",
  "Spaced : x",
];

/** Changes one part of a request: its method, path, query, headers or body. */
export function mutateRequest(bytes: Buffer, prng: Prng, other: Buffer): Buffer {
  let parts = partsOf(bytes);
  for (let change = prng.chance(0.7) ? 1 : prng.between(2, 3); change > 0; change--) {
    parts = mutatePart(parts, prng, partsOf(other));
  }
  return bytesOf(parts);
}

function mutatePart(parts: Parts, prng: Prng, other: Parts): Parts {
  const [method = "GET", target = "/", ...rest] = parts.line.split(" ");
  switch (prng.between(0, 8)) {
    case 0:
      return { ...parts, line: [prng.pick(METHODS), target, ...rest].join(" ") };
    case 1:
    case 2:
      return { ...parts, line: [method, mutatePath(target, prng), ...rest].join(" ") };
    case 3: {
      const query = prng.pick(QUERIES);
      const joined = target.includes("?") ? `${target}&${query}` : `${target}?${query}`;
      return { ...parts, line: [method, joined, ...rest].join(" ") };
    }
    case 4:
      return { ...parts, headers: [...parts.headers, prng.pick(HEADERS)] };
    case 5: {
      const at = prng.between(0, Math.max(0, parts.headers.length - 1));
      const hostile = prng.pick(HOSTILE).toString("latin1").replaceAll("\n", " ");
      const changed = parts.headers.map((header, position) => (position === at ? header + hostile : header));
      return {
        ...parts,
        headers: prng.chance(0.5) ? changed : parts.headers.filter((_, position) => position !== at),
      };
    }
    case 6:
      return withBody(parts, prng.chance(0.5) ? other.body : mutateBytes(parts.body, prng, other.body));
    default: {
      const source = parts.body.length > 0 ? parts.body : other.body;
      const text = mutateJson(source.toString("utf8"), prng, other.body.toString("utf8"));
      return withBody(parts, Buffer.from(text));
    }
  }
}

/** A body of another length is announced as such, as a rule. */
function withBody(parts: Parts, body: Buffer): Parts {
  const others = parts.headers.filter((header) => !/^content-(length|type):/i.test(header));
  const type = parts.headers.find((header) => /^content-type:/i.test(header)) ?? JSON_TYPE;
  return { ...parts, headers: [...others, type, `Content-Length: ${body.length}`], body };
}

function mutatePath(target: string, prng: Prng): string {
  const segments = target.split("/");
  const at = prng.between(0, Math.max(0, segments.length - 1));
  const segment = segments[at] ?? "";
  const drawn = prng.pick(SEGMENTS);
  const changed = prng.chance(0.5) ? drawn : segment.slice(0, 1) + drawn + segment.slice(1);
  const path = segments.map((part, position) => (position === at ? changed : part)).join("/");
  return prng.chance(0.9) ? path : `${path}/${drawn}`;
}
