/** set, delete, allocate, sum, watch and top, against servers that answer as nodes do. */

import type { ServerResponse } from "node:http";
import { describe, expect, it } from "vitest";
import { runCommandLine } from "../../src/cli/index.ts";
import { type Answer, fakeNode, hangUp, inTurn, json, problem, routes } from "../client/fake-node.ts";
import { eventually, start } from "./processes.ts";
import { raftally } from "./terminal.ts";

const ROW = '{"key":"k","value":9223372036854775807,"revision":3,"changed":true,"index":7,"term":2}';

describe("raftally set", () => {
  it("takes a negative value as it stands, and prints the value that the counter has", async () => {
    const node = await fakeNode(json(200, ROW));
    const ran = await raftally(["set", "k", "-5", "--url", node.url]);
    expect(ran).toEqual({ exitCode: 0, out: "9223372036854775807", error: "" });
    expect(node.asked[0]).toMatchObject({ method: "PUT", path: "/v1/counters/k", body: '{"value":-5}' });
  });

  it.each([
    ["--if-revision 12", "if-match", '"12"'],
    ["--if-exists", "if-match", "*"],
    ["--if-absent", "if-none-match", "*"],
  ])("sends the condition %s", async (flags, header, value) => {
    const node = await fakeNode(json(200, ROW));
    await raftally(["set", "k", "1", ...flags.split(" "), "--url", node.url]);
    expect(node.asked[0]?.headers[header]).toBe(value);
  });

  it("says what to do when the counter has changed meanwhile", async () => {
    const node = await fakeNode(problem("REVISION_MISMATCH", { detail: "it is at revision 14" }));
    const ran = await raftally(["set", "k", "1", "--if-revision", "12", "--url", node.url]);
    expect(ran.exitCode).toBe(1);
    expect(ran.error).toContain('refused to set "k" to 1; nothing has changed (REVISION_MISMATCH)');
    expect(ran.error).toContain("try: raftally get KEY --json shows the value and the revision");
  });

  it("refuses what is no value, and two conditions, before anything is sent", async () => {
    const node = await fakeNode(json(200, ROW));
    const wrong = await raftally(["set", "k", "many", "--url", node.url]);
    expect(wrong.exitCode).toBe(2);
    expect(wrong.error).toContain("VALUE must be a whole number from");
    const both = await raftally(["set", "k", "1", "--if-absent", "--if-exists", "--url", node.url]);
    expect(both.error).toContain("give one of --if-revision, --if-absent and --if-exists");
    expect(node.asked).toEqual([]);
  });
});

describe("raftally delete", () => {
  it("prints what is left, and says if there was nothing", async () => {
    const text = '{"key":"k","value":0,"revision":0,"changed":false,"index":7,"term":2}';
    const node = await fakeNode(json(200, text));
    const ran = await raftally(["delete", "k", "--if-revision", "3", "--url", node.url]);
    expect(ran).toEqual({ exitCode: 0, out: "0", error: "(nothing changed)" });
    expect(node.asked[0]).toMatchObject({ method: "DELETE", path: "/v1/counters/k" });
    expect(node.asked[0]?.headers["if-match"]).toBe('"3"');
  });

  it("can be asked to find a counter, and takes no condition that makes no sense", async () => {
    const node = await fakeNode(json(200, ROW));
    await raftally(["delete", "k", "--if-exists", "--url", node.url]);
    expect(node.asked[0]?.headers["if-match"]).toBe("*");
    for (const flags of [
      ["--if-exists", "--if-revision", "3"],
      ["--if-revision", "0"],
    ]) {
      const ran = await raftally(["delete", "k", ...flags, "--url", node.url]);
      expect([ran.exitCode, ran.error]).toEqual([2, expect.stringContaining("--if-revision")]);
    }
    expect(node.asked.length).toBe(1);
  });

  it("names the key to try again with when the outcome is unknown", async () => {
    const node = await fakeNode(hangUp);
    const ran = await raftally(["delete", "k", "--url", node.url, "--timeout", "200ms"]);
    expect(ran.exitCode).toBe(3);
    expect(ran.error).toContain("the same command again with --idempotency-key");
  });
});

describe("raftally allocate", () => {
  const text = '{"key":"orders","from":101,"to":200,"count":100,"value":200,"revision":3,"index":7,"term":2}';

  it("prints the first number and the last", async () => {
    const node = await fakeNode(json(200, text));
    const ran = await raftally(["allocate", "orders", "100", "--max", "1000", "--url", node.url]);
    expect(ran).toEqual({ exitCode: 0, out: "101 200", error: "" });
    expect(node.asked[0]).toMatchObject({
      path: "/v1/counters/orders/allocate",
      body: '{"count":100,"max":1000}',
    });
  });

  it("prints JSON", async () => {
    const node = await fakeNode(json(200, text));
    const ran = await raftally(["allocate", "orders", "100", "--json", "--url", node.url]);
    expect(JSON.parse(ran.out)).toMatchObject({ from: 101, to: 200, count: 100, replayed: false });
  });
});

describe("raftally incr --on-limit saturate", () => {
  it("says how much could be added", async () => {
    const row = ROW.replace('"index"', '"applied":2,"index"');
    const node = await fakeNode(json(200, row));
    const line = "incr k --by 5 --max 10 --on-limit saturate";
    const ran = await raftally([...line.split(" "), "--url", node.url]);
    expect(node.asked[0]?.body).toBe('{"by":5,"max":10,"onLimit":"saturate"}');
    expect(ran.error).toBe("(only 2 of 5 could be added)");
  });
});

describe("raftally list", () => {
  it("carries the glob and the order", async () => {
    const node = await fakeNode(json(200, '{"counters":[],"index":3,"term":1}'));
    const ran = await raftally(["list", "--match", "v:*", "--order", "-value", "--url", node.url]);
    expect(node.asked[0]?.path).toBe(
      "/v1/counters?match=v%3A*&order=-value&limit=1000&consistency=linearizable",
    );
    expect(ran.error).toBe('No key matches "v:*".');
  });
});

describe("--min-index", () => {
  it.each([
    ["get k", "/v1/counters/k", ROW],
    ["list", "/v1/counters", '{"counters":[],"index":7,"term":2}'],
    ["sum", "/v1/sum", '{"prefix":"","sum":0,"counters":0,"groups":[],"more":false,"index":7,"term":2}'],
  ])("of %s asks for a state that has the write, stale or not", async (line, path, text) => {
    const node = await fakeNode(json(200, text));
    const flags = ["--consistency", "stale", "--min-index", "7", "--url", node.url];
    expect((await raftally([...line.split(" "), ...flags])).exitCode).toBe(0);
    const asked = new URL(node.asked[0]?.path ?? "", node.url);
    expect(asked.pathname).toBe(path);
    expect([asked.searchParams.get("consistency"), asked.searchParams.get("minIndex")]).toEqual([
      "stale",
      "7",
    ]);
  });
});

describe("raftally sum", () => {
  const huge = "1208925819614629174706176";
  const text =
    `{"prefix":"v:","sum":${huge},"counters":1200,"groups":[{"prefix":"v:a:","sum":${huge},"counters":1199},` +
    '{"prefix":"v:b","sum":0,"counters":1}],"more":true,"index":3,"term":1}';

  it("prints the bare sum, of any size", async () => {
    const node = await fakeNode(json(200, text));
    const ran = await raftally(["sum", "v:", "--url", node.url]);
    expect(node.asked[0]?.path).toBe("/v1/sum?prefix=v%3A&consistency=linearizable");
    expect(ran.out).toBe(huge);
  });

  it("prints groups as a table, and says if there are more", async () => {
    const node = await fakeNode(json(200, text));
    const ran = await raftally(["sum", "v:", "--depth", "1", "--url", node.url]);
    expect(ran.out.split("\n").map((line) => line.split(/ {2,}/))).toEqual([
      ["prefix", "sum", "counters"],
      ["v:a:", huge, "1,199"],
      ["v:b", "0", "1"],
      ["(all)", huge, "1,200"],
    ]);
    expect(ran.error).toContain("more groups than are shown");
  });

  it("prints JSON without losing a digit", async () => {
    const node = await fakeNode(json(200, text));
    const ran = await raftally(["sum", "v:", "--depth", "1", "--json", "--url", node.url]);
    expect(ran.out).toContain(`"sum":${huge},"counters":1200,"groups":[{"prefix":"v:a:"`);
  });
});

const OPEN = 'event: open\nid: 4\ndata: {"revision":4,"index":9,"term":2,"value":12,"exists":true}\n\n';

function change(to: number, deleted = false): string {
  const data = `{"key":"a\\tb","value":${to},"revision":${to},"from":${to},"to":${to},"deleted":${deleted}}`;
  return `event: change\nid: ${to}\ndata: ${data}\n\n`;
}

function stream(text: string, then: (response: ServerResponse) => void = () => {}): Answer {
  return (_asked, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(text, () => then(response));
  };
}

describe("raftally watch", () => {
  it("prints the value of one counter, and each that it gets", async () => {
    const node = await fakeNode(stream(OPEN + change(5) + change(6, true)));
    const ran = await raftally(["watch", "k", "--limit", "2", "--url", node.url]);
    expect(ran).toEqual({ exitCode: 0, out: "12\n5\ndeleted", error: "" });
    expect(node.asked[0]?.path).toBe("/v1/watch?key=k&consistency=linearizable");
  });

  it("prints value and key of several, and says when it goes on at another node", async () => {
    const resync = 'event: resync\nid: 8\ndata: {"revision":8,"index":1,"term":1,"reason":"too old"}\n\n';
    const node = await fakeNode(
      inTurn(
        stream(change(5), (response) => response.end()),
        stream(resync + change(9)),
      ),
    );
    const ran = await raftally(["watch", "--prefix", "a", "--after", "4", "--limit", "2", "--url", node.url]);
    expect(ran.out).toBe("5 a\\u{9}b\n9 a\\u{9}b");
    expect(ran.error).toContain(`(${node.url} is lost: the node ended it; going on at another node)`);
    expect(ran.error).toContain("(changes may have been missed: too old)");
    expect(node.asked.map(({ headers }) => headers["last-event-id"])).toEqual(["4", "5"]);
  });

  it("prints events as JSON lines", async () => {
    const node = await fakeNode(stream(OPEN + change(5)));
    const ran = await raftally(["watch", "k", "--limit", "1", "--json", "--url", node.url]);
    expect(ran.out.split("\n").map((line) => JSON.parse(line))).toEqual([
      { kind: "open", revision: 4, index: 9, term: 2, value: 12, exists: true },
      { kind: "change", key: "a\tb", value: 5, revision: 5, from: 5, to: 5, deleted: false },
    ]);
  });

  it("ends well with Ctrl-C", async () => {
    const node = await fakeNode(stream(OPEN));
    const running = start(["watch", "k", "--url", node.url]);
    await running.until(/12/);
    running.child.kill("SIGINT");
    expect(await running.ended).toMatchObject({ exitCode: 0, out: "12\n" });
  });

  it("explains a failure", async () => {
    const node = await fakeNode(problem("OVERLOADED", { detail: "too many watchers", retryAfterMs: 60_000 }));
    const ran = await raftally(["watch", "--url", node.url, "--timeout", "200ms"]);
    expect(ran.exitCode).toBe(1);
    expect(ran.error).toContain("Could not watch all counters");
    const both = await raftally(["watch", "k", "--prefix", "a", "--url", node.url]);
    expect(both).toMatchObject({ exitCode: 2 });
  });
});

/** Two readings, and from then on the second again. */
function growing(): Answer {
  const row = (key: string, value: number): string => `{"key":"${key}","value":${value},"revision":1}`;
  const page = (...rows: readonly string[]): Answer =>
    json(200, `{"counters":[${rows.join(",")}],"index":3,"term":1}`);
  const sum = (value: number): Answer =>
    json(200, `{"prefix":"","sum":${value},"counters":3,"groups":[],"more":false,"index":3,"term":1}`);
  return routes({
    "GET /v1/counters": inTurn(page(row("a", 1000), row("b", 50)), page(row("a", 21_000), row("new", 60))),
    "GET /v1/sum": inTurn(sum(1_050), sum(21_060)),
  });
}

describe("raftally top", () => {
  it("prints once where there is no terminal, with what each gained a second", async () => {
    const node = await fakeNode(growing());
    const ran = await raftally(["top", "--interval", "200ms", "--limit", "5", "--url", node.url]);
    const [head = "", , titles, first = "", second] = ran.out.split("\n");
    expect(head).toMatch(/^3 counters, sum 21060, [0-9,]+ a second$/);
    expect(titles).toMatch(/^key +value +per second$/);
    const perSecond = Number(/^a +21000 +([0-9,]+)$/.exec(first)?.[1]?.replaceAll(",", ""));
    // 20,000 in 200 ms or, on a busy machine, somewhat more time.
    expect(perSecond).toBeGreaterThan(5_000);
    expect(perSecond).toBeLessThanOrEqual(105_000);
    expect(second).toMatch(/^new +60 +-$/);
    expect(node.asked[0]?.path).toBe("/v1/counters?order=-value&limit=5&consistency=linearizable");
  });

  it("prints JSON", async () => {
    const node = await fakeNode(growing());
    const line = ["top", "--once", "--json", "--interval", "100ms", "--match", "v*", "--url", node.url];
    const rows = (await raftally(line)).out.split("\n").map((text) => JSON.parse(text));
    expect(rows[0]).toMatchObject({ key: "a", value: 21_000, perSecond: expect.any(Number) });
    expect(rows[1]).toMatchObject({ key: "new", perSecond: null });
    expect(node.asked[0]?.path).toContain("match=v*");
  });

  it("shows itself again and again on a terminal, also while the cluster does not answer", async () => {
    const node = await fakeNode(inTurn(growing(), growing(), problem("INVALID_QUERY"), growing()));
    const shown: string[] = [];
    const screen = {
      rows: 24,
      columns: 80,
      show: (lines: readonly string[]) => shown.push(lines.join("\n")),
    };
    const terminal = { out: () => {}, error: () => {}, screen };
    const argv = ["top", "--interval", "100ms", "--url", node.url];
    const ended = runCommandLine(argv, {}, terminal);
    await eventually(() => shown.length >= 3, "three pictures");
    process.emit("SIGINT");
    expect(await ended).toBe(0);
    expect(shown[0]).toMatch(/^3 counters, sum 1050\n/);
    expect(shown.some((text) => text.includes("refused to read the greatest counters"))).toBe(true);
  });
});
