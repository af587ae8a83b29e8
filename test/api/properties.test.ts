/** No input, however strange, makes a server error, and a refusal never changes anything. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { serveApi } from "../../src/api/index.ts";
import { type Bench, expectProblem, INCREMENT, makeBench, post, RawConnection } from "./kit.ts";

const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);
const int64 = fc.bigInt({ min: INT64_MIN, max: INT64_MAX });

const numberText = fc.oneof(
  int64.map(String),
  fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }).map(String),
  fc.double().map((value) => JSON.stringify(value)),
  fc.constantFrom("-0", "1e2", "0.0", "1E+400", "9007199254740993", "01", "+1", "0x10", "1n"),
);
const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string(),
  fc.constantFrom("", ".", "..", "a/b", "hits"),
);
const valueText = fc.oneof(
  numberText,
  fc.json(),
  text.map((value) => JSON.stringify(value)),
);
const fieldText = fc.constantFrom(
  "by",
  "min",
  "max",
  "once",
  "op",
  "key",
  "value",
  "ifRevision",
  "__proto__",
  "x",
);
const objectText = fc
  .array(fc.tuple(fieldText, valueText), { maxLength: 4 })
  .map((fields) => `{${fields.map(([name, value]) => `"${name}":${value}`).join(",")}}`);
const bodyText = fc.oneof(
  objectText,
  fc.array(objectText, { maxLength: 3 }).map((all) => `{"operations":[${all.join(",")}]}`),
  valueText,
  fc.string({ unit: "binary" }),
);

const segment = fc.oneof(
  text.map((value) => (/\p{Cs}/u.test(value) ? "x" : encodeURIComponent(value))),
  fc.constantFrom("%", "%zz", "%ff", "%2F", "%00", "", "increment", "batch", "hits"),
);
const query = fc.oneof(
  { weight: 3, arbitrary: fc.constant("") },
  {
    weight: 1,
    arbitrary: fc
      .array(fc.tuple(fc.constantFrom("prefix", "limit", "cursor", "consistency", "verbose", "x"), segment))
      .map((pairs) => `?${pairs.map(([name, value]) => `${name}=${value}`).join("&")}`),
  },
);
const path = fc.oneof(
  fc.tuple(segment, query).map(([key, rest]) => `/v1/counters/${key}/increment${rest}`),
  fc.tuple(segment, query).map(([key, rest]) => `/v1/counters/${key}${rest}`),
  fc
    .tuple(
      fc.constantFrom(
        "/v1/batch",
        "/v1/counters",
        "/v1/sessions",
        "/v1/cluster",
        "/v1/cluster/members",
        "/v1/cluster/members/n1",
        "/v1/cluster/members/n1/replace",
        "/v1/cluster/transfer",
        "/livez",
        "/",
      ),
      query,
    )
    .map(([route, rest]) => route + rest),
  fc.array(segment, { maxLength: 5 }).map((all) => `/${all.join("/")}`),
);
const headerValue = fc.oneof(
  fc.string({ maxLength: 40 }).map((value) => value.trim()),
  fc.constantFrom('"k"', "k", '"', "id=1, seq=1, first=1", "id=1", "application/json", "text/plain;q=1", "*"),
);
const headers = fc.dictionary(
  fc.constantFrom(
    "Idempotency-Key",
    "Raftally-Session",
    "Accept",
    "If-None-Match",
    "If-Match",
    "X-Request-Id",
    "Content-Type",
  ),
  headerValue,
  { maxKeys: 3 },
);

/** A request either succeeds or is refused completely: with a problem document, and without a trace. */
async function expectAllOrNothing(bench: Bench, send: () => Promise<Response>): Promise<void> {
  const before = [bench.service.index, bench.service.digest] as const;
  const response = await send();
  const body = await response.text();
  expect(response.status).toBeLessThan(500);
  expect([bench.errors, bench.fatal]).toEqual([[], []]);
  if (response.status < 400) return;
  if (response.headers.get("content-type") === "application/problem+json" && body !== "") {
    const document = JSON.parse(body);
    expectProblem(document, document.code);
    expect(document.status).toBe(response.status);
    expect(document.outcome).toBe("not-applied");
  }
  // What the state machine refuses is an entry of the log, and may be remembered under its key; counters stay.
  if (bench.service.index === before[0]) expect(bench.service.digest).toBe(before[1]);
  else expect([404, 409, 410, 412, 422]).toContain(response.status);
}

describe("any request", () => {
  it("is answered below 500, and changes nothing if it is refused", async () => {
    const bench = makeBench();
    const someHeaders = fc.oneof(fc.constant({}), headers);
    const someBody = fc.oneof(fc.constantFrom("", "{}", '{"by":-3}'), bodyText);
    const method = fc.constantFrom("POST", "POST", "POST", "GET", "DELETE", "PUT", "HEAD");
    await fc.assert(
      fc.asyncProperty(method, path, someHeaders, someBody, async (verb, target, given, body) => {
        const withBody = verb !== "GET" && verb !== "HEAD";
        const init = withBody ? { body: Buffer.from(body) } : {};
        const all = { ...(withBody ? { "Content-Type": "application/json" } : {}), ...given };
        await expectAllOrNothing(bench, async () =>
          bench.api.request(target, { method: verb, headers: all, ...init }),
        );
      }),
      { numRuns: 1_500 },
    );
    expect(bench.service.index).toBeGreaterThan(10);
  });

  it("with a body that is nearly right is done or refused, never half", async () => {
    const bench = makeBench();
    await fc.assert(
      fc.asyncProperty(bodyText, fc.boolean(), async (body, batch) => {
        await expectAllOrNothing(bench, () => post(bench, batch ? "/v1/batch" : INCREMENT, { body }));
      }),
      { numRuns: 1_500 },
    );
    expect(bench.service.index).toBeGreaterThan(10);
  });

  it("in broken bytes is answered below 500 or cut off, honestly, and the next one is served", async () => {
    const limits = { headersTimeout: 25, requestTimeout: 25, connectionsCheckingInterval: 5 };
    const benches = Array.from({ length: 12 }, () => makeBench());
    const servers = await Promise.all(
      benches.map((bench) => serveApi(bench.api, { host: "127.0.0.1", port: 0, limits })),
    );
    const valid = `POST ${INCREMENT} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nIdempotency-Key: "k"\r\nContent-Length: 8\r\n\r\n{"by":5}`;
    const damage = fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    async function sendDamaged(flips: readonly (readonly [number, number])[], at: number): Promise<void> {
      const bench = benches[at] as Bench;
      const bytes = Buffer.from(valid);
      for (const [offset, byte] of flips) bytes[offset] = byte;
      const before = [bench.service.index, bench.service.digest];
      const connection = new RawConnection(servers[at]?.port ?? 0).send(bytes);
      const answer = await connection.answer().catch(() => undefined);
      connection.socket.destroy();
      expect([bench.errors, bench.fatal]).toEqual([[], []]);
      if (answer === undefined) return;
      expect(answer.status).toBeLessThan(500);
      if (answer.status < 400 || answer.status === 422) return;
      expect([bench.service.index, bench.service.digest]).toEqual(before);
    }
    try {
      await fc.assert(
        fc.asyncProperty(fc.array(damage, { minLength: 12, maxLength: 12 }), async (damages) => {
          await Promise.all(damages.map(sendDamaged));
        }),
        { numRuns: 30 },
      );
      const live = "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n";
      for (const { port } of servers) {
        // On a busy machine even this one may be late for limits as short as these.
        const ask = async (): Promise<number> => (await new RawConnection(port).send(live).answer()).status;
        await expect.poll(ask, { interval: 5 }).toBe(200);
      }
    } finally {
      await Promise.all(servers.map((server) => server.close(0)));
    }
  });
});

describe("any integer", () => {
  it("of 64 bits is set and added exactly, in whatever body it stands", async () => {
    const bench = makeBench();
    await fc.assert(
      fc.asyncProperty(int64, int64, async (start, by) => {
        const set = `{"operations":[{"op":"set","key":"n","value":${start}}]}`;
        expect((await post(bench, "/v1/batch", { body: set })).status).toBe(200);
        const response = await post(bench, "/v1/counters/n/increment", { body: `{"by":${by}}` });
        const sum = start + by;
        const fits = sum >= INT64_MIN && sum <= INT64_MAX;
        expect(response.status).toBe(fits ? 200 : 409);
        if (fits) expect(await response.text()).toContain(`"value":${sum},`);
        const read = await bench.api.request("/v1/counters/n", { headers: { Accept: "text/plain" } });
        expect(await read.text()).toBe(`${fits ? sum : start}\n`);
      }),
      { numRuns: 300 },
    );
  });
});

describe("any key", () => {
  it("that is valid comes back as it was sent, and no two become one", async () => {
    const bench = makeBench();
    const key = fc
      .string({ unit: "grapheme", minLength: 1, maxLength: 40 })
      .filter((candidate) => candidate !== "." && candidate !== "..");
    const seen = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(key, async (name) => {
        const response = await post(bench, `/v1/counters/${encodeURIComponent(name)}/increment`);
        const count = (seen.get(name) ?? 0) + 1;
        seen.set(name, count);
        expect(await response.json()).toMatchObject({ key: name, value: count });
      }),
      { numRuns: 300 },
    );
  });
});
