/** A further real process joins a real cluster by `raftally member add`, and a page that is open follows it all the way. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, it, onTestFinished } from "vitest";
import { freePortRange } from "../../chaos/index.ts";
import { start } from "../cli/processes.ts";
import { raftally } from "../cli/terminal.ts";
import { verdict } from "./browser.ts";
import { until } from "./local-cluster.ts";
import { Stage } from "./stage.ts";

const stage = new Stage();
afterEach(() => stage.closePages());
afterAll(() => stage.close(), 60_000);

it("shows a node that joins as a learner that has no vote, then as a voter, and no more once it is removed", {
  timeout: 120_000,
}, async (context) => {
  const cluster = await stage.real(context, "patience");
  const { page } = await stage.open(cluster.home);
  await verdict(page, /3 of 3 nodes, \w+ leads term \d+, can lose 1 more/);
  const directory = mkdtempSync(join(tmpdir(), "raftally-joining-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }));
  const port = await freePortRange(1);
  const url = `http://127.0.0.1:${port}`;
  const { secret, peer } = cluster.door();
  const where = ["--listen", `127.0.0.1:${port}`, "--listen-peer", `127.0.0.1:${port + 100}`];
  const n9 = start(
    ["serve", "--id", "n9", "--data", directory, "--join", peer, "--join-as", "wait", ...where],
    { env: { RAFTALLY_SECRET: secret } },
  );
  await n9.until(/raftally member add/);
  // Whoever only waits to be added is nobody's business yet.
  expect(await page.locator(".topology-node").count()).toBe(3);

  const member = async (...words: readonly string[]): Promise<string> =>
    (await raftally(["member", ...words, "--url", cluster.home])).out;
  expect(await member("add", url)).toContain("n9 is a learner and has caught up.");
  const learner = page.locator('.topology-node[data-node="n9"][data-look="learner"]');
  await learner.waitFor();
  expect(await learner.locator(".topology-role").textContent()).toBe("learner");
  expect(await verdict(page, /n9 is a learner: it follows without a vote\./)).toMatch(
    /3 of 3 nodes, \w+ leads term \d+, can lose 1 more/,
  );
  // It is no one of whom a majority is made.
  expect(await page.locator(".quorum-voter").allTextContents()).not.toContain("n9");
  await page.locator("#nodes tr", { hasText: /^n9learner/ }).waitFor();
  await page.locator('.log-lane[data-node="n9"] .log-cell[data-state="applied"]').first().waitFor();
  const before = await cluster.value("visits");
  await page.locator(".counter-one").click();
  await page.locator(".counter-result", { hasText: `→ ${before + 1}` }).waitFor();
  await until(async () => {
    const own = await fetch(`${url}/v1/counters/visits?consistency=stale`);
    return own.ok && ((await own.json()) as { readonly value: number }).value === before + 1;
  }, "the learner has the count too");

  expect(await member("promote", "n9")).toContain("n9 votes now.");
  await verdict(page, /4 of 4 nodes, \w+ leads term \d+, can lose 1 more/);
  await page.locator('.topology-node[data-node="n9"][data-look="follower"]').waitFor();
  await page.locator(".quorum-voter", { hasText: "n9" }).waitFor();

  expect(await member("remove", "n9")).toContain("n9 was removed.");
  await n9.ended;
  await verdict(page, /3 of 3 nodes, \w+ leads term \d+, can lose 1 more/);
  await page.locator('.topology-node[data-node="n9"]').waitFor({ state: "detached" });
});
