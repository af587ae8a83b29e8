/** Every button of the chaos panel, pressed in a real browser, does what it says to a real cluster. */

import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { verdict } from "./browser.ts";
import type { LocalCluster } from "./local-cluster.ts";
import { Stage } from "./stage.ts";

const stage = new Stage();
afterEach(() => stage.closePages());
afterAll(() => stage.close(), 60_000);

const HEALTHY = /3 of 3 nodes, \w+ leads term \d+, can lose 1 more/;

describe("the chaos panel", { timeout: 180_000 }, () => {
  let cluster: LocalCluster;
  let page: Page;
  let follower = "";

  beforeEach(async (context) => {
    cluster = await stage.real(context, "patience");
    ({ page } = await stage.open(cluster.home));
    await verdict(page, HEALTHY);
    const leader = await cluster.leader();
    const { nodes } = await cluster.control("GET", "/v1/local");
    follower = nodes.find(({ id, state }) => id !== leader && state === "running")?.id ?? "";
  }, 90_000);

  async function press(text: string): Promise<void> {
    await page
      .locator(`.chaos-node[data-node="${follower}"] button`, { hasText: new RegExp(`^${text}`) })
      .click();
  }

  async function state(wanted: string): Promise<void> {
    await page.locator(`.chaos-node[data-node="${follower}"][data-state="${wanted}"]`).waitFor();
  }

  async function told(text: RegExp): Promise<void> {
    await page.locator(".chaos-deeds li", { hasText: text }).first().waitFor();
    expect(await page.locator(".chaos-deeds code").first().textContent()).toMatch(/raftally local|kill/);
  }

  it("kills a node, says when it comes back, and starts it sooner", async () => {
    await press("Kill");
    await state("stopped");
    await page.locator(".chaos-state", { hasText: "back by itself in" }).waitFor();
    await told(new RegExp(`Killed ${follower}`));
    await press("Start");
    await verdict(page, HEALTHY);
  });

  it("pauses a node and resumes it with the same button, which keeps the focus", async () => {
    await press("Pause");
    await state("paused");
    await verdict(page, /2 of 3 nodes/);
    const resume = page.locator(`.chaos-node[data-node="${follower}"] button`, { hasText: "Resume" });
    expect(await resume.evaluate((element) => element === document.activeElement)).toBe(true);
    await page.keyboard.press("Enter");
    await state("running");
    await verdict(page, HEALTHY);
  });

  it("restarts a node", async () => {
    const pid = /pid (\d+)/;
    const shown = page.locator(`.chaos-node[data-node="${follower}"] .chaos-state`);
    const before = pid.exec((await shown.textContent()) ?? "")?.[1];
    await press("Restart");
    await told(new RegExp(`Restarted ${follower}`));
    await page.waitForFunction(
      ([node, old]) => {
        const text =
          document.querySelector(`.chaos-node[data-node="${node}"] .chaos-state`)?.textContent ?? "";
        return /running, pid (\d+)/.test(text) && !text.includes(`pid ${old}`);
      },
      [follower, before],
      { timeout: 20_000 },
    );
    await verdict(page, HEALTHY);
  });

  it("cuts the checked node off from the others, draws that, and heals it", async () => {
    await page.locator(`.chaos-cut input[value="${follower}"]`).check();
    await page.locator("#chaos button", { hasText: `Cut off ${follower}` }).click();
    await verdict(page, /2 of 3 nodes, .*cannot lose another/);
    await page.locator('.topology-edge[data-state="cut"]').nth(1).waitFor({ state: "attached" });
    await page.locator(".chaos-state", { hasText: "cut off from" }).first().waitFor();
    await told(/Cut the links between/);
    await page.locator("#chaos button", { hasText: "Heal all links" }).click();
    await told(/Healed every link/);
    await verdict(page, HEALTHY);
  });

  it("lets a node hear the others and reach none of them, says and draws that, and heals it", async () => {
    await page.locator(`.chaos-cut input[value="${follower}"]`).check();
    await page.locator(".chaos-cut select").selectOption({ label: "only what they say" });
    await page.locator("#chaos button", { hasText: `Cut off ${follower}` }).click();
    await told(new RegExp(`Cut what ${follower} says to`));
    await verdict(page, new RegExp(`${follower}.* hears the others, and what it says does not reach them`));
    await page
      .locator(".topology-label", { hasText: new RegExp(`${follower} → n\\d cut`) })
      .nth(1)
      .waitFor();
    await page.locator("#chaos button", { hasText: "Heal all links" }).click();
    await told(/Healed every link/);
    await verdict(page, HEALTHY);
  });

  it("asks before it wipes a node, does nothing when told to keep it, and replaces it when told to", async () => {
    await press("Wipe");
    await page.locator(".chaos-dialog button", { hasText: "Keep it" }).click();
    await state("running");
    expect(await page.locator(".chaos-deeds li").count()).toBe(0);
    const old = follower;
    await press("Wipe");
    await page.locator(".chaos-dialog button", { hasText: "Delete and replace" }).click();
    await told(new RegExp(`Wiped ${old}`));
    await page.locator(`.topology-node[data-node="${old}"]`).waitFor({ state: "detached", timeout: 60_000 });
    await verdict(page, HEALTHY, 60_000);
  });
});
