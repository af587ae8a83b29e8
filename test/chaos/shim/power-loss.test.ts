import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { Random } from "../../../chaos/random.ts";
import { requires } from "../../support/capability.ts";
import { type Desk, forEach, withDesk } from "./kit.ts";
import type { Step } from "./scribe.ts";

beforeEach((context) => requires(context, "patience"));

const FILES = 40;
const NAMES = Array.from({ length: FILES }, (_, at) => `f${at}`);
const folder: Step = { do: "syncFolder", file: "." };
const old = "a".repeat(8_192);
const fresh = "b".repeat(8_192);

/** Writes `old` to each file, durably, and then does `steps`. */
function onDurable(steps: (name: string) => readonly Step[]): readonly Step[] {
  const first = forEach(FILES, (file) => [
    { do: "write", file, at: 0, text: old },
    { do: "fsync", file },
  ]);
  return [...first, folder, ...forEach(FILES, steps)];
}

function contents({ read, disk }: Desk): readonly string[] {
  return readdirSync(disk.root).map(read);
}

describe("power loss", () => {
  it("takes back nothing that was synced, whichever way", async (context) => {
    requires(context, "compiler");
    for (const mode of ["all", "order", "some", "little"] as const) {
      await withDesk((desk) => {
        const steps = onDurable((file) => [
          { do: "write", file, at: 100, text: "c".repeat(1_000) },
          { do: file.endsWith("1") ? "fsync" : "fdatasync", file },
          { do: "writeDurably", file, at: 8_192, text: "d".repeat(700) },
        ]);
        desk.run([...steps, { do: "rename", file: "f0", to: "g0" }, { do: "unlink", file: "f1" }, folder]);
        const lost = desk.disk.losePower(new Random(1), mode);
        expect(lost).toMatchObject({ unsynced: 0, takenBack: 0, namesTakenBack: 0 });
        const wanted = `${"a".repeat(100)}${"c".repeat(1_000)}${"a".repeat(7_092)}${"d".repeat(700)}`;
        expect(contents(desk)).toEqual(Array(FILES - 1).fill(wanted));
        expect(readdirSync(desk.disk.root)).toContain("g0");
      });
    }
  });

  it("takes back all, some or none of the blocks of a write that was not synced, and may tear a sector", async (context) => {
    requires(context, "compiler");
    await withDesk((desk) => {
      desk.run(onDurable((file) => [{ do: "write", file, at: 0, text: fresh }]));
      const lost = desk.disk.losePower(new Random(3), "some");
      const found = contents(desk);
      expect(found.every((text) => text.length === 8_192 && /^[ab]*$/.test(text))).toBe(true);
      expect(found).toContain(fresh);
      expect(found.some((text) => /ab/.test(text))).toBe(true);
      const taken = found.filter((text) => text !== fresh).length;
      expect(lost.takenBack).toBeGreaterThanOrEqual(taken);
      expect(taken).toBeGreaterThan(FILES / 4);
      expect(lost.torn).toBeGreaterThan(0);
      const borders = found.flatMap((text) => [...text.matchAll(/ab|ba/g)].map(({ index }) => index + 1));
      expect(borders.some((at) => at % lost.block !== 0)).toBe(true);
      expect(borders.some((at) => at % lost.block === 0)).toBe(true);
    });
  });

  it("takes back everything after one moment, in order", async (context) => {
    requires(context, "compiler");
    await withDesk((desk) => {
      desk.run(onDurable((file) => [{ do: "write", file, at: 0, text: "b".repeat(512) }]));
      desk.disk.losePower(new Random(5), "order");
      const kept = NAMES.map((name) => desk.read(name).slice(0, 512) === "b".repeat(512));
      const end = kept.lastIndexOf(true);
      expect(kept.slice(0, end + 1)).not.toContain(false);
      expect(end).toBeLessThan(FILES - 1);
    });
  });

  it("takes back lengths, and what was cut off comes back with them", async (context) => {
    requires(context, "compiler");
    await withDesk((desk) => {
      desk.run(
        onDurable((file) => [
          file.endsWith("1")
            ? { do: "truncate", file, length: 10 }
            : { do: "write", file, at: 9_000, text: "b" },
        ]),
      );
      desk.disk.losePower(new Random(1), "all");
      expect(contents(desk)).toEqual(Array(FILES).fill(old));
    });
  });

  it("takes back names, unless their folder was synced", async (context) => {
    requires(context, "compiler");
    await withDesk((desk) => {
      desk.run(
        onDurable((file) => [
          { do: "write", file: `new-${file}`, at: 0, text: "n" },
          { do: "fsync", file: `new-${file}` },
          { do: "write", file: `${file}.tmp`, at: 0, text: "t" },
          { do: "fsync", file: `${file}.tmp` },
          { do: "rename", file: `${file}.tmp`, to: file },
        ]),
      );
      const lost = desk.disk.losePower(new Random(4), "all");
      expect(lost.namesTakenBack).toBe(2 * FILES);
      expect(readdirSync(desk.disk.root).sort()).toEqual([...NAMES].sort());
      expect(contents(desk)).toEqual(Array(FILES).fill(old));
    });
  });

  it("leaves of a rename either the old or the new file under its name, never none", async (context) => {
    requires(context, "compiler");
    const seen = new Set<string>();
    for (const seed of [1, 2, 3, 4]) {
      await withDesk((desk) => {
        desk.run(
          onDurable((file) => [
            { do: "write", file: `${file}.tmp`, at: 0, text: "t" },
            { do: "fsync", file: `${file}.tmp` },
            { do: "rename", file: `${file}.tmp`, to: file },
          ]),
        );
        desk.disk.losePower(new Random(seed), "some");
        for (const name of NAMES) seen.add(desk.read(name));
      });
    }
    expect([...seen].sort()).toEqual([old, "t"].sort());
  });

  it("gives back a file that was removed, and takes away a folder", async (context) => {
    requires(context, "compiler");
    await withDesk((desk) => {
      const inside: Step = { do: "write", file: "folder/inside", at: 0, text: "i" };
      desk.run([...onDurable((file) => [{ do: "unlink", file }]), { do: "mkdir", file: "folder" }, inside]);
      desk.disk.losePower(new Random(1), "all");
      expect(contents(desk)).toEqual(Array(FILES).fill(old));
      expect(existsSync(join(desk.disk.root, "folder"))).toBe(false);
    });
  });

  it("goes back over several processes, and counts as durable what a power loss has left", async (context) => {
    requires(context, "compiler");
    await withDesk((desk) => {
      desk.run(onDurable(() => []));
      for (const text of ["b", "c"]) desk.run(forEach(FILES, (file) => [{ do: "write", file, at: 0, text }]));
      desk.disk.losePower(new Random(1), "some");
      const left = contents(desk).map((text) => text[0]);
      expect([...new Set(left)].sort()).toEqual(["a", "b", "c"]);
      desk.run(forEach(FILES, (file) => [{ do: "write", file, at: 0, text: "d" }]));
      desk.disk.losePower(new Random(1), "all");
      expect(contents(desk).map((text) => text[0])).toEqual(left);
    });
  });
});
