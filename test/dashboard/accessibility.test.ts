/** What axe-core finds on the page: nothing, in light, dark and narrow, well and broken. */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { type PageOptions, verdict } from "./browser.ts";
import { Stage } from "./stage.ts";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const stage = new Stage();
afterEach(() => stage.closePages());
afterAll(() => stage.close(), 60_000);

interface Finding {
  readonly id: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
}

/** Violations of WCAG 2.2 AA and of axe's good practice. Evaluated past the page's own policy, which forbids it. */
async function violations(page: Page): Promise<readonly string[]> {
  const session = await page.context().newCDPSession(page);
  const run = async (expression: string): Promise<unknown> => {
    const { result, exceptionDetails } = await session.send("Runtime.evaluate", {
      expression,
      awaitPromise: true,
      returnByValue: true,
      allowUnsafeEvalBlockedByCSP: true,
    });
    if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
    return result.value;
  };
  await run(`${AXE}; undefined`);
  const found = (await run("axe.run().then(({ violations }) => violations)")) as readonly Finding[];
  return found.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
  );
}

const VIEWS: readonly { readonly name: string; readonly options: PageOptions }[] = [
  { name: "light", options: {} },
  { name: "dark", options: { scheme: "dark" } },
  { name: "a window of 320 px", options: { width: 320, height: 640 } },
  {
    name: "a dark window of 320 px without motion",
    options: { width: 320, height: 640, scheme: "dark", reducedMotion: true },
  },
];

describe("axe-core finds nothing", { timeout: 180_000 }, () => {
  it.for(VIEWS)("in $name, on a real cluster", async ({ options }, context) => {
    const cluster = await stage.real(context, "patience");
    const { page } = await stage.open(cluster.home, options);
    await verdict(page, /3 of 3 nodes/);
    await page.locator(".counter-one").click();
    await page.locator(".counter-result", { hasText: "+1" }).waitFor();
    await page.locator(".topology-details summary").click();
    await page.waitForTimeout(1_000);
    expect(await violations(page)).toEqual([]);
  });

  it.for(["light", "dark"] as const)("in %s, with every kind of node and link", async (scheme, context) => {
    const cluster = await stage.recorded(context, 7, "patience");
    const { page } = await stage.open(cluster.url, { scheme });
    await verdict(page, /7 of 7/);
    cluster.set("n1", ({ status }) => ({
      status: { peers: status.peers.map((peer) => ({ ...peer, reachable: peer.id !== "n2" })) },
    }));
    cluster.set("n2", { status: { role: "candidate", term: 8 } });
    cluster.set("n3", {
      status: { role: "learner", last: 300, commit: 300, applied: 300 },
      picture: { tail: [] },
    });
    cluster.set("n4", { status: { alarm: "its digest differs" } });
    cluster.set("n5", { status: { role: "leader", term: 6 } });
    await cluster.down("n6");
    cluster.silence("n7");
    await page
      .locator('.topology-node[data-node="n7"]:is([data-look="silent"], [data-look="down"])')
      .waitFor();
    expect(await violations(page)).toEqual([]);
  });

  it.for(["light", "dark"] as const)(
    "in %s, without a majority, and in the question before wiping",
    async (scheme, context) => {
      const cluster = await stage.real(context, "patience");
      const { page } = await stage.open(cluster.home, { scheme });
      await verdict(page, /3 of 3 nodes/);
      const { nodes } = await cluster.control("GET", "/v1/local");
      await cluster.control("PUT", "/v1/local/links", { groups: nodes.map(({ id }) => [id]) });
      await verdict(page, /No majority/);
      expect(await violations(page)).toEqual([]);
      await page.locator("#chaos button", { hasText: "Wipe" }).first().click();
      await page.locator(".chaos-dialog[open]").waitFor();
      expect(await violations(page)).toEqual([]);
      await cluster.heal();
    },
  );
});
