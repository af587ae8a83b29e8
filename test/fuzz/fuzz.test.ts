import { describe, expect, it } from "vitest";
import { portion } from "../support/capability.ts";
import { cases } from "./corpus.ts";
import { feedAlone, fuzz } from "./fuzz.ts";
import { TARGETS, targetOf } from "./targets/index.ts";

/** The same at every run; `npm run fuzz` draws another each time. */
const SEED = 20_261_121;

/** On a busy machine what takes a second may take half a minute, and that is no failure here. */
const PATIENT = { timeout: 120_000 };

describe("a sample of hostile input", PATIENT, () => {
  it.each(TARGETS.map((target) => [target.name, target] as const))(
    "breaks no promise of %s",
    async (_, target) => {
      const inputs = portion(target.sample);
      const outcome = await fuzz(target, { seed: SEED, from: 0, inputs });
      expect(outcome).toMatchObject({ kind: "passed", tally: { inputs } });
    },
  );
});

describe("an input that once broke a promise", PATIENT, () => {
  it.each(cases().map((kept) => [kept.file.slice(import.meta.dirname.length), kept] as const))(
    "breaks none any more: %s",
    async (_, { target, input }) => {
      const known = targetOf(target);
      if (known === undefined) throw new Error(`there is no target ${target}`);
      expect(await feedAlone(known, input)).toBeUndefined();
    },
  );
});

describe("an input that once broke a promise and is too long to keep", () => {
  /** A manifest with a field that no version knows, nested so deeply that JSON can be read and not written. */
  const manifest = `{"format":1,"origin":"taken","sha256":"${"0".repeat(64)}","later":${"[".repeat(9_000)}${"]".repeat(9_000)}}`;

  const payload = (depth: number): Buffer =>
    Buffer.concat([Buffer.from([0]), Buffer.alloc(depth, 0x91), Buffer.from([0xc0])]);

  it.each<readonly [string, Buffer]>([
    // Deep enough for whoever puts the list into words, and not too deep for the decoder itself.
    ["payloads", payload(2_300)],
    ["payloads", payload(3_300)],
    ["payloads", payload(4_500)],
    ["snapshot-manifest", Buffer.concat([Buffer.from([1]), Buffer.from(manifest)])],
  ])("breaks none any more: %s", async (name, input) => {
    const target = targetOf(name);
    if (target === undefined) throw new Error(`there is no target ${name}`);
    expect(await feedAlone(target, input)).toBeUndefined();
  });
});

describe("the targets", () => {
  it("take more than a million inputs in all, and have names of their own", () => {
    const all = TARGETS.reduce((sum, { inputs }) => sum + inputs, 0);
    expect(all).toBeGreaterThanOrEqual(1_000_000);
    expect(new Set(TARGETS.map(({ name }) => name)).size).toBe(TARGETS.length);
  });
});
