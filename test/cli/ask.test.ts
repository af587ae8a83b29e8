import { describe, expect, it } from "vitest";
import { deadUrl, fakeNode, json, problem, silence } from "../client/fake-node.ts";
import { member } from "./member-samples.ts";
import { raftally } from "./terminal.ts";

const ROW = '{"key":"visits","value":9223372036854775807,"revision":3,"changed":true,"index":7,"term":2}';

function view(id: string, extra: Readonly<Record<string, unknown>>): string {
  const fields = { clusterId: "c", version: "1.0.0", role: "follower", term: 4, commit: 10, applied: 10 };
  const rest = { revision: 1, counters: 2, peers: [], uptimeMs: 61_000 };
  return JSON.stringify({ id, ...fields, ...rest, ...extra });
}

describe("raftally incr", () => {
  it("prints the bare value with every digit", async () => {
    const node = await fakeNode(json(200, ROW));
    expect(await raftally(["incr", "visits", "--url", node.url])).toEqual({
      exitCode: 0,
      out: "9223372036854775807",
      error: "",
    });
    expect(node.asked[0]?.body).toBe('{"by":1}');
  });

  it("sends what it was given and prints JSON", async () => {
    const node = await fakeNode(json(200, ROW));
    const line = "incr visits --by -3 --min 0 --max 9 --once m --idempotency-key k1 --json";
    const ran = await raftally(line.split(" "), { RAFTALLY_URL: node.url });
    expect(node.asked[0]?.body).toBe('{"by":-3,"min":0,"max":9,"once":"m"}');
    expect(node.asked[0]?.idempotencyKey).toBe('"k1"');
    expect(ran.out).toBe(
      '{"key":"visits","value":9223372036854775807,"revision":3,"changed":true,"index":7,"term":2,"replayed":false}',
    );
  });

  it("asks with a token, from its flag or its variable", async () => {
    const node = await fakeNode(json(200, ROW));
    await raftally(["incr", "k", "--token", "t-1", "--url", node.url]);
    await raftally(["incr", "k", "--url", node.url], { RAFTALLY_TOKEN: "t-2" });
    expect(node.asked.map(({ headers }) => headers.authorization)).toEqual(["Bearer t-1", "Bearer t-2"]);
    const ran = await raftally(["incr", "k", "--url", node.url], { RAFTALLY_TOKEN: "t 2" });
    expect([ran.exitCode, ran.error]).toEqual([2, expect.stringContaining("RAFTALLY_TOKEN must be")]);
  });

  it("says what, why and what to try when it is refused, and exits with 1", async () => {
    const node = await fakeNode(problem("LIMIT_REACHED", { detail: "12 is above 10" }));
    expect(await raftally(["incr", "visits", "--max", "10", "--url", node.url])).toEqual({
      exitCode: 1,
      out: "",
      error:
        'The cluster refused to add 1 to "visits"; nothing has changed (LIMIT_REACHED).\n' +
        "  why: 12 is above 10\n  try: raftally get shows the value that meets the bound",
    });
  });

  it("exits with 3 and names the key to try again with when the outcome is unknown", async () => {
    const node = await fakeNode(silence);
    const ran = await raftally(["incr", "visits", "--url", node.url, "--timeout", "400ms"]);
    expect(ran.exitCode).toBe(3);
    const key = node.asked[0]?.idempotencyKey?.replaceAll('"', "");
    expect(ran.error).toContain(
      `try: the same command again with --idempotency-key ${key}: it counts once at most`,
    );
  });

  it("names a key that a shell would take apart so that it can be pasted", async () => {
    const node = await fakeNode(silence);
    const ran = await raftally([
      "incr",
      "k",
      "--idempotency-key",
      "it's $5",
      "--url",
      node.url,
      "--timeout",
      "300ms",
    ]);
    expect([ran.exitCode, ran.error]).toEqual([
      3,
      expect.stringContaining("--idempotency-key 'it'\\''s $5': it"),
    ]);
  });

  it("gives failures as JSON too", async () => {
    const node = await fakeNode(problem("LIMIT_REACHED", { detail: "12 is above 10" }));
    const ran = await raftally(["incr", "visits", "--json", "--url", node.url]);
    expect(ran.exitCode).toBe(1);
    expect(JSON.parse(ran.error)).toEqual({
      code: "LIMIT_REACHED",
      outcome: "not-applied",
      detail: "12 is above 10",
    });
  });

  it("says how to start a cluster when there is none", async () => {
    const ran = await raftally(["incr", "visits", "--url", await deadUrl(), "--timeout", "300ms"]);
    expect(ran.exitCode).toBe(1);
    expect(ran.error).toContain('Could not add 1 to "visits"; nothing has changed (UNREACHABLE).');
    expect(ran.error).toContain("why: nothing listens there");
    expect(ran.error).toContain("try: raftally cluster starts a cluster here");
  });
});

describe("a port that fetch refuses to use", () => {
  it("is told from a lost answer: nothing was sent there", async () => {
    const ran = await raftally(["incr", "visits", "--url", "http://127.0.0.1:9", "--timeout", "300ms"]);
    expect(ran.exitCode).toBe(1);
    expect(ran.error).toContain('Could not add 1 to "visits"; nothing has changed (UNREACHABLE).');
    expect(ran.error).toContain("why: fetch refuses to use this port");
  });
});

describe("raftally get", () => {
  it("prints the value, from the consistency that was asked for", async () => {
    const node = await fakeNode(json(200, ROW));
    const ran = await raftally(["get", "visits", "--consistency", "stale", "--url", node.url]);
    expect(ran.out).toBe("9223372036854775807");
    expect(node.asked[0]?.path).toBe("/v1/counters/visits?consistency=stale");
  });

  it("exits with 1 for a counter that does not exist", async () => {
    const node = await fakeNode(problem("COUNTER_NOT_FOUND"));
    const ran = await raftally(["get", "visits", "--url", node.url]);
    expect(ran.exitCode).toBe(1);
    expect(ran.error).toContain('There is no counter "visits".');
  });
});

describe("raftally list", () => {
  it("prints an aligned table, with control characters made harmless", async () => {
    const page =
      '{"counters":[{"key":"a","value":5,"revision":1},{"key":"tab\\there","value":-1234,"revision":2}],' +
      '"index":3,"term":1}';
    const node = await fakeNode(json(200, page));
    const ran = await raftally(["list", "--url", node.url]);
    expect(ran.out).toBe("key           value\na                 5\ntab\\u{9}here  -1234");
  });

  it("prints a long key whole, and does not let it push the values of the others aside", async () => {
    const long = "k".repeat(61);
    const keys = [`a${"b".repeat(59)}`, "c", long];
    const counters = keys.map((key) => ({ key, value: 5, revision: 1 }));
    const node = await fakeNode(json(200, JSON.stringify({ counters, index: 3, term: 1 })));
    const ran = await raftally(["list", "--url", node.url]);
    expect(ran.out.split("\n")).toEqual([
      `key${" ".repeat(57)}  value`,
      `${keys[0]}      5`,
      `c${" ".repeat(59)}      5`,
      `${long}      5`,
    ]);
  });

  it("stops at --limit without asking for more than it needs", async () => {
    const page = '{"counters":[{"key":"a","value":5,"revision":1}],"next":"c","index":3,"term":1}';
    const node = await fakeNode(json(200, page));
    const ran = await raftally(["list", "--limit", "1", "--prefix", "a", "--json", "--url", node.url]);
    expect(ran.out).toBe('{"key":"a","value":5,"revision":1}');
    expect(node.asked.map(({ path }) => path)).toEqual([
      "/v1/counters?prefix=a&limit=1&consistency=linearizable",
    ]);
  });

  it("says so when there is nothing", async () => {
    const node = await fakeNode(json(200, '{"counters":[],"index":3,"term":1}'));
    expect(await raftally(["list", "--url", node.url])).toEqual({
      exitCode: 0,
      out: "",
      error: "There are no counters yet.",
    });
  });
});

describe("raftally status", () => {
  it("shows nodes that it was not told of, and those that are down", async () => {
    const down = await deadUrl();
    const urls: string[] = [];
    const peers = (): unknown[] => [
      { id: "n1", api: urls[0], reachable: true },
      { id: "n3", api: down, reachable: false },
    ];
    const leader = (): unknown => ({ id: "n1", url: urls[0] });
    const n1 = await fakeNode((asked, response) =>
      json(
        200,
        view("n1", {
          role: "leader",
          leader: leader(),
          peers: [{ id: "n2", api: urls[1], reachable: true }],
        }),
      )(asked, response),
    );
    const n2 = await fakeNode((asked, response) =>
      json(200, view("n2", { applied: 7, leader: leader(), peers: peers() }))(asked, response),
    );
    urls.push(n1.url, n2.url);
    const ran = await raftally(["status", "--url", n2.url]);
    expect(ran.exitCode).toBe(0);
    const lines = ran.out.split("\n").map((line) => line.split(/ {2,}/));
    expect(lines).toEqual([
      ["node", "role", "url", "term", "applied", "behind", "counters", "up"],
      ["n1", "leader", n1.url, "4", "10", "0", "2", "61s"],
      ["n2", "follower", n2.url, "4", "7", "3", "2", "61s"],
      ["?", "down: nothing listens there", down],
    ]);
  });

  it("shows who learns, who joins and what is under way in the membership", async () => {
    const learner = member("n2", { role: "learner", catchUp: { percent: 62, msLeft: 4_000 } });
    const members = [member("n1", { leads: true }), learner, member("n3", { role: "joining" })];
    const urls: string[] = [];
    const leader = (): unknown => ({ id: "n1", url: urls[0] });
    const n1 = await fakeNode((asked, response) => {
      const whole = { members, seenBy: "n1", leader: leader() };
      const isList = asked.path.startsWith("/v1/cluster/members");
      const text = isList ? JSON.stringify(whole) : view("n1", { role: "leader", leader: leader() });
      json(200, text)(asked, response);
    });
    urls.push(n1.url);
    const n2 = await fakeNode(json(200, view("n2", { role: "learner", leader: { id: "n1", url: n1.url } })));
    const n4 = await fakeNode(json(200, view("n4", { state: "joining", clusterId: "" })));
    const ran = await raftally(["status", "--url", `${n1.url},${n2.url},${n4.url}`]);
    const lines = ran.out.split("\n");
    expect(lines.slice(1, 4).map((line) => line.split(/ {2,}/).slice(0, 2))).toEqual([
      ["n1", "leader"],
      ["n2", "learner"],
      ["n4", "joining"],
    ]);
    expect(lines.slice(4)).toEqual([
      "A change of the voters is under way: n3 will vote.",
      "n2 is catching up, 62 %, about 4 s left",
    ]);
  });

  it("names the way out of a change of the voters that nobody leads", async () => {
    const members = [member("n1"), member("n2", { role: "joining", reachable: false })];
    const n1 = await fakeNode((asked, response) => {
      const isList = asked.path.startsWith("/v1/cluster/members");
      const whole = { members, seenBy: "n1", leader: null };
      json(200, isList ? JSON.stringify(whole) : view("n1", { role: "preCandidate", leader: null }))(
        asked,
        response,
      );
    });
    const ran = await raftally(["status", "--url", n1.url]);
    expect([ran.exitCode, ran.out]).toEqual([
      1,
      expect.stringContaining("under way: n2 will vote.\nNo node leads"),
    ]);
  });

  it("exits with 1 and says why when nobody leads", async () => {
    const node = await fakeNode(json(200, view("n1", {})));
    const ran = await raftally(["status", "--url", node.url]);
    expect(ran.exitCode).toBe(1);
    expect(ran.error).toBe("No leader: a majority of the nodes must be up and connected.");
  });

  it("shows an alarm", async () => {
    const node = await fakeNode(json(200, view("n1", { alarm: "n2 differs at index 1024" })));
    expect((await raftally(["status", "--url", node.url])).error).toContain("ALARM from n1: n2 differs");
  });

  it("says so when no node answers", async () => {
    const ran = await raftally(["status", "--url", await deadUrl(), "--timeout", "200ms"]);
    expect(ran.exitCode).toBe(1);
    expect(ran.error).toContain("No node answered.");
  });
});

describe("raftally health", () => {
  it("asks whether the node can serve, or with --live only whether it runs", async () => {
    const node = await fakeNode(json(200, "ok"));
    expect((await raftally(["health", "--url", node.url])).exitCode).toBe(0);
    expect((await raftally(["health", "--live", "--url", node.url])).exitCode).toBe(0);
    expect(node.asked.map(({ path }) => path)).toEqual(["/readyz", "/livez"]);
  });

  it("exits with 1 and the node's own words when it is not ready", async () => {
    const node = await fakeNode(json(503, "[-]leader failed: no leader is known"));
    const ran = await raftally(["health", "--url", node.url]);
    expect(ran).toEqual({ exitCode: 1, out: "", error: "[-]leader failed: no leader is known" });
  });

  it("exits with 1 when nothing answers in time", async () => {
    const node = await fakeNode(silence);
    expect((await raftally(["health", "--url", node.url, "--timeout", "200ms"])).exitCode).toBe(1);
    expect((await raftally(["health", "--url", await deadUrl()])).exitCode).toBe(1);
  });
});
