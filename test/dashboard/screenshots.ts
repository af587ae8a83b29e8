/**
 * Takes the pictures in docs/images from a real cluster: `npm run screenshots`. Needs Chromium; takes two minutes. With
 * `light`, `killed`, `others` or `no-quorum` only those: on a busy machine not all turn out well at once.
 *
 * Tests never write them, so that they change only when somebody wants them to.
 */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { launch } from "../support/chromium.ts";
import { open, type PageOptions, verdict } from "./browser.ts";
import { buildPage } from "./build.ts";
import { Film } from "./film.ts";
import { LocalCluster } from "./local-cluster.ts";

const IMAGES = fileURLToPath(new URL("../../docs/images", import.meta.url));
const WELL = /3 of 3 nodes, \w+ leads term \d+, can lose 1 more/;
/** How long clicks come in before the first picture, so that the charts have something to show. */
const LOAD_MS = 45_000;
const NODE_STATES_HEIGHT = 1_120;
const KILLS_MAX = 8;

const PANELS = ["counter", "topology", "chaos", "promises", "log", "charts", "nodes", "explorer", "events"];

const cluster = await LocalCluster.start();
const browser = await launch();
try {
  mkdirSync(IMAGES, { recursive: true });
  buildPage();
  await fill(cluster);
  const { page } = await open(browser, cluster.home, { width: 1_280, height: NODE_STATES_HEIGHT });
  await verdict(page, WELL);
  const [only] = process.argv.slice(2);
  const wants = (part: string): boolean => only === undefined || only === part;
  await load(page, wants("light") ? LOAD_MS : 5_000);
  if (wants("light")) {
    await takeWhole(page, "dashboard-light");
    for (const panel of PANELS) await takePanel(page, panel);
  }
  if (wants("killed")) await killTheLeader(page);
  if (wants("others")) await takeOthers(browser);
  if (wants("no-quorum")) await loseTheMajority(page);
} finally {
  await browser.close();
  await cluster.stop();
}

/** Counters of several kinds, so that the explorer has a tree to show. */
async function fill({ home }: LocalCluster): Promise<void> {
  const keys = [
    "items:acme",
    "items:globex",
    "items:initech",
    "visits:2026-11-20",
    "visits:2026-11-21",
    "orders",
  ];
  const operations = keys.map((key, at) => ({ key, by: 7 ** (at + 1) }));
  await fetch(`${home}/v1/batch`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ operations }),
  });
}

async function load(page: Page, ms: number): Promise<void> {
  await page.getByRole("switch", { name: /hammer/i }).click();
  await sleep(ms);
  await page.getByRole("switch", { name: /hammer/i }).click();
  for (let click = 0; click < 3; click++) {
    await page.locator(".counter-one").click();
    await sleep(700);
  }
}

async function take(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(IMAGES, `${name}.png`) });
}

/** The whole page at once; in a window of its height, because some panels draw only what is in sight. */
async function takeWhole(page: Page, name: string): Promise<void> {
  const size = page.viewportSize();
  const height = await page.evaluate(() => document.documentElement.scrollHeight);
  await page.setViewportSize({ width: size?.width ?? 1_280, height });
  await sleep(1_500);
  // Neither a disk that is slow for a moment nor an election is what these pictures are of.
  await page.locator('.verdict[data-kind="healthy"]').waitFor();
  await take(page, name);
  if (size !== null) await page.setViewportSize(size);
}

async function takePanel(page: Page, panel: string): Promise<void> {
  const card = page.locator(`#${panel}-card`);
  await card.scrollIntoViewIfNeeded();
  await sleep(1_500);
  await card.screenshot({ path: join(IMAGES, `panel-${panel}.png`) });
}

/** Before, while there is no leader, and after; counting all the while. The election may be over too soon: once more. */
async function killTheLeader(page: Page): Promise<void> {
  await page.evaluate(() => window.scrollTo(0, 0));
  for (let attempt = 0; attempt < KILLS_MAX; attempt++) {
    await page.getByRole("switch", { name: /hammer/i }).click();
    await sleep(4_000);
    await take(page, "leader-killed-1-before");
    const film = await Film.start(page);
    await page.locator("#chaos button", { hasText: "Kill the leader" }).click();
    await verdict(page, /2 of 3 nodes, \w+ leads term/);
    const frame = await film.stop();
    await sleep(2_000);
    await page.getByRole("switch", { name: /hammer/i }).click();
    await take(page, "leader-killed-3-after");
    await cluster.heal();
    await verdict(page, WELL);
    if (frame === undefined) continue;
    writeFileSync(join(IMAGES, "leader-killed-2-during.png"), frame);
    return;
  }
  throw new Error("no picture shows the moment without a leader");
}

async function takeOthers(chromium: Browser): Promise<void> {
  const others: readonly { readonly name: string; readonly options: PageOptions }[] = [
    { name: "dashboard-dark", options: { scheme: "dark", width: 1_280, height: NODE_STATES_HEIGHT } },
    { name: "dashboard-narrow", options: { width: 320, height: 700 } },
  ];
  for (const { name, options } of others) {
    const { page, context } = await open(chromium, cluster.home, options);
    await verdict(page, WELL);
    await load(page, 8_000);
    await takeWhole(page, name);
    await context.close();
  }
}

async function loseTheMajority(page: Page): Promise<void> {
  const leader = await cluster.leader();
  const { nodes } = await cluster.control("GET", "/v1/local");
  for (const { id } of nodes.filter((node) => node.id !== leader)) {
    await cluster.control("POST", `/v1/local/nodes/${id}/kill`);
  }
  await verdict(page, /No majority/);
  await sleep(2_000);
  await take(page, "no-quorum");
}
