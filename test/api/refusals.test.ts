/** Every refusal of a request: its status, code and sentence, and that nothing has changed. */

import { beforeEach, describe, expect, it } from "vitest";
import { ERRORS, type ErrorCode } from "../../src/base/index.ts";
import { type Bench, bodyOf, expectRefusal, type Headers, INCREMENT, makeBench, post } from "./kit.ts";

let bench: Bench;
beforeEach(async () => {
  bench = makeBench();
  await post(bench, INCREMENT, { body: '{"by":41}' });
});

/** Sends, expects the refusal, and that neither the state nor the log has moved. */
async function refuses(
  send: () => Response | Promise<Response>,
  code: ErrorCode,
  detail?: string | RegExp,
): Promise<Response> {
  const before = [bench.service.index, bench.service.digest];
  const response = await send();
  await expectRefusal(response.clone(), code, detail);
  expect(ERRORS[code].outcome).toBe("not-applied");
  expect([bench.service.index, bench.service.digest]).toEqual(before);
  return response;
}

const RANGE = "must be between -9223372036854775808 and 9223372036854775807";

describe("a body of an increment is refused", () => {
  const cases: readonly (readonly [string, string, ErrorCode, string | RegExp])[] = [
    ["no JSON", "by=5", "INVALID_JSON", /^the body is not valid JSON: /],
    ["blank", " \n", "INVALID_JSON", /^the body is not valid JSON: /],
    ["two documents", '{"by":1}{"by":1}', "INVALID_JSON", /not valid JSON/],
    ["a number that JSON does not know", '{"by":01}', "INVALID_JSON", /not valid JSON/],
    ["NaN", '{"by":NaN}', "INVALID_JSON", /not valid JSON/],
    ["a field twice", '{"by":1,"by":2}', "INVALID_JSON", 'the field "by" is given twice'],
    [
      "a field twice, the same",
      '{"by":1,"min":0,"by" \n:1}',
      "INVALID_JSON",
      'the field "by" is given twice',
    ],
    ["a field twice, once escaped", '{"by":1,"\\u0062y":2}', "INVALID_JSON", 'the field "by" is given twice'],
    [
      "a field twice after a quote",
      '{"once":"\\"\\\\","by":1,"by":2}',
      "INVALID_JSON",
      /"by" is given twice/,
    ],
    [
      "a field twice with big numbers",
      '{"max":1234567890123456789,"max":5}',
      "INVALID_JSON",
      /"max" is given/,
    ],
    ["__proto__ twice", '{"__proto__":1,"__proto__":2}', "INVALID_JSON", /"__proto__" is given twice/],
    ["an array", "[]", "INVALID_BODY", "the body must be an object; got an array"],
    ["a number", "5", "INVALID_BODY", "the body must be an object; got 5"],
    ["a string", '"x"', "INVALID_BODY", 'the body must be an object; got the string "x"'],
    ["null", "null", "INVALID_BODY", "the body must be an object; got null"],
    ["a fraction", '{"by":1.5}', "INVALID_BODY", "by must be an integer; got 1.5"],
    ["a whole fraction", '{"by":1.0}', "INVALID_BODY", "by must be an integer; got 1.0"],
    ["an exponent", '{"by":1e3}', "INVALID_BODY", "by must be an integer; got 1e3"],
    ["a tiny exponent", '{"by":1E-400}', "INVALID_BODY", "by must be an integer; got 1E-400"],
    ["a huge exponent", '{"max":1e400}', "INVALID_BODY", "max must be an integer; got 1e400"],
    ["text", '{"by":"5"}', "INVALID_BODY", 'by must be an integer; got the string "5"'],
    ["null for a number", '{"by":null}', "INVALID_BODY", "by must be an integer; got null"],
    ["a list", '{"min":[1]}', "INVALID_BODY", "min must be an integer; got an array"],
    [
      "one more than fits",
      '{"by":9223372036854775808}',
      "INVALID_BODY",
      `by ${RANGE}; got 9223372036854775808`,
    ],
    [
      "one less than fits",
      '{"min":-9223372036854775809}',
      "INVALID_BODY",
      `min ${RANGE}; got -9223372036854775809`,
    ],
    [
      "a million digits",
      `{"by":${"9".repeat(1_000_000)}}`,
      "INVALID_BODY",
      /^by must be between .*… \(1000000 ch/,
    ],
    [
      "an unknown field",
      '{"step":5}',
      "INVALID_BODY",
      'unknown field "step"; known: by, min, max, onLimit, once',
    ],
    ["__proto__", '{"__proto__":{"by":5}}', "INVALID_BODY", /^unknown field "__proto__"/],
    ["constructor", '{"constructor":1,"by":1}', "INVALID_BODY", /^unknown field "constructor"/],
    ["bounds the wrong way round", '{"min":5,"max":4}', "INVALID_BODY", "min must not be above max; got 5"],
    ["a member that is no text", '{"once":5}', "INVALID_BODY", "once must be a string; got 5"],
    ["an empty member", '{"once":""}', "INVALID_BODY", "once must not be empty"],
    ["a long member", `{"once":"${"é".repeat(257)}"}`, "INVALID_BODY", /^once must take at most 512 bytes/],
    ["half a character", '{"once":"\\ud800"}', "INVALID_BODY", /^once must be valid Unicode/],
  ];
  it.each(cases)("%s", async (_name, body, code, detail) => {
    await refuses(() => post(bench, INCREMENT, { body }), code, detail);
  });

  it("nested as deep as a body can be", async () => {
    for (const number of ["1", "1.5"]) {
      const body = `{"by":${"[".repeat(500_000)}${number}${"]".repeat(500_000)}}`;
      const response = await refuses(
        () => post(bench, INCREMENT, { body }),
        number === "1" ? "INVALID_BODY" : "INVALID_JSON",
      );
      expect(response.status).toBe(400);
    }
  });

  it("in invalid UTF-8", async () => {
    const body = Buffer.from('{"once":"\xff"}', "latin1");
    await refuses(() => post(bench, INCREMENT, { body }), "INVALID_JSON", "the body is not valid UTF-8");
  });

  it("longer than 1 MiB, and not one byte earlier", async () => {
    const fits = `{"by":1}${" ".repeat(1_048_576 - 8)}`;
    await refuses(() => post(bench, INCREMENT, { body: `${fits} ` }), "BODY_TOO_LARGE", /1048576/);
    expect((await post(bench, INCREMENT, { body: fits })).status).toBe(200);
  });

  it.each([
    ["text/plain", {}],
    ["application/x-www-form-urlencoded", {}],
    ["application/jsonp", {}],
    ["", {}],
    ["application/json", { "Content-Encoding": "gzip" }],
    ["application/json; charset=utf-16", {}],
    ['application/json;Charset="latin1"', {}],
    ["application/json; a=b; charset=", {}],
    ["application/json; charset=utf-8; charset=utf-16", {}],
    ["application/json, application/json", {}],
  ])("of type %j with %j", async (type, more) => {
    const headers: Headers = { "Content-Type": type, ...more };
    await refuses(() => post(bench, INCREMENT, { body: '{"by":1}', headers }), "UNSUPPORTED_MEDIA_TYPE");
  });

  it.each([
    "application/json; charset=utf-8",
    'Application/JSON ;CHARSET="UTF-8"',
    "application/json; a=charset",
  ])("but not of type %s", async (type) => {
    const answer = await post(bench, INCREMENT, { body: '{"by":1}', headers: { "Content-Type": type } });
    expect(answer.status).toBe(200);
  });

  it.each(['{"once":"by\\":","by":1}', '{"once":"{\\"by\\":1,\\"by\\":2}"}', '{"once":"by","by":1,"min":0}'])(
    "but not for names that only seem to repeat: %s",
    async (body) => {
      expect((await post(bench, INCREMENT, { body })).status).toBe(200);
    },
  );

  it("without a type", async () => {
    const init = { method: "POST", body: Buffer.from('{"by":1}') };
    const detail = "a body needs Content-Type: application/json; there is no Content-Type";
    await refuses(() => bench.api.request(INCREMENT, init), "UNSUPPORTED_MEDIA_TYPE", detail);
  });
});

it("takes a batch whose operations each have the same fields", async () => {
  const body = '{"operations":[{"key":"a","by":1},{"by":2,"key":"a"},{"key":"key","once":"by"}]}';
  expect((await post(bench, "/v1/batch", { body })).status).toBe(200);
});

describe("a batch is refused", () => {
  const many = `{"operations":[${Array.from({ length: 1_001 }, () => '{"key":"a"}').join(",")}]}`;
  const cases: readonly (readonly [string, string | undefined, ErrorCode, string | RegExp])[] = [
    ["without a body", undefined, "INVALID_BODY", /^a batch needs a body such as/],
    ["of nothing", '{"operations":[]}', "INVALID_BATCH", "a batch takes 1 to 1000 operations; got 0"],
    ["of 1,001", many, "INVALID_BATCH", "a batch takes 1 to 1000 operations; got 1001"],
    [
      "a field twice in one operation",
      '{"operations":[{"key":"a"},{"key":"b","by":1,"by":2}]}',
      "INVALID_JSON",
      'the field "by" is given twice',
    ],
    [
      "operations twice",
      '{"operations":[{"key":"a"}],"operations":[]}',
      "INVALID_JSON",
      /"operations" is given/,
    ],
    ["without operations", "{}", "INVALID_BODY", "operations is missing"],
    ["a bare list", "[]", "INVALID_BODY", "the body must be an object; got an array"],
    ["no list", '{"operations":{}}', "INVALID_BODY", "operations must be an array; got an object"],
    ["under another name", '{"commands":[]}', "INVALID_BODY", 'unknown field "commands"; known: operations'],
    [
      "no object in it",
      '{"operations":[{"key":"a"},5]}',
      "INVALID_BODY",
      "operations[1] must be an object; got 5",
    ],
    ["without a key", '{"operations":[{}]}', "INVALID_BODY", "operations[0].key is missing"],
    ["an empty key", '{"operations":[{"key":""}]}', "INVALID_KEY", "operations[0].key must not be empty"],
    [
      "a key of dots",
      '{"operations":[{"key":".."}]}',
      "INVALID_KEY",
      /^operations\[0\]\.key must not be "\."/,
    ],
    [
      "half a character",
      '{"operations":[{"key":"\\udc00"}]}',
      "INVALID_KEY",
      /^operations\[0\]\.key must be valid/,
    ],
    [
      "an unknown operation",
      '{"operations":[{"key":"a","op":"double"}]}',
      "INVALID_BODY",
      'operations[0].op must be "increment", "set" or "delete"; got the string "double"',
    ],
    [
      "a misspelt field",
      '{"operations":[{"op":"set","key":"a","val":1}]}',
      "INVALID_BODY",
      'unknown field "val" in operations[0]; known: op, key, value, ifRevision',
    ],
    [
      "set without a value",
      '{"operations":[{"op":"set","key":"a"}]}',
      "INVALID_BODY",
      "operations[0].value is missing",
    ],
    [
      "a fraction",
      '{"operations":[{"key":"a"},{"key":"a","by":0.5}]}',
      "INVALID_BODY",
      "operations[1].by must be an integer; got 0.5",
    ],
    [
      "a negative revision",
      '{"operations":[{"op":"delete","key":"a","ifRevision":-1}]}',
      "INVALID_BODY",
      'operations[0].ifRevision must be a revision, 0 or "any"; got -1',
    ],
    [
      "bounds the wrong way round",
      '{"operations":[{"key":"a","min":2,"max":1}]}',
      "INVALID_BODY",
      "operations[0].min must not be above max; got 2",
    ],
  ];
  it.each(cases)("%s", async (_name, body, code, detail) => {
    const response = await refuses(
      () => post(bench, "/v1/batch", body === undefined ? {} : { body }),
      code,
      detail,
    );
    const { position } = await bodyOf(response);
    const place = /operations\[(\d)\]/.exec(String(detail).replaceAll("\\", ""))?.[1];
    expect(position).toBe(place === undefined ? undefined : Number(place));
  });
});

describe("a header is refused", () => {
  const cases: readonly (readonly [string, Headers, string | RegExp])[] = [
    ["an empty key", { "Idempotency-Key": "" }, "Idempotency-Key must not be empty"],
    ["an empty quoted key", { "Idempotency-Key": '""' }, "Idempotency-Key must not be empty"],
    ["a key of 256", { "Idempotency-Key": "k".repeat(256) }, /^Idempotency-Key must have at most 255/],
    ["a bare key with a space", { "Idempotency-Key": "a b" }, /^Idempotency-Key without quotes/],
    ["two bare keys", { "Idempotency-Key": "a, b" }, /^Idempotency-Key without quotes/],
    ["two quoted keys", { "Idempotency-Key": '"a", "b"' }, /not one quoted ASCII string/],
    ["a key with parameters", { "Idempotency-Key": '"a";v=1' }, /not one quoted ASCII string/],
    ["an open quote", { "Idempotency-Key": '"abc' }, /not one quoted ASCII string/],
    ["a wrong escape", { "Idempotency-Key": '"a\\n"' }, /not one quoted ASCII string/],
    ["no ASCII", { "Idempotency-Key": "clé" }, /^Idempotency-Key without quotes/],
    [
      "both kinds of place",
      { "Idempotency-Key": "k", "Raftally-Session": "id=1,seq=1,first=1" },
      /not both$/,
    ],
    ["an empty session", { "Raftally-Session": "" }, /must be of the form/],
    ["a session without first", { "Raftally-Session": "id=1, seq=1" }, /must be of the form/],
    [
      "a session number twice",
      { "Raftally-Session": "id=1, seq=1, first=1, id=2" },
      /id is unknown or given twice/,
    ],
    ["an unknown session field", { "Raftally-Session": "id=1, seq=1, first=1, x=2" }, /x is unknown/],
    ["first after seq", { "Raftally-Session": "id=1, seq=1, first=2" }, /1 <= first <= seq/],
    ["session 0", { "Raftally-Session": "id=0, seq=1, first=1" }, /id of at least 1/],
    [
      "a number of 16 digits",
      { "Raftally-Session": "id=1, seq=1000000000000000, first=1" },
      /must be of the form/,
    ],
    ["a negative number", { "Raftally-Session": "id=1, seq=-1, first=1" }, /must be of the form/],
    ["a condition", { "If-Match": '"1"' }, /^if-match does not apply/],
    ["a negative condition", { "If-None-Match": "*" }, /^if-none-match does not apply/],
  ];
  it.each(cases)("%s", async (_name, headers, detail) => {
    await refuses(() => post(bench, INCREMENT, { headers }), "INVALID_HEADER", detail);
    const body = '{"operations":[{"key":"a"}]}';
    await refuses(() => post(bench, "/v1/batch", { body, headers }), "INVALID_HEADER", detail);
  });

  it("a session where a session is opened, and a body there", async () => {
    const headers = { "Raftally-Session": "id=1, seq=1, first=1" };
    await refuses(() => post(bench, "/v1/sessions", { headers }), "INVALID_HEADER");
    await refuses(() => post(bench, "/v1/sessions", { body: "{}" }), "INVALID_BODY");
  });
});

describe("a target is refused", () => {
  it.each([
    ["/v1/counters//increment", "the key must not be empty"],
    ["/v1/counters/%zz/increment", "the key in the path holds a % that is not followed by two hex digits"],
    ["/v1/counters/a%/increment", "the key in the path holds a % that is not followed by two hex digits"],
    ["/v1/counters/%ff/increment", "the key in the path is not valid UTF-8 after percent-decoding"],
    ["/v1/counters/%c0%af/increment", "the key in the path is not valid UTF-8 after percent-decoding"],
    ["/v1/counters/%ed%a0%80/increment", "the key in the path is not valid UTF-8 after percent-decoding"],
    [
      `/v1/counters/${"a".repeat(513)}/increment`,
      /^the key must take at most 512 bytes of UTF-8, but takes 513$/,
    ],
    [`/v1/counters/${"%C3%A9".repeat(257)}/increment`, /but takes 514$/],
    ["/v1/counters/a%00/increment", /control/],
  ])("%s for its key", async (path, detail) => {
    await refuses(() => post(bench, path), "INVALID_KEY", detail);
    const reading = path.slice(0, -"/increment".length);
    await refuses(() => bench.api.request(reading), "INVALID_KEY", detail);
  });

  it.each([
    "/v1",
    "/v2/counters/a",
    "/v1/counters/a/decrement",
    "/v1/counters/a/b/increment",
    "/v1/counters/a/increment/",
    "/V1/counters/a",
    "/v1/batch/",
    "/favicon.ico",
  ])("%s as no route", async (path) => {
    await refuses(() => post(bench, path), "ROUTE_NOT_FOUND");
    await refuses(() => bench.api.request(path), "ROUTE_NOT_FOUND");
  });

  it.each([
    ["GET", INCREMENT, "POST"],
    ["HEAD", INCREMENT, "POST"],
    ["PUT", INCREMENT, "POST"],
    ["PATCH", "/v1/counters/hits", "GET, HEAD, PUT, DELETE"],
    ["POST", "/v1/counters/hits", "GET, HEAD, PUT, DELETE"],
    ["GET", "/v1/counters/hits/allocate", "POST"],
    ["PATCH", "/v1/counters", "GET, HEAD"],
    ["OPTIONS", "/v1/batch", "POST"],
    ["GET", "/v1/batch", "POST"],
    ["GET", "/v1/sessions", "POST"],
    ["POST", "/v1/cluster", "GET, HEAD"],
    ["POST", "/livez", "GET, HEAD"],
    ["POST", "/", "GET, HEAD"],
    ["PROPFIND", "/", "GET, HEAD"],
    ["POST", "/v1/backup", "GET"],
    ["HEAD", "/v1/backup", "GET"],
  ])("%s %s as the wrong method", async (method, path, allow) => {
    const before = bench.service.index;
    const response = await bench.api.request(path, { method });
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe(allow);
    if (method !== "HEAD")
      await expectRefusal(response, "METHOD_NOT_ALLOWED", new RegExp(`^${method} does not fit`));
    expect(bench.service.index).toBe(before);
  });

  it.each([
    ["POST", `${INCREMENT}?by=5`, 'unknown query parameter "by"; this route takes none'],
    ["POST", "/v1/batch?x", 'unknown query parameter "x"; this route takes none'],
    ["POST", "/v1/sessions?x=1", 'unknown query parameter "x"; this route takes none'],
    ["GET", "/v1/counters/hits?stale=1", 'unknown query parameter "stale"; known: consistency, minIndex'],
    ["GET", "/v1/counters/hits?consistency=no", 'consistency must be linearizable or stale; got "no"'],
    ["GET", "/v1/counters/hits?consistency", 'consistency must be linearizable or stale; got ""'],
    ["GET", "/v1/counters/hits?consistency=stale&consistency=stale", "consistency is given more than once"],
    [
      "GET",
      "/v1/counters?offset=5",
      /^unknown query parameter "offset"; known: prefix, match, order, limit, /,
    ],
    ["GET", "/v1/counters?limit=1001", 'limit must be a whole number from 1 to 1000; got "1001"'],
    ["GET", "/v1/counters?limit=1e2", 'limit must be a whole number from 1 to 1000; got "1e2"'],
    ["GET", "/v1/counters?prefix=%ff", "prefix is not valid UTF-8 after percent-decoding"],
    ["GET", "/v1/counters?prefix=%2", "prefix holds a % that is not followed by two hex digits"],
    ["GET", `/v1/counters?prefix=${"a".repeat(513)}`, "prefix must take at most 512 bytes of UTF-8"],
    ["GET", "/v1/counters?cursor=", /^cursor must be/],
    ["GET", "/v1/counters?cursor=MWE=", /^cursor must be/],
    ["GET", "/v1/counters?cursor=%20", /^cursor must be/],
    ["GET", "/v1/counters?prefix=b&cursor=MWE", /listed with the same prefix and order$/],
    ["GET", "/v1/cluster?x=1", 'unknown query parameter "x"; this route takes none'],
    ["GET", "/readyz?exclude=leader", 'unknown query parameter "exclude"; known: verbose, leader'],
    ["GET", "/?page=1", 'unknown query parameter "page"; this route takes none'],
  ])("%s %s for its query", async (method, path, detail) => {
    await refuses(() => bench.api.request(path, { method }), "INVALID_QUERY", detail);
  });
});
