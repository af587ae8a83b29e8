/** The configurations of examples/load-balancer in the real nginx and HAProxy: what they may send twice, and what not. */

import { readFileSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { Cluster, Load, type Target } from "../../chaos/index.ts";
import { RaftallyClient } from "../../src/client/index.ts";
import { eventually } from "../cli/processes.ts";
import { requires } from "../support/capability.ts";
import { Balancer, configuration, FakeNode, type Program } from "./balancer.ts";

interface Example {
  readonly file: string;
  readonly program: Program;
  /** Flags of the nodes behind it. */
  readonly flags: readonly string[];
  /** Whether a write can go to more than one of its nodes. */
  readonly writesAnywhere: boolean;
}

const FORWARD = ["--writes", "forward"];
const EXAMPLES: readonly Example[] = [
  { file: "nginx.conf", program: "nginx", flags: FORWARD, writesAnywhere: true },
  { file: "nginx-redirect.conf", program: "nginx", flags: [], writesAnywhere: true },
  { file: "haproxy.cfg", program: "haproxy", flags: FORWARD, writesAnywhere: true },
  { file: "haproxy-leader.cfg", program: "haproxy", flags: FORWARD, writesAnywhere: false },
];

const PATIENT_MS = 180_000;
const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function fakes(): Promise<readonly FakeNode[]> {
  const nodes = await Promise.all([FakeNode.start(), FakeNode.start(), FakeNode.start()]);
  cleanups.push(...nodes.map((node) => () => node.stop()));
  const [first] = nodes;
  if (first !== undefined) first.leads = true;
  return nodes;
}

async function balance({ file, program }: Example, nodes: readonly string[]): Promise<Balancer> {
  const balancer = await Balancer.start(file, program, nodes);
  cleanups.push(() => balancer.stop());
  return balancer;
}

let asked = 0;
/**
 * The status of an answer; the request carries an id of its own. Undefined if the connection was closed without a
 * word: that is what HAProxy does, instead of 502, on a connection that has served before.
 */
async function ask(balancer: Balancer, method: "GET" | "POST", path: string): Promise<number | undefined> {
  const headers = { "Idempotency-Key": `ask-${++asked}` };
  const answer = await fetch(balancer.url + path, { method, headers, redirect: "manual" }).catch(
    () => undefined,
  );
  await answer?.arrayBuffer();
  return answer?.status;
}

describe.each(EXAMPLES)("$file", (example) => {
  it("never sends a POST twice that may have arrived, and a GET until it is answered", async (context) => {
    requires(context, example.program, "patience");
    const nodes = await fakes();
    const [broken] = nodes;
    const balancer = await balance(
      example,
      nodes.map(({ address }) => address),
    );
    if (broken === undefined) throw new Error("there are three");
    broken.breaks = true;
    const met = (method: string): number => broken.came.filter((each) => each.method === method).length;
    let failed = 0;
    await eventually(async () => {
      const status = await ask(balancer, "POST", "/v1/counters/a/increment");
      if (status !== 200) failed++;
      expect([200, 502, undefined]).toContain(status);
      return met("POST") >= 2;
    }, "two POSTs were broken off");
    expect(failed).toBe(met("POST"));
    await eventually(async () => {
      expect(await ask(balancer, "GET", "/v1/counters/a")).toBe(200);
      return met("GET") >= 2;
    }, "two GETs were broken off");
    const ids = nodes.flatMap(({ came }) =>
      came.filter(({ method }) => method === "POST").map(({ id }) => id),
    );
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("lets no request fail for a node that does not listen", async (context) => {
    requires(context, example.program, "patience");
    const nodes = await fakes();
    const balancer = await balance(
      example,
      nodes.map(({ address }) => address),
    );
    // The last: in the first one's place, writes that go to the leader only would have nowhere to go.
    await nodes.at(-1)?.stop();
    for (let round = 0; round < 20; round++) {
      expect(await ask(balancer, "POST", "/v1/counters/a/increment")).toBe(200);
      expect(await ask(balancer, "GET", "/v1/counters/a")).toBe(200);
    }
  });

  it("passes targets on as they were sent, and keeps what is for operators to itself", async (context) => {
    requires(context, example.program, "patience");
    const nodes = await fakes();
    const balancer = await balance(
      example,
      nodes.map(({ address }) => address),
    );
    const target = "/v1/counters/a%2Fb%20c%25%C3%A4:x?consistency=stale";
    expect(await ask(balancer, "GET", target)).toBe(200);
    expect(await ask(balancer, "GET", "/v1/cluster")).toBe(200);
    for (const path of ["/v1/cluster/members", "/v1/cluster/transfer", "/v1/backup", "/v1/backup?x=1"]) {
      expect(await ask(balancer, "POST", path), path).toBe(403);
      expect(await ask(balancer, "GET", path), path).toBe(403);
    }
    expect(nodes.flatMap(({ came }) => came.map((each) => each.target))).toEqual([target, "/v1/cluster"]);
  });

  it(
    "serves a client that tries again without a failure, while nodes behind it are killed and added",
    async (context) => {
      requires(context, example.program, "patience");
      const cluster = await Cluster.start({ flags: example.flags });
      cleanups.push(() => cluster.stop());
      const addresses = (): readonly string[] => cluster.nodes.map(({ url }) => new URL(url).host);
      const balancer = await balance(example, addresses());
      const target: Target = {
        nodes: cluster.nodes,
        client: () => new RaftallyClient({ urls: [balancer.url] }),
        clientOf: (id) => cluster.clientOf(id),
      };
      const load = new Load(target, { readers: "any" });
      load.start(8);
      const served = async (): Promise<void> => {
        const until = load.acknowledged + 50;
        await eventually(() => load.acknowledged >= until, "the load is served");
      };
      await served();

      const leader = await cluster.leader();
      await cluster.kill(leader);
      await served();
      await cluster.startNode(leader);

      const follower = cluster.nodes.map(({ id }) => id).find((id) => id !== leader) ?? "";
      await cluster.kill(follower);
      await served();
      await cluster.startNode(follower);

      const { id } = await cluster.addNode("n4");
      balancer.serve(addresses());
      await eventually(
        async () => (await new RaftallyClient({ urls: [balancer.url] }).status()).id === id,
        "n4 is asked",
      );
      await served();
      await cluster.kill("n2");
      await served();
      await cluster.startNode("n2");
      await served();

      const result = await load.stop();
      expect(result).toMatchObject({ unknown: 0, refused: 0, failedReads: 0, problems: [] });
      expect(await load.verify()).toEqual([]);
    },
    PATIENT_MS,
  );
});

describe("the examples' texts", () => {
  it.each(EXAMPLES)("$file is for the three nodes that raftally cluster starts", ({ file }) => {
    const nodes = ["127.0.0.1:4000", "127.0.0.1:4001", "127.0.0.1:4002"];
    const text = readFileSync(new URL(`../../examples/load-balancer/${file}`, import.meta.url), "utf8");
    expect(configuration(file, "127.0.0.1:8080", nodes)).toBe(text);
  });

  it.each(EXAMPLES.filter(({ program }) => program === "nginx"))(
    "$file lets go of an idle connection before a node does",
    ({ file }) => {
      const text = configuration(file, "127.0.0.1:1", ["127.0.0.1:2"]);
      const seconds = Number(/keepalive_timeout (\d+)s;/.exec(text)?.[1]);
      const server = readFileSync(new URL("../../src/api/server.ts", import.meta.url), "utf8");
      const nodeMs = Number(/keepAliveTimeout: ([\d_]+),/.exec(server)?.[1]?.replaceAll("_", ""));
      expect(nodeMs).toBeGreaterThan(10_000);
      expect(seconds * 1_000).toBeLessThan(nodeMs);
    },
  );
});
