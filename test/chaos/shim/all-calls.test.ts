import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Cluster } from "../../../chaos/cluster.ts";
import { ShimmedDisk } from "../../../chaos/shim/disk.ts";
import { shimLibrary } from "../../../chaos/shim/library.ts";
import { requires } from "../../support/capability.ts";

/** The system calls that the shim makes in the place of those of the C library, so that others show what passed it by. */
const BY_THE_SHIM = /^(?:pwritev|renameat2|unlinkat|mkdirat|ftruncate|linkat)$/;
const CHANGES =
  "write,pwrite64,writev,pwritev,pwritev2,truncate,ftruncate,fallocate,rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,rmdir,mkdir,mkdirat,copy_file_range,sendfile,splice,io_uring_setup";

describe("the shim and a real node", { timeout: 120_000 }, () => {
  it("sees every call by which the node changes its data directory, as strace counts them", async (context) => {
    requires(context, "compiler", "strace", "patience");
    const directory = mkdtempSync(join(tmpdir(), "raftally-calls-"));
    const trace = join(directory, "trace.txt");
    const disk = new ShimmedDisk(join(directory, "n1"), await shimLibrary());
    const under = ["strace", "-D", "-f", "-y", "-qq", "--seccomp-bpf", "-o", trace, "-e", `trace=${CHANGES}`];
    const cluster = await Cluster.start({
      size: 1,
      flags: ["--new-cluster"],
      launch: () => ({ data: disk.root, env: disk.env, under }),
    });
    try {
      for (let at = 0; at < 50; at++) await cluster.client().increment("visits");
      await cluster.run("backup", join(directory, "backup"), "--url", cluster.node("n1").url);
      await cluster.terminate("n1");
      const { writes, notModelled } = disk.control.counts();
      // What is resumed was counted when it began. The journal, which quotes paths, lies beside the data directory.
      const within = (line: string): boolean =>
        line.includes(/^\d+ +\w*write/.test(line) ? `<${disk.root}/` : `${disk.root}/`);
      const calls = readFileSync(trace, "utf8")
        .split("\n")
        .filter((line) => within(line) && !line.includes("-shm") && !line.includes(" resumed>"))
        .map((line) => /^\d+ +(\w+)\(/.exec(line)?.[1] ?? line);
      expect(calls.filter((call) => !BY_THE_SHIM.test(call))).toEqual([]);
      expect(calls.filter((call) => call === "pwritev").length).toBe(writes);
      expect(writes).toBeGreaterThan(50);
      expect(calls).toContain("renameat2");
      expect(notModelled).toBe(0);
    } finally {
      await cluster.stop();
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
