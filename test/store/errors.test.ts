import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { nodeId } from "../../src/raft/index.ts";
import { CorruptionError, LOST_ADVICE } from "../../src/store/errors.ts";
import { initJoining, loadIdentity } from "../../src/store/identity.ts";
import { SNAPSHOT_ADVICE } from "../../src/store/snapshot-manifest.ts";
import { STATE_ADVICE } from "../../src/store/sqlite-rows.ts";
import { temporaryDirectory } from "./real-log.ts";

let directory: ReturnType<typeof temporaryDirectory>;
beforeEach(() => {
  directory = temporaryDirectory();
});
afterEach(() => directory.remove());

/** What a person at a terminal has to be told. */
const COMMANDS = /`raftally serve --join`.*`raftally member replace OLD NEW`/;

async function messageOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "",
    (error: Error) => error.message,
  );
}

describe("whatever says that a node's memory is lost", () => {
  it("names the commands that put another in its place", async () => {
    const file = "log/00000000000000000001.wal";
    const found = "batch 7 is damaged";
    for (const advice of [undefined, SNAPSHOT_ADVICE, STATE_ADVICE]) {
      const error = new CorruptionError({ file, offset: 80, found, ...(advice !== undefined && { advice }) });
      expect(error.message).toMatch(/^log\/0+1\.wal at byte 80: batch 7 is damaged; .*\.$/);
      expect(error.message).toMatch(COMMANDS);
      expect(error.found).toBe(found);
    }
    expect(new CorruptionError({ file, found }).message).toMatch(/do not start it again on this directory/);
  });

  it("is no different where identity.json is damaged or gone", async () => {
    writeFileSync(join(directory.path, "identity.json"), "{");
    expect(await messageOf(loadIdentity(directory.path))).toMatch(COMMANDS);
    const lost = join(directory.path, "lost");
    mkdirSync(join(lost, "log"), { recursive: true });
    expect(await messageOf(initJoining(lost, nodeId("n1")))).toMatch(COMMANDS);
  });

  it("says so in a clause that other sentences can end with", () => {
    expect(LOST_ADVICE).toMatch(COMMANDS);
    expect(LOST_ADVICE).not.toMatch(/\.$|^[A-Z]/);
  });
});
