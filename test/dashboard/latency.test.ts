/** From the answer of a write made outside the browser to the number on the page. */

import { afterAll, afterEach, expect, it } from "vitest";
import { verdict } from "./browser.ts";
import { Stage } from "./stage.ts";

const stage = new Stage();
afterEach(() => stage.closePages());
afterAll(() => stage.close(), 60_000);

const WRITES = 60;
/** What a person takes for "at once", ms. */
const LIMIT_MS = 200;

it("shows a write that somebody else made within 200 ms of its answer", {
  timeout: 60_000,
}, async (context) => {
  const cluster = await stage.real(context, "patience");
  const { page } = await stage.open(cluster.home);
  await verdict(page, /3 of 3 nodes/);
  await page.waitForFunction(() =>
    /^\d+$/.test(document.querySelector(".counter-value .sr")?.textContent ?? ""),
  );
  await page.evaluate(() => {
    const element = document.querySelector(".counter-value .sr");
    const seen: Record<string, number> = {};
    (window as unknown as { seen: typeof seen }).seen = seen;
    if (element === null) return;
    new MutationObserver(() => {
      seen[element.textContent ?? ""] ??= performance.timeOrigin + performance.now();
    }).observe(element, { childList: true, characterData: true, subtree: true });
  });
  const answered = new Map<string, number>();
  for (let write = 0; write < WRITES; write++) {
    const url = cluster.urls[write % cluster.urls.length];
    const answer = await fetch(`${url}/v1/counters/visits/increment`, { method: "POST" });
    const { value } = (await answer.json()) as { readonly value: number };
    answered.set(String(value), performance.timeOrigin + performance.now());
    // Spread over the cycles of flushing and drawing, so that no moment of them is favoured.
    await page.waitForTimeout(37 + ((write * 13) % 61));
  }
  const last = [...answered.keys()].at(-1) ?? "";
  await page.waitForFunction(
    (text) => document.querySelector(".counter-value .sr")?.textContent === text,
    last,
  );
  const seen = Object.entries(
    await page.evaluate(() => (window as unknown as { seen: Record<string, number> }).seen),
  ).map(([value, atMs]) => ({ value: Number(value), atMs }));
  // Changes of one flush are shown as one: what matters is when a value that includes this write is there.
  const delays = [...answered].map(([value, atMs]) => {
    const shown = seen.filter((each) => each.value >= Number(value)).map((each) => each.atMs);
    return Math.min(...shown) - atMs;
  });
  delays.sort((a, b) => a - b);
  const [p50 = 0, max = 0] = [delays[Math.floor(delays.length / 2)], delays.at(-1)];
  process.stdout.write(
    `event to pixel: p50 ${p50.toFixed(0)} ms, max ${max.toFixed(0)} ms of ${WRITES} writes\n`,
  );
  expect(max).toBeLessThan(LIMIT_MS);
});
