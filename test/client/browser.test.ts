/** The client in a real browser, on a page that came from a node: nothing but its `fetch`, CORS and hidden redirects. */

import { existsSync, readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Cluster } from "../../chaos/index.ts";
import { CHROMIUM, requires } from "../support/capability.ts";
import { launch } from "../support/chromium.ts";

beforeEach((context) => requires(context, "patience"));

const PATIENT_MS = 180_000;
const SOURCES = new URL("../../src/", import.meta.url);

let cluster: Cluster | undefined;
let browser: Browser | undefined;
beforeAll(async () => {
  if (!existsSync(CHROMIUM)) return;
  [cluster, browser] = await Promise.all([Cluster.start(), launch()]);
}, PATIENT_MS);
afterAll(async () => {
  await browser?.close();
  await cluster?.stop();
}, PATIENT_MS);

/** A page of a node, which can load the client's modules from that node's origin. */
async function pageOf(url: string): Promise<Page> {
  if (browser === undefined) throw new Error("there is no browser");
  const page = await browser.newPage();
  await page.route("**/sources/**", async (route) => {
    const path = new URL(route.request().url()).pathname.replace("/sources/", "");
    const code = stripTypeScriptTypes(readFileSync(fileURLToPath(new URL(path, SOURCES)), "utf8"));
    await route.fulfill({ contentType: "text/javascript", body: code });
  });
  await page.goto(`${url}/livez`);
  return page;
}

/** Runs a program in the page; `RaftallyClient` is at hand, and `urls`. */
async function inPage(page: Page, urls: readonly string[], program: string): Promise<unknown> {
  const text = `(async () => {
    const { RaftallyClient } = await import("/sources/client/index.ts");
    const urls = ${JSON.stringify(urls)};
    ${program}
  })()`;
  return page.evaluate(text);
}

describe("in Chromium", { timeout: PATIENT_MS }, () => {
  it("a write to a node that does not lead finds the leader, of another origin, by keys and in sessions", async (context) => {
    requires(context, "chromium", "patience");
    if (cluster === undefined) throw new Error("there is no cluster");
    const leader = await cluster.leader();
    const follower = cluster.nodes.find(({ id }) => id !== leader)?.url ?? "";
    const page = await pageOf(follower);
    const asked: string[] = [];
    page.on("request", (request) => asked.push(`${request.method()} ${request.url()}`));
    const values = await inPage(
      page,
      [follower],
      `const keys = new RaftallyClient({ urls });
       const sessions = new RaftallyClient({ urls, exactlyOnce: "sessions" });
       const a = await keys.increment("b:a", { by: 2n ** 62n });
       const b = await sessions.set("b:b", 7, { ifAbsent: true });
       const c = await sessions.allocate("b:c", 10, {});
       const gone = await sessions.delete("b:b", { ifRevision: b.revision });
       return [a.value, b.value, c.to, gone.value].map(String);`,
    );
    expect(values).toEqual([String(2n ** 62n), "7", "10", "0"]);
    expect(asked).toContain(`GET ${follower}/v1/cluster`);
    expect(asked.some((line) => line.startsWith(`POST ${cluster?.node(leader).url}/v1/counters/b%3Aa`))).toBe(
      true,
    );
  });

  it("increments are added up, and counted once for every caller", async (context) => {
    requires(context, "chromium", "patience");
    if (cluster === undefined) throw new Error("there is no cluster");
    const page = await pageOf(cluster.nodes[0]?.url ?? "");
    const values = await inPage(
      page,
      cluster.urls,
      `const counting = new RaftallyClient({ urls }).combining();
       const callers = Array.from({ length: 500 }, async (_, at) => {
         for (let times = 0; times < 20; times++) await counting.increment("b:sum:" + (at % 5), 3);
       });
       await Promise.all(callers);
       const last = await Promise.all([counting.increment("b:sum:0", 0), counting.close()]);
       return [String(last[0].value), counting.pending];`,
    );
    expect(values).toEqual(["6000", 0]);
    expect((await cluster.client(0).sum({ prefix: "b:sum:" })).sum).toBe(30_000n);
  });

  it("a watch goes on at a node of another origin when its own dies", async (context) => {
    requires(context, "chromium", "patience");
    if (cluster === undefined) throw new Error("there is no cluster");
    const [own, ...others] = cluster.nodes;
    const page = await pageOf(own?.url ?? "");
    const watching = inPage(
      page,
      cluster.urls,
      `const client = new RaftallyClient({ urls });
       const seen = [];
       for await (const event of client.watch({ key: "b:w", onConnection: (it) => seen.push(it.kind) })) {
         seen.push(event.kind === "change" ? Number(event.value) : event.kind);
         document.title = seen.join(" ");
         if (event.value === 2n) return seen;
       }`,
    );
    const writer = cluster.client(0);
    await expect.poll(() => page.title(), { timeout: 20_000 }).toBe("connected open");
    await writer.increment("b:w");
    await expect.poll(() => page.title(), { timeout: 20_000 }).toBe("connected open 1");
    await cluster.kill(own?.id ?? "");
    await cluster.client(1).increment("b:w");
    expect(await watching).toEqual(["connected", "open", 1, "lost", "connected", 2]);
    expect(others.length).toBe(2);
    await cluster.startNode(own?.id ?? "");
  });
});
