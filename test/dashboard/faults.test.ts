/** The verdict in every state of a cluster, in a real browser: faults of real processes and links, and recorded ones. */

import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { verdict } from "./browser.ts";
import type { LocalCluster } from "./local-cluster.ts";
import { Stage } from "./stage.ts";

const stage = new Stage();
afterEach(() => stage.closePages());
afterAll(() => stage.close(), 60_000);

const HEALTHY = /3 of 3 nodes, \w+ leads term \d+, can lose 1 more/;

/** The state that a node is drawn in. */
async function look(page: Page, id: string): Promise<string | null> {
  return page.locator(`.topology-node[data-node="${id}"]`).getAttribute("data-look");
}

/** @throws {Error} with what the page shows instead. */
async function looks(page: Page, id: string, wanted: RegExp): Promise<void> {
  const asked = performance.now();
  try {
    await page.waitForFunction(
      ([node, source]) => {
        const element = document.querySelector(`.topology-node[data-node="${node}"]`);
        return new RegExp(source ?? "").test(element?.getAttribute("data-look") ?? "");
      },
      [id, wanted.source] as const,
      { polling: 50, timeout: 20_000 },
    );
  } catch (cause) {
    const waitedMs = Math.round(performance.now() - asked);
    const said = await page.locator("#verdict").textContent();
    const looked = `${id} does not look ${wanted} but ${await look(page, id)}`;
    throw new Error(`after ${waitedMs} ms ${looked}, and the verdict is: ${said}`, { cause });
  }
}

async function cutLinks(page: Page, count: number): Promise<void> {
  await page.waitForFunction(
    (wanted) => document.querySelectorAll('.topology-edge[data-state="cut"]').length === wanted,
    count,
    { polling: 50, timeout: 20_000 },
  );
}

describe("the verdict on a real cluster", { timeout: 180_000 }, () => {
  let cluster: LocalCluster;
  let page: Page;
  let complaints: readonly string[] = [];
  let ids: readonly string[];

  beforeEach(async (context) => {
    cluster = await stage.real(context, "patience");
    ids = (await cluster.control("GET", "/v1/local")).nodes
      .filter(({ state }) => state !== "gone")
      .map(({ id }) => id);
    ({ page, complaints } = await stage.open(cluster.home));
    await verdict(page, HEALTHY);
    // The others' word is enough for that verdict. Of a node that the page has never heard itself it does not say that it is down.
    for (const id of ids) await looks(page, id, /^(leader|follower)$/);
  }, 90_000);

  // Of nodes that are gone the console has much to say.
  afterEach(() => expect(complaints.filter((said) => said.startsWith("exception"))).toEqual([]));

  async function act(id: string, verb: string): Promise<void> {
    await cluster.control("POST", `/v1/local/nodes/${id}/${verb}`);
  }

  async function cut(...groups: readonly (readonly string[])[]): Promise<void> {
    await cluster.control("PUT", "/v1/local/links", { groups });
  }

  async function recover(): Promise<void> {
    await cluster.heal();
    await verdict(page, HEALTHY);
  }

  async function followers(): Promise<readonly [string, string]> {
    const leader = await cluster.leader();
    const [one = "", two = ""] = ids.filter((id) => id !== leader);
    return [one, two];
  }

  it("names a follower that was killed, and that no other may be lost", async () => {
    const [killed] = await followers();
    await act(killed, "kill");
    // Both at once: it is started again after a few seconds.
    const [said] = await Promise.all([
      verdict(page, /2 of 3 nodes, \w+ leads term \d+, cannot lose another/),
      looks(page, killed, /down/),
    ]);
    expect(said).toContain(killed);
    await recover();
    await looks(page, killed, /follower/);
  });

  it("goes from one leader to the next when the leader is killed", async () => {
    const leader = await cluster.leader();
    await act(leader, "kill");
    const [said] = await Promise.all([
      verdict(page, new RegExp(`2 of 3 nodes, (?!${leader})\\w+ leads term`)),
      looks(page, leader, /down/),
    ]);
    expect(said).toContain("cannot lose another");
    await recover();
  });

  it("says that there is no majority when two of three are gone", async () => {
    const [one, two] = await followers();
    await act(one, "kill");
    await act(two, "kill");
    await verdict(page, /No majority: .* 2 are needed/);
    await recover();
  });

  it("tells a paused follower from a dead one", async () => {
    const [paused] = await followers();
    await act(paused, "pause");
    expect(await verdict(page, /2 of 3 nodes, \w+ leads/)).toContain(paused);
    await looks(page, paused, /silent/);
    // Longer than the page waits before it asks anew: a process that is paused refuses no connection.
    await page
      .locator(`.topology-node[data-node="${paused}"] .topology-second`, { hasText: "for 8 s" })
      .waitFor();
    expect(await look(page, paused)).toBe("silent");
    await recover();
  });

  it("follows a new leader while the old one is paused, and both once it is back", async () => {
    const paused = await cluster.leader();
    await act(paused, "pause");
    await verdict(page, new RegExp(`2 of 3 nodes, (?!${paused})\\w+ leads term`));
    await act(paused, "resume");
    await verdict(page, HEALTHY);
    await looks(page, paused, /follower/);
  });

  it("says that a node runs and is cut off, when its links to both others are", async () => {
    const [alone, other] = await followers();
    await cut([alone], [other, await cluster.leader()]);
    const said = await verdict(page, /2 of 3 nodes, \w+ leads .*cannot lose another/);
    expect(said).toContain(alone);
    await cutLinks(page, 2);
    expect(await look(page, alone)).not.toBe("down");
    await recover();
    await cutLinks(page, 0);
  });

  it("does not believe a leader that is cut off, and names the one that the others elect", async () => {
    const leader = await cluster.leader();
    await cut(
      [leader],
      ids.filter((id) => id !== leader),
    );
    await verdict(page, new RegExp(`2 of 3 nodes, (?!${leader})\\w+ leads term`));
    await recover();
  });

  it("says that there is no majority while every link is cut and all nodes run", async () => {
    await cut(...ids.map((id) => [id]));
    await verdict(page, /No majority: .* 2 are needed/);
    await cutLinks(page, 3);
    for (const id of ids) expect(await look(page, id)).not.toMatch(/down|silent/);
    await recover();
  });

  it("turns to the other nodes when the one that served the page dies, says so, and still counts", async () => {
    const [home = ""] = ids;
    await act(home, "kill");
    const said = await verdict(page, /2 of 3 nodes, \w+ leads/);
    expect(said).toContain(home);
    await page.waitForFunction(
      (id) => document.body.textContent?.match(new RegExp(`${id}.*(?:served|came from|gave)`)) !== null,
      home,
    );
    const before = await cluster.value("visits");
    await page.locator(".counter-one").click();
    await page.locator(".counter-result", { hasText: "+1" }).waitFor();
    expect(await cluster.value("visits")).toBe(before + 1);
    await recover();
  });

  it("keeps every panel alive when the node that served the page is dead", async () => {
    const [home = "", other = ""] = ids;
    const api = page.locator("a", { hasText: "API" });
    expect(await api.getAttribute("href")).toBe("/docs");
    await act(home, "kill");
    await verdict(page, /2 of 3 nodes, \w+ leads .*The page goes on with/);
    expect(await api.getAttribute("href")).toMatch(/^http:.*\/docs$/);
    expect(await api.getAttribute("href")).not.toContain(cluster.home);
    await page
      .locator("#events li", { hasText: `does not reach ${home} any more` })
      .first()
      .waitFor();
    await page.locator(`.chaos-node[data-node="${home}"][data-state="stopped"]`).waitFor();
    const marks = page.locator(`.log-lane[data-node="${other}"] .log-marks`);
    const ended = await marks.textContent();
    const key = `alive-${home}`;
    await fetch(`${cluster.urls[1]}/v1/counters/${key}/increment`, { method: "POST" });
    await page.waitForFunction(
      ([node, old]) =>
        document.querySelector(`.log-lane[data-node="${node}"] .log-marks`)?.textContent !== old,
      [other, ended] as const,
    );
    await page.locator("#explorer").scrollIntoViewIfNeeded();
    await page.locator("#explorer tbody tr", { hasText: key }).getByRole("button", { name: "Add 1" }).click();
    await page
      .locator("#explorer tbody tr", { hasText: key })
      .locator(".value", { hasText: /^2$/ })
      .waitFor();
    await page.locator("#promises", { hasText: "of 1 click counted" }).waitFor();
    await page.locator("#foot", { hasText: "listening to 2 of 3 nodes" }).waitFor();
    await recover();
  });

  it("goes on watching elsewhere when the leader dies that served the page", async () => {
    const leader = await cluster.leader();
    await stage.closePages();
    ({ page } = await stage.open(cluster.urls[ids.indexOf(leader)] ?? ""));
    await verdict(page, HEALTHY);
    await page.locator(".counter-under", { hasText: /^revision/ }).waitFor();
    await act(leader, "kill");
    await verdict(page, new RegExp(`2 of 3 nodes, (?!${leader})\\w+ leads term`));
    const before = await cluster.value("visits");
    await fetch(`${cluster.urls[ids.findIndex((id) => id !== leader)]}/v1/counters/visits/increment`, {
      method: "POST",
    });
    await page.waitForFunction(
      (value) => document.querySelector(".counter-value .sr")?.textContent === value,
      String(before + 1),
      { timeout: 8_000 },
    );
    await page.locator(".counter-under", { hasText: /^revision/ }).waitFor();
    expect(await page.locator(".digits[data-stale]").count()).toBe(0);
    await recover();
  });

  it("follows a node that is wiped and replaced under a new name, as a learner first", async () => {
    const [wiped] = await followers();
    const { node } = (await cluster.control("POST", `/v1/local/nodes/${wiped}/wipe`)) as unknown as {
      node: string;
    };
    await page.locator(`.topology-node[data-node="${node}"]`).waitFor({ timeout: 60_000 });
    await page
      .locator(`.topology-node[data-node="${wiped}"]`)
      .waitFor({ state: "detached", timeout: 60_000 });
    await verdict(page, HEALTHY, 60_000);
  });
});

describe("the verdict on recorded pictures", { timeout: 180_000 }, () => {
  it.for<{
    readonly state: string;
    readonly count: number;
    readonly changes: Readonly<Record<string, Parameters<import("./fake-cluster.ts").FakeCluster["set"]>[1]>>;
    readonly says: RegExp;
  }>([
    {
      state: "that replicas differ",
      count: 3,
      changes: { n3: { picture: { digests: [{ index: 1_024, digest: 1 }] } } },
      says: /The copies differ: at index 1,024 n3 has other counters than n1 and n2/,
    },
    {
      state: "that a node raised the alarm itself",
      count: 3,
      changes: { n2: { status: { alarm: "its digest differs" } } },
      says: /The copies differ.*n2: its digest differs/,
    },
    {
      state: "who is behind, and by how much",
      count: 3,
      changes: { n3: { status: { last: 300, commit: 300, applied: 300, first: 1 }, picture: { tail: [] } } },
      says: /3 of 3 nodes, n1 leads term 7.*n3/,
    },
    {
      state: "who stands for election",
      count: 3,
      changes: {
        n1: { status: { role: "follower" } },
        n2: { status: { role: "candidate", term: 8 } },
      },
      says: /Electing: 3 of 3 nodes are up, n2 stands for term 8/,
    },
    {
      state: "that two lead one term, which must never be",
      count: 3,
      changes: { n2: { status: { role: "leader" } } },
      says: /both say that they lead term 7: this must never be/,
    },
    {
      state: "that the leader of an older term still thinks that it leads",
      count: 3,
      changes: { n2: { status: { role: "leader", term: 8 } } },
      says: /n2 leads term 8.*n1 still says that it leads term 7/,
    },
    {
      state: "that the founding members wait for each other",
      count: 3,
      changes: {
        n1: { status: { state: "forming" } },
        n2: { status: { state: "forming" } },
        n3: { status: { state: "forming" } },
      },
      says: /n1, n2 and n3 wait for the other first members/,
    },
    {
      state: "that a disk is slow",
      count: 3,
      changes: { n3: { picture: { fsync: { count: 3, p50: 400, p99: 900, max: 950 } } } },
      says: /The disk of n3 is slow/,
    },
    {
      state: "that one is well, of seven",
      count: 7,
      changes: {},
      says: /7 of 7 nodes, n1 leads term 7, can lose 3 more/,
    },
    {
      state: "what a cluster of one can afford",
      count: 1,
      changes: {},
      says: /1 of 1 node, n1 leads term 7, cannot lose/,
    },
  ])("says $state", async ({ count, changes, says }, context) => {
    const cluster = await stage.recorded(context, count, "patience");
    for (const [id, change] of Object.entries(changes)) cluster.set(id, change);
    const { page } = await stage.open(cluster.url);
    await verdict(page, says);
  });

  it("says that nobody answers once all have gone, and who was heard last", async (context) => {
    const cluster = await stage.recorded(context, 3, "patience");
    const { page } = await stage.open(cluster.url);
    await verdict(page, /3 of 3 nodes/);
    for (const { id } of cluster.seats) await cluster.down(id);
    await verdict(page, /No node answers: n\d was the last to be heard/);
  });

  it("believes the others of a node that only this page cannot hear", async (context) => {
    const cluster = await stage.recorded(context, 3, "patience");
    const { page } = await stage.open(cluster.url);
    await verdict(page, /3 of 3 nodes/);
    cluster.silence("n3");
    await verdict(page, /3 of 3 nodes, n1 leads.*n3/);
  });
});
