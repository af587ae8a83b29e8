/** What the doctor says of each fault, of nodes that answer as nodes in that state do. */

import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { deadUrl, type FakeNode, fakeNode, json, routes } from "../client/fake-node.ts";
import { requires } from "../support/capability.ts";
import { raftally } from "./terminal.ts";

type Extra = Readonly<Record<string, unknown>>;

interface Planned {
  readonly id: string;
  readonly status?: Extra;
  /** The same when it is asked again, half a second later. */
  readonly later?: Extra;
  readonly headers?: Readonly<Record<string, string>>;
  readonly picture?: Extra;
  readonly readyz?: string;
  readonly metrics?: string;
  /** It does not run. */
  readonly isDown?: true;
}

/** A cluster that is well but for what is planned. n1 leads. */
async function cluster(plan: readonly Planned[], configuration: Extra = {}): Promise<readonly string[]> {
  const nodes: (FakeNode | undefined)[] = [];
  const urls: string[] = [];
  const memberOf = ({ id }: Planned, at: number): Extra => ({
    id,
    incarnation: id.padEnd(32, "0"),
    peer: `127.0.0.1:${4100 + at}`,
    api: urls[at],
  });
  const voters = plan.map(({ id }) => id);
  const statusOf = (own: Planned, at: number, extra: Extra = {}): string =>
    JSON.stringify({
      ...{ id: own.id, incarnation: own.id.padEnd(32, "0"), clusterId: "c", state: "running" },
      ...{ version: "1.0.0", role: at === 0 ? "leader" : "follower", term: 4, commit: 50, applied: 50 },
      ...{ digest: 77, apiUrl: urls[at], idempotencyWindowMs: 600_000, leader: { id: "n1", url: urls[0] } },
      configuration: { voters, outgoing: [], learners: [], members: plan.map(memberOf), ...configuration },
      peers: plan
        .filter((other) => other !== own)
        .map(({ id, isDown }) => ({ id, reachable: isDown !== true })),
      ...own.status,
      ...extra,
    });
  for (const [at, own] of plan.entries()) {
    let firstMs = Number.POSITIVE_INFINITY;
    const isLater = (): boolean => {
      firstMs = Math.min(firstMs, performance.now());
      return performance.now() - firstMs > 300;
    };
    const node = await fakeNode(
      routes({
        "GET /v1/cluster/events": (_asked, response) => {
          const picture = { status: { id: own.id }, ...own.picture };
          const text = `event: picture\ndata: ${JSON.stringify(picture)}\n\n`;
          response.writeHead(200, { "content-type": "text/event-stream" });
          response.write(text + text);
        },
        "GET /v1/cluster": (one, response) =>
          json(200, statusOf(own, at, isLater() ? own.later : {}), own.headers)(one, response),
        "GET /readyz": (_asked, response) => void response.end(own.readyz ?? "[+]all ok\n"),
        "GET /metrics": (_asked, response) => void response.end(own.metrics ?? ""),
      }),
    );
    nodes.push(node);
    urls.push(node.url);
  }
  for (const [at, { isDown }] of plan.entries()) if (isDown === true) await nodes[at]?.close();
  return urls;
}

const WELL: readonly Planned[] = [{ id: "n1" }, { id: "n2" }, { id: "n3" }];

/** The cluster that is well, with this said of one node. */
function with_(id: string, extra: Omit<Planned, "id">): readonly Planned[] {
  return WELL.map((node) => (node.id === id ? { ...node, ...extra } : node));
}

interface Report {
  readonly exitCode: number;
  readonly codes: readonly string[];
  readonly text: string;
  readonly sections: readonly string[];
}

function withoutFigures(text: string): string {
  return text.replaceAll(/\d+/g, "N");
}

async function doctor(urls: readonly string[]): Promise<Report> {
  const line = ["doctor", "--url", urls.join(","), "--timeout", "5s"];
  const ran = await raftally(line);
  const asJson = await raftally([...line, "--json"]);
  expect(asJson.exitCode).toBe(ran.exitCode);
  const { findings, healthy } = JSON.parse(asJson.out) as {
    healthy: boolean;
    findings: { code: string; section: string; what: string; todo: string }[];
  };
  expect(healthy).toBe(ran.exitCode === 0);
  const text = ran.out.replaceAll(/\s+/g, " ");
  // Whatever is found is said to people too, with what to do. It was measured twice: figures may differ a little.
  const said = withoutFigures(text);
  for (const { what, todo } of findings) {
    expect(said.includes(withoutFigures(what.replaceAll(/\s+/g, " "))), what).toBe(true);
    expect(said.includes(withoutFigures(`do: ${todo}`)), todo).toBe(true);
  }
  return {
    exitCode: ran.exitCode,
    codes: findings.map(({ code }) => code),
    sections: findings.map(({ section }) => section),
    text,
  };
}

const OPERATIONS = readFileSync(new URL("../../docs/operations.md", import.meta.url), "utf8");
const HEADINGS: readonly string[] = [...OPERATIONS.matchAll(/^## (.*)$/gm)].map(([, title = ""]) => title);

/** A fault, the cluster that has it, what is special about its configuration, and the sentence. */
type Row = readonly [string, readonly Planned[], Extra, string];

describe("raftally doctor, asking a cluster", { timeout: 180_000 }, () => {
  it("says that nothing is wrong where nothing is, on loopback too", async () => {
    const report = await doctor((await cluster(WELL)).slice(0, 1));
    expect(report).toMatchObject({ exitCode: 0, codes: [] });
    expect(report.text).toContain(
      'Asked 3 nodes; n1, n2 and n3 of cluster "c" answered, and n1 leads term 4.',
    );
    expect(report.text).toContain("Nothing is wrong.");
  });

  it("exits with 2 when nobody answers", async () => {
    const ran = await raftally(["doctor", "--url", await deadUrl(), "--timeout", "5s"]);
    expect(ran.exitCode).toBe(2);
    expect(ran.error).toContain("does not answer");
  });

  const rows: readonly Row[] = [
    [
      "node-behind",
      with_("n3", { status: { applied: 20, commit: 20 } }),
      {},
      "n3 is 30 entries behind the others. It does not move.",
    ],
    [
      "clock-off",
      with_("n2", { headers: { date: new Date(Date.now() + 3_600_000).toUTCString() } }),
      {},
      "The clock of n2 is 60 minutes ahead of that of this machine.",
    ],
    [
      "digest-differs",
      with_("n2", { status: { digest: 78 } }),
      {},
      "At index 50 the nodes hold different counts: n1 and n3, and otherwise n2.",
    ],
    [
      "digest-differs",
      with_("n2", { picture: { digests: [{ index: 1024, digest: 5 }] } }).map((node) =>
        node.id === "n1" ? { ...node, picture: { digests: [{ index: 1024, digest: 6 }] } } : node,
      ),
      {},
      "At index 1024 the nodes hold different counts",
    ],
    [
      "digest-differs",
      with_("n3", { status: { alarm: "the digest of n3 differs from that of the majority" } }),
      {},
      "n3 raises an alarm: the digest of n3 differs",
    ],
    [
      "disk-nearly-full",
      with_("n2", { metrics: "raftally_disk_free_bytes 5e8\nraftally_disk_size_bytes 2e10\n" }),
      {},
      "The disk of n2 is nearly full: 477 MiB of 18.6 GiB are free.",
    ],
    [
      "slow-fsync",
      with_("n2", { picture: { fsync: { count: 40, p50: 61, p99: 210, max: 400 } } }),
      {},
      "The disk of n2 is slow to sync: half of 40 syncs took 61 ms or more",
    ],
    [
      "broken-link",
      with_("n1", {
        status: {
          peers: [
            { id: "n2", reachable: false },
            { id: "n3", reachable: true },
          ],
        },
      }),
      {},
      "n1 and n2 both answer here, and have no link to each other (n2 is expected at 127.0.0.1:4101).",
    ],
    [
      "version-mix",
      with_("n2", { status: { version: "1.1.0" } }),
      {},
      "The nodes run different versions: 1.0.0 on n1 and n3, 1.1.0 on n2.",
    ],
    [
      "not-ready",
      with_("n3", { readyz: "[-]applied failed: 12,000 entries to go\nreadyz check failed\n" }),
      {},
      "n3 is not ready to serve: applied failed: 12,000 entries to go.",
    ],
    [
      "short-window",
      with_("n1", { status: { idempotencyWindowMs: 90_000 } }),
      {},
      "each is kept for 90 s only",
    ],
    [
      "not-in-cluster",
      with_("n3", { status: { state: "joining", clusterId: "" } }),
      { voters: ["n1", "n2", "n4"] },
      "takes no part yet: it is joining.",
    ],
    [
      "not-in-cluster",
      with_("n3", { status: { state: "forming", configuration: {}, peers: [] } }),
      {},
      "takes no part yet: it is starting. do: Wait, and ask again: it reads its log and counters first.",
    ],
  ];

  it(`says in a sentence what is wrong, of each of ${rows.length} faults`, async () => {
    // All at once, for each takes its time to look twice.
    const judged = rows.map(async ([code, plan, configuration, sentence]) => {
      const report = await doctor(await cluster(plan, configuration));
      expect(report.exitCode, code).toBe(1);
      expect(report.codes, code).toContain(code);
      expect(report.text).toContain(sentence);
    });
    await Promise.all(judged);
  });

  it("tells a node that catches up from one that does not move", async () => {
    const urls = await cluster(with_("n3", { status: { applied: 20 }, later: { applied: 30 } }));
    const ran = await raftally(["doctor", "--url", urls.join(","), "--timeout", "5s"]);
    expect(ran.exitCode).toBe(1);
    expect(ran.out.replaceAll(/\s+/g, " ")).toContain(
      "WARNING (n3): n3 is 20 entries behind the others. It is catching up, 10 entries in half a second.",
    );
  });

  it("takes a clock that differs from all nodes alike for the one that is off", async () => {
    const headers = { date: new Date(Date.now() - 90_000).toUTCString() };
    const report = await doctor(await cluster(WELL.map((node) => ({ ...node, headers }))));
    expect(report.codes).toEqual(["clock-off"]);
    expect(report.text).toMatch(/The clock of this machine is (?:89|90|91) s ahead of those of all nodes\./);
  });

  it("tells a node of another cluster among the URLs", async () => {
    const other = await cluster([{ id: "x1", status: { clusterId: "other" } }]);
    const report = await doctor([...(await cluster(WELL)), ...other]);
    expect(report.codes).toContain("wrong-cluster");
    expect(report.text).toContain(
      `The node at ${other[0]} (x1) belongs to cluster "other", the others to "c".`,
    );
    expect(report.text).toContain(
      'n1, n2 and n3 of cluster "c" answered, as did x1 of "other", and n1 leads term 4.',
    );
  });

  it("takes the cluster of most nodes for the one that is meant, whichever was named first", async () => {
    const other = await cluster([{ id: "x1", status: { clusterId: "other" } }]);
    const report = await doctor([...other, ...(await cluster(WELL))]);
    expect(report.codes).toContain("wrong-cluster");
    expect(report.text).toContain("(x1) belongs to cluster");
  });

  it("does not pass over a URL that was named, where nobody is", async () => {
    const nowhere = await deadUrl();
    const report = await doctor([nowhere, ...(await cluster(WELL))]);
    expect(report).toMatchObject({ exitCode: 1, codes: ["silent-url"] });
    expect(report.text).toContain(`${nowhere} was named, and no node answers there: nothing listens there.`);
  });

  it("says who is missing when there is no majority, and what not to do", async (context) => {
    requires(context, "patience");
    const plan = WELL.map((node, at) =>
      at === 0
        ? { ...node, status: { role: "preCandidate", leader: undefined } }
        : { ...node, isDown: true as const },
    );
    const report = await doctor(await cluster(plan));
    expect(report.codes.slice(0, 3)).toEqual(["no-quorum", "unreachable-peer", "unreachable-peer"]);
    expect(report.text).toContain("There is no majority: 1 of 3 voters answer, and 2 are needed.");
    expect(report.text).toContain("n2 (nothing listens there)");
    expect(report.text).toContain('see: docs/operations.md, "Lost majority"');
  });

  it("says when nobody leads although enough answer", async (context) => {
    requires(context, "patience");
    const status = { role: "candidate", leader: undefined };
    const report = await doctor(await cluster(WELL.map((node) => ({ ...node, status }))));
    expect(report.codes).toEqual(["no-leader"]);
  });

  it("tells a node that is down from one that only cannot be reached from here", async () => {
    const down = await doctor(await cluster(with_("n3", { isDown: true })));
    expect(down.codes).toEqual(["unreachable-peer"]);
    expect(down.text).toContain("n3 is down or cut off");
    const elsewhere = await cluster(
      with_("n3", { isDown: true }).map((node) =>
        node.id === "n2" ? { ...node, status: { peers: [{ id: "n3", reachable: true }] } } : node,
      ),
    );
    const report = await doctor(elsewhere);
    expect(report.codes).toEqual(["unreachable-from-here"]);
    expect(report.text).toContain("n3 runs, for n2 reach it, but not from here");
  });

  it("notes a learner and an even number of voters, which are nothing wrong", async () => {
    const report = await doctor(await cluster(WELL, { voters: ["n1", "n2"], learners: ["n3"] }));
    expect(report).toMatchObject({ exitCode: 0, codes: ["even-voters", "learner"] });
    expect(report.text).toContain("raftally member promote n3");
    const one = await doctor(await cluster([{ id: "n1" }]));
    expect(one).toMatchObject({ exitCode: 0, codes: ["one-voter"] });
  });

  it("warns of a majority on one machine, unless that is this one for trying things out", async () => {
    const members = WELL.map(({ id }, at) => ({
      ...{ id, incarnation: id.padEnd(32, "0"), api: "" },
      peer: at < 2 ? "10.0.0.1:4100" : "10.0.0.2:4100",
    }));
    const urls = await cluster(WELL, { members });
    const report = await doctor(urls);
    expect(report.codes).toContain("one-host");
    expect(report.text).toContain("n1 and n2 run on one machine, 10.0.0.1");
  });

  it("says nothing that the runbook does not list, and the runbook nothing that it never says", () => {
    const folder = new URL("../../src/cli/doctor/", import.meta.url);
    const sources = readdirSync(folder).map((name) => readFileSync(new URL(name, folder), "utf8"));
    const said = sources.flatMap((text) => [...text.matchAll(/\bcode: ["`]([a-z-]+)(?=["$])/g)]);
    // One is put together: unfinished-restore, unfinished-recovery.
    const codes = said.flatMap(([, code = ""]) =>
      code.endsWith("-") ? [`${code}restore`, `${code}recovery`] : [code],
    );
    const table = OPERATIONS.slice(
      OPERATIONS.indexOf("| it finds | codes |"),
      OPERATIONS.indexOf("Some of them have"),
    );
    const listed = [...table.matchAll(/`([a-z-]+)`/g)].map(([, code = ""]) => code);
    expect(listed.toSorted()).toEqual([...new Set(codes)].toSorted());
  });

  it("names only sections that the runbook has", async () => {
    const plan = [
      { id: "n1", status: { alarm: "x", version: "2", clusterId: "c" }, readyz: "[-]a failed" },
      { id: "n2", isDown: true as const },
      { id: "n3", metrics: "raftally_disk_free_bytes 1e6\nraftally_disk_size_bytes 1e9\n" },
      { id: "n4", status: { state: "forming" } },
    ];
    const { sections } = await doctor(await cluster(plan));
    expect(new Set(sections).size).toBeGreaterThanOrEqual(4);
    for (const section of sections) expect(HEADINGS).toContain(section);
  });
});
