import { expect, it } from "vitest";
import { requires } from "../support/capability.ts";
import { playWatchers } from "./watchers.ts";

it("tells fifty watchers of a real cluster every one of a thousand increments, in ranges that tile", {
  timeout: 180_000,
}, async (context) => {
  requires(context, "patience");
  const { total, events, memory } = await playWatchers({ seconds: 3, watchers: 50, rate: 350 });
  expect(total).toBe(1_050);
  // Each flush tells of many increments at once, or nothing would be gained.
  expect(events).toBeLessThan((50 * total) / 3);
  if (memory !== undefined) expect(memory.peak).toBeLessThan(memory.before + 200);
});
