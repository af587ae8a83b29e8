/** The page against a real cluster, in a real browser: every panel, and no count lost while the leader is killed. */

import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeEach, expect, it } from "vitest";
import { requires } from "../support/capability.ts";
import { verdict } from "./browser.ts";
import { until } from "./local-cluster.ts";
import { Stage } from "./stage.ts";

beforeEach((context) => requires(context, "patience"));

const stage = new Stage();
afterEach(() => stage.closePages());
afterAll(() => stage.close(), 60_000);

const HEALTHY = /3 of 3 nodes, \w+ leads term \d+, can lose 1 more/;

/** What the big counter shows; undefined while it shows none. */
async function shown(page: Page): Promise<number | undefined> {
  const text = await page.locator(".counter-value .sr").textContent();
  return /^-?\d+$/.test(text ?? "") ? Number(text) : undefined;
}

async function sees(page: Page, value: number): Promise<void> {
  await page
    .waitForFunction(
      (wanted) => document.querySelector(".counter-value .sr")?.textContent === wanted,
      String(value),
      { polling: "raf", timeout: 20_000 },
    )
    .catch(async () => expect(await shown(page)).toBe(value));
}

it("shows a running cluster in every panel, and breaks no rule of its own", {
  timeout: 180_000,
}, async (context) => {
  requires(context, "patience");
  const cluster = await stage.real(context);
  await fetch(`${cluster.home}/v1/counters/items:acme/increment`, { method: "POST" });
  const { page, complaints } = await stage.open(cluster.home);
  await verdict(page, HEALTHY);
  const leader = await cluster.leader();
  await page.locator(".counter-one").click();
  await sees(page, 1);
  await page.locator(`.topology-node[data-node="${leader}"][data-look="leader"]`).waitFor();
  expect(await page.locator('.topology-node[data-look="follower"]').count()).toBe(2);
  await page.locator(".topology-comet").first().waitFor({ state: "attached" });
  await page.locator('.log-lane .log-cell[data-state="applied"]').first().waitFor();
  expect(await page.locator(".log-lane").count()).toBe(3);
  expect(await page.locator("#nodes tbody").first().locator("tr").count()).toBe(3);
  await page.locator("#charts canvas").nth(3).waitFor();
  await page.locator("#events", { hasText: `${leader} won the election` }).waitFor();
  await page.locator("#promises", { hasText: /acknowledged/ }).waitFor();
  // It reads nothing before somebody can see it.
  await page.locator("#explorer").scrollIntoViewIfNeeded();
  await page.locator("#explorer tbody", { hasText: "items" }).waitFor();
  expect(await page.locator("#chaos-card").isVisible()).toBe(true);
  expect(complaints).toEqual([]);
});

it("loses no count and doubles none while its leader is killed from it", {
  timeout: 180_000,
}, async (context) => {
  requires(context, "patience");
  const cluster = await stage.real(context);
  const { page } = await stage.open(cluster.home);
  await verdict(page, HEALTHY);
  const leader = await cluster.leader();
  const before = await cluster.value("visits");
  await sees(page, before);
  const one = page.locator(".counter-one");
  for (let click = 0; click < 5; click++) await one.click();
  await page.locator("#chaos button", { hasText: `Kill the leader (${leader})` }).click();
  for (let click = 0; click < 15; click++) await one.click();
  await verdict(page, new RegExp(`2 of 3 nodes, (?!${leader})\\w+ leads term`));
  for (let click = 0; click < 5; click++) await one.click();
  await sees(page, before + 25);
  expect(await cluster.value("visits")).toBe(before + 25);
  await page.locator(".chaos-deeds", { hasText: `Killed the leader, ${leader}` }).waitFor();
  expect(await page.locator(".chaos-command").first().textContent()).toBe(
    `npx raftally local kill ${leader}`,
  );
  await cluster.heal();
  await verdict(page, HEALTHY);
  await until(async () => (await cluster.value("visits")) === before + 25, "the count stays");
});

it("shows the value as the present on a cluster in which nothing changes, also after another node leads", {
  timeout: 180_000,
}, async (context) => {
  const cluster = await stage.real(context, "patience");
  await fetch(`${cluster.home}/v1/counters/visits/increment`, { method: "POST" });
  const leader = await cluster.leader();
  // The page comes from one follower, and the other one is to lead.
  const [home, next] = ["n1", "n2", "n3"].filter((id) => id !== leader);
  const urlOf = (id = ""): string => cluster.urls[Number(id.slice(1)) - 1] ?? "";
  const { page } = await stage.open(urlOf(home));
  await verdict(page, HEALTHY);
  const asked = page.waitForRequest((request) => request.url().startsWith(`${urlOf(next)}/v1/watch?key=`));
  await fetch(`${cluster.home}/v1/cluster/transfer`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ to: next }),
  });
  await asked;
  await page.locator(".counter-under", { hasText: /^revision \d+$/ }).waitFor();
  const waiting = await page.evaluate(async () => {
    const began = performance.now();
    let frames = 0;
    while (performance.now() - began < 3_000) {
      await new Promise((resolve) => requestAnimationFrame(resolve));
      if (document.querySelector(".counter-under")?.textContent?.startsWith("revision") !== true) frames += 1;
    }
    return frames;
  });
  expect(waiting).toBe(0);
});

it("shows no chaos panel where the cluster was not started to be broken", {
  timeout: 180_000,
}, async (context) => {
  const recorded = await stage.recorded(context, 3);
  const { page } = await stage.open(recorded.url);
  await verdict(page, /3 of 3 nodes/);
  expect(await page.locator("#chaos-card").isVisible()).toBe(false);
  expect(await page.locator("#chaos button").count()).toBe(0);
});
