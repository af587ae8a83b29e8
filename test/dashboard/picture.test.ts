/** The picture and the lanes in a real browser: keyboard, words, motion, and every width. */

import { afterAll, afterEach, describe, expect, it } from "vitest";
import { verdict } from "./browser.ts";
import { Stage } from "./stage.ts";

const stage = new Stage();
afterEach(() => stage.closePages());
afterAll(() => stage.close(), 60_000);

describe("the picture", { timeout: 180_000 }, () => {
  it("tells of a node in words when the keyboard reaches it, and of all of them below", async (context) => {
    const cluster = await stage.recorded(context, 3, "patience");
    cluster.set("n1", (picture) => ({
      status: { peers: picture.status.peers.map((peer) => ({ ...peer, reachable: peer.id !== "n3" })) },
    }));
    const { page } = await stage.open(cluster.url);
    const node = page.locator('.topology-node[data-node="n1"]');
    await node.focus();
    const words = "n1 leads term 7. Linked to n2. What it says does not reach n3.";
    await page.locator(".topology-told", { hasText: words }).waitFor();
    expect(await node.getAttribute("aria-label")).toBe(words);
    await page.keyboard.press("Tab");
    await page.locator(".topology-told", { hasText: "n2 follows n1 in term 7." }).waitFor();
    await page.locator(".topology-details summary").click();
    expect(await page.locator(".topology-words li").allTextContents()).toHaveLength(3);
  });

  it("lets messages travel, in bounds, and counts them instead for whoever wants no motion", async (context) => {
    const cluster = await stage.recorded(context, 7, "patience");
    const { page } = await stage.open(cluster.url);
    await page.locator(".topology-comet").first().waitFor({ state: "attached" });
    const most = await page.evaluate(async () => {
      let count = 0;
      const began = performance.now();
      while (performance.now() - began < 3_000) {
        await new Promise((resolve) => requestAnimationFrame(resolve));
        count = Math.max(count, document.querySelectorAll(".topology-comet").length);
      }
      return count;
    });
    expect(most).toBeGreaterThan(10);
    expect(most).toBeLessThanOrEqual(64);
    const still = await stage.open(cluster.url, { reducedMotion: true });
    await still.page
      .locator(".topology-label", { hasText: /[1-9]\d* msg\/s/ })
      .first()
      .waitFor();
    expect(await still.page.locator(".topology-comet").count()).toBe(0);
  });

  it.for([1, 2, 3, 5, 7])(
    "fits %i nodes into a window of 320 px without scrolling sideways",
    async (count, context) => {
      const cluster = await stage.recorded(context, count, "patience");
      const { page } = await stage.open(cluster.url, { width: 320, height: 640 });
      await verdict(page, /1 leads term 7/);
      await page
        .locator(".log-lane")
        .nth(count - 1)
        .waitFor();
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      expect(wide).toBeLessThanOrEqual(320);
      const cut = await page.evaluate(() =>
        [...document.querySelectorAll(".topology-node text")]
          .filter((text) => {
            const { left, right } = text.getBoundingClientRect();
            return text.textContent !== "" && (left < 0 || right > window.innerWidth);
          })
          .map((text) => text.textContent),
      );
      expect(cut).toEqual([]);
    },
  );

  it("keeps everything inside its card in a window of 320 px", async (context) => {
    const cluster = await stage.recorded(context, 3, "patience");
    const { page } = await stage.open(cluster.url, { width: 320, height: 640 });
    await verdict(page, /1 leads term 7/);
    const out = await page.evaluate(() =>
      [...document.querySelectorAll(".card")].flatMap((card) => {
        const inner =
          card.getBoundingClientRect().right - Number.parseFloat(getComputedStyle(card).paddingRight);
        return [...card.querySelectorAll("button, input, p, figure, li")]
          .filter((element) => element.closest(".scroll") === null && element.checkVisibility())
          .filter((element) => element.getBoundingClientRect().right > inner + 1 && !element.matches(".sr"))
          .map((element) => `${card.id}: ${element.outerHTML.slice(0, 80)}`);
      }),
    );
    expect(out).toEqual([]);
  });

  it("says how far a lane off the left edge is behind", async (context) => {
    const cluster = await stage.recorded(context, 3, "patience");
    cluster.set("n3", {
      status: { last: 300, commit: 300, applied: 300, first: 1 },
      picture: { tail: [], stable: 300 },
    });
    const { page } = await stage.open(cluster.url);
    await page
      .locator('.log-lane[data-node="n3"] .log-away', { hasText: /ends at 300, 9\d\d entries behind/ })
      .waitFor();
  });
});
