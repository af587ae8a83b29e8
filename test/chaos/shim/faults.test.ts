import { beforeEach, describe, expect, it } from "vitest";
import { Random } from "../../../chaos/random.ts";
import { requires } from "../../support/capability.ts";
import { withDesk } from "./kit.ts";
import type { Step } from "./scribe.ts";

beforeEach((context) => requires(context, "patience"));

const write = (text: string, at = 0): Step => ({ do: "write", file: "f", at, text });
const durably = (text: string, at = 0): Step => ({ do: "writeDurably", file: "f", at, text });
const sync: Step = { do: "fsync", file: "f" };
const folder: Step = { do: "syncFolder", file: "." };

describe("what the shim can do to a running process", () => {
  it("fails the nth sync with EIO, and nothing that it was to make durable becomes so by another", async (context) => {
    requires(context, "compiler");
    await withDesk(({ disk, run, read }) => {
      run([write("a"), sync, folder]);
      disk.control.failSync(2, "/f");
      expect(run([sync, write("b"), sync, sync, sync])).toEqual(["ok", "1", "EIO", "ok", "ok"]);
      expect(disk.control.counts().syncsFailed).toBe(1);
      expect(read("f")).toBe("b");
      disk.losePower(new Random(1), "all");
      expect(read("f")).toBe("a");
    });
  });

  it("makes what was written anew after a failed sync durable", async (context) => {
    requires(context, "compiler");
    await withDesk(({ disk, run, read }) => {
      run([write("a"), sync, folder]);
      disk.control.failSync(1);
      expect(run([durably("b"), durably("c")])).toEqual(["EIO", "1"]);
      disk.losePower(new Random(1), "all");
      expect(read("f")).toBe("c");
    });
  });

  it("fills the disk: what fits is written, then nothing, and what is there can be overwritten", async (context) => {
    requires(context, "compiler");
    await withDesk(({ disk, run, read }) => {
      run([write("a"), sync]);
      disk.control.limitRoom(3);
      expect(run([write("bcdef", 1), write("g", 4), write("x"), durably("g", 4)])).toEqual([
        "3",
        "ENOSPC",
        "1",
        "ENOSPC",
      ]);
      expect(read("f")).toBe("xbcd");
      disk.control.limitRoom(undefined);
      expect(run([write("efg", 4)])).toEqual(["3"]);
      // libuv asks at once for the rest of a short write.
      expect(disk.control.counts().writesRefused).toBe(4);
    });
  });

  it("lies about syncs, so that power loss takes what was said to be durable", async (context) => {
    requires(context, "compiler");
    await withDesk(({ disk, run, read }) => {
      run([write("a"), sync, folder]);
      disk.control.skipSyncs(true);
      expect(run([durably("b"), write("c"), sync])).toEqual(["1", "1", "ok"]);
      expect(disk.control.counts().syncsSkipped).toBe(2);
      disk.losePower(new Random(1), "all");
      expect(read("f")).toBe("a");
    });
  });

  it("makes the syncs of some files slow", async (context) => {
    requires(context, "compiler");
    await withDesk(({ disk, run }) => {
      const timed = (): number => {
        const began = performance.now();
        run([write("a"), sync, sync]);
        return performance.now() - began;
      };
      disk.control.delaySyncs(15_000, "another");
      expect(timed()).toBeLessThan(15_000);
      disk.control.delaySyncs(600, "/f");
      expect(timed()).toBeGreaterThan(1_200);
    });
  });

  it("kills at an exact point: before and after a write, a sync and a change of names", async (context) => {
    requires(context, "compiler");
    const steps = [durably("b"), { do: "rename", file: "f", to: "g" }, durably("c")] as const;
    const cases = [
      { point: "beforeWrite", said: [], lost: undefined },
      { point: "afterWrite", said: [], lost: 1 },
      { point: "afterSync", said: [], lost: 0 },
      { point: "beforeName", said: ["1"], lost: 0 },
      { point: "afterName", said: ["1"], lost: 0 },
    ] as const;
    for (const { point, said, lost } of cases) {
      await withDesk(({ disk, run, read }) => {
        run([write("a"), sync, folder]);
        const pattern = point.endsWith("Name") ? "/g" : "/f";
        disk.control.killAt(point, { pattern });
        expect(run(steps)).toEqual(said);
        expect(disk.control.killIsArmed).toBe(false);
        if (point === "beforeWrite") expect(read("f")).toBe("a");
        if (point === "afterWrite") expect(read("f")).toBe("b");
        if (lost !== undefined) expect(disk.losePower(new Random(1), "all").takenBack).toBe(lost);
        expect(read("f")).toBe(point === "afterSync" || point.endsWith("Name") ? "b" : "a");
      });
    }
  });

  it("counts what it cannot take back, so that nobody relies on it", async (context) => {
    requires(context, "compiler");
    await withDesk(({ disk, run }) => {
      run([write("a"), { do: "link", file: "f", to: "g" }]);
      expect(disk.control.counts().notModelled).toBeGreaterThan(0);
    });
  });
});
