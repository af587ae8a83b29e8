import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Cluster } from "../../chaos/cluster.ts";
import { FAULTY_NODE, FUSE_VARIABLE, Fuse } from "../../chaos/faulty/index.ts";
import { requires } from "../support/capability.ts";

describe("a node with a fuse", { timeout: 180_000 }, () => {
  it("dies at the armed point and nowhere else, and what was durable there is back after a restart", async (context) => {
    requires(context, "patience");
    const directory = mkdtempSync(join(tmpdir(), "raftally-fuse-test-"));
    const fuse = new Fuse(join(directory, "fuse"));
    const cluster = await Cluster.start({
      size: 1,
      flags: ["--new-cluster"],
      launch: () => ({ program: FAULTY_NODE, env: { [FUSE_VARIABLE]: fuse.path } }),
    });
    try {
      const client = cluster.client(0, { timeoutMs: 1_000 });
      for (let at = 0; at < 3; at++) await client.increment("visits");
      fuse.arm("afterWrite", 2);
      await client.increment("visits");
      expect(cluster.isRunning("n1")).toBe(true);
      await expect(client.increment("visits")).rejects.toThrow();
      expect(await cluster.ended("n1")).toEqual({ exitCode: undefined, signal: "SIGKILL" });
      expect(fuse.isBlown).toBe(true);
      await cluster.startNode("n1");
      // The fifth was never acknowledged, and is there: it was on disk.
      expect((await cluster.client().get("visits"))?.value).toBe(5n);
    } finally {
      await cluster.stop();
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
