import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parsePatch } from "../mutants/patch.ts";
import { Workspace } from "../mutants/workspace.ts";
import { type Capability, requires } from "../support/capability.ts";
import type { Judgement } from "./short-play.ts";

const ROOT = join(import.meta.dirname, "..", "..");

/** Plays on a copy of the repository with these bugs in it. */
async function playOn(patches: readonly string[], play: string): Promise<Judgement> {
  const workspace = new Workspace(ROOT, join(ROOT, "node_modules"));
  try {
    for (const patch of patches) workspace.apply(parsePatch(readFileSync(join(ROOT, "test", patch), "utf8")));
    const child = spawn(process.execPath, ["test/chaos/short-play.ts", play], {
      cwd: workspace.path,
      stdio: ["ignore", "pipe", "inherit"],
    });
    let printed = "";
    for await (const chunk of child.stdout.setEncoding("utf8")) printed += String(chunk);
    return JSON.parse(printed) as Judgement;
  } finally {
    workspace.remove();
  }
}

interface BrokenProduct {
  readonly without: string;
  readonly patches: readonly string[];
  readonly play: string;
  /** What must be said of it. */
  readonly wrong: RegExp;
  readonly needs: readonly Capability[];
}

const PRODUCTS: readonly BrokenProduct[] = [
  {
    without: "ReadIndex: every node reads what it has",
    patches: ["chaos/products/reads-are-local.patch"],
    play: "naps",
    wrong: /^stale read|^counting: |^witness: /,
    needs: ["patience"],
  },
  {
    without: "deduplication",
    patches: ["mutants/patches/no-deduplication.patch"],
    play: "calm",
    wrong: /and the same again \d+ as new/,
    needs: ["patience"],
  },
  {
    without: "waiting for a majority before the acknowledgement",
    patches: [
      "mutants/patches/applied-before-committed.patch",
      "mutants/patches/outcome-when-durable-here.patch",
    ],
    play: "lonely-death",
    wrong: /but \d+ were acknowledged/,
    needs: ["patience"],
  },
  {
    // What it has acknowledged is gone, and it notices: its log ends before what its other files know of.
    without: "fsync",
    patches: ["mutants/patches/log-without-fsync.patch"],
    play: "power-loss",
    wrong: /ended while starting|were acknowledged/,
    needs: ["patience", "compiler"],
  },
];

describe("chaos", { timeout: 180_000 }, () => {
  for (const { without, patches, play, wrong, needs } of PRODUCTS) {
    it(`goes red on a product without ${without}`, async (context) => {
      requires(context, ...needs);
      const judgement = await playOn(patches, play);
      expect(judgement.wrong.filter((line) => wrong.test(line))).not.toEqual([]);
    });
  }

  for (const play of new Set(PRODUCTS.map((product) => product.play))) {
    it(`stays green on the product as it is, in the same play (${play})`, async (context) => {
      requires(context, "patience", ...(play === "power-loss" ? (["compiler"] as const) : []));
      const judgement = await playOn([], play);
      expect(judgement).toMatchObject({ ended: true, wrong: [] });
      expect(judgement.acknowledged).toBeGreaterThan(500);
      if (play !== "calm") expect(judgement.faults).toBeGreaterThan(0);
    });
  }
});
