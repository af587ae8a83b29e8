import { describe, expect, it } from "vitest";
import type { FaultId } from "../faults.ts";
import { World } from "../world.ts";
import { type Case, formatCase, parseCase, worldOf } from "./case.ts";
import { calm, featuresOf } from "./features.ts";
import { shrink } from "./shrink.ts";
import type { Trial } from "./trial.ts";

const HAPPENED: readonly FaultId[] = [
  "crash 1",
  "crash 2",
  "pause 1",
  "partition 1",
  "partition 2",
  "stop 1",
];
const BROKEN = { invariant: "I0 of the test", message: "I0 of the test: it broke", atMs: 100 };
const OTHER = { invariant: "I1 another", message: "I1 another: it broke", atMs: 50 };

/** A world that breaks if both of these happen; and in another way, if only the first does. */
function run({ faults = HAPPENED, profile }: Case): Trial {
  const happened = HAPPENED.filter((id) => faults.includes(id));
  const first = happened.includes("crash 2");
  const second = happened.includes("partition 1") && (profile?.nodes ?? 3) >= 3;
  const broken = first && second ? BROKEN : first ? OTHER : undefined;
  const listed = happened.map((id) => ({ id, atMs: 1, what: "something" }));
  return { broken, faults: listed, result: undefined };
}

describe("making a case smaller", () => {
  it("leaves the faults that are needed, and nothing that is not", () => {
    const told: string[] = [];
    const shrunk = shrink({ seed: 5 }, BROKEN, { run, mayGoOn: () => true, told: (text) => told.push(text) });
    expect(shrunk?.case.faults).toEqual(["crash 2", "partition 1"]);
    expect(shrunk?.minimal).toBe(true);
    expect(shrunk?.broken).toBe(BROKEN);
    expect(told.at(-1)).toBeDefined();
    const { profile } = shrunk?.case ?? {};
    expect(profile === undefined ? [] : featuresOf(profile)).toEqual([]);
    expect(profile).toMatchObject({ nodes: 3, clients: 1, keys: 1 });
  });

  it("gives what it has when the time is over", () => {
    const shrunk = shrink({ seed: 5 }, BROKEN, { run, mayGoOn: () => false, told: () => undefined });
    expect(shrunk?.case.faults).toEqual(HAPPENED);
    expect(shrunk?.minimal).toBe(false);
  });

  it("refuses a case that does not break the same again", () => {
    const other = { ...BROKEN, invariant: "I2 never seen" };
    expect(shrink({ seed: 5 }, other, { run, mayGoOn: () => true, told: () => undefined })).toBeUndefined();
  });
});

describe("a case", () => {
  it("is read as it was written, without the features that are off", () => {
    const { profile } = new World(4);
    const quiet = { ...calm(profile), crashEveryMs: 70 };
    const text = formatCase({ seed: 4, invariant: "I0", profile: quiet, faults: ["crash 3"] });
    const read = parseCase(text);
    expect(Object.keys(read.profile ?? {})).toContain("crashEveryMs");
    expect(Object.keys(read.profile ?? {})).not.toContain("pauseEveryMs");
    expect(worldOf(read).profile).toEqual(quiet);
  });

  it.each([
    ["[]", "a seed"],
    ["3", "an object"],
    ['{"seed":1.5}', "a seed"],
    ['{"seed":1,"fault":[]}', "has no fault"],
    ['{"seed":1,"profile":{"crashes":3}}', "has no crashes"],
    ['{"seed":1,"faults":["crash"]}', "faults are a list of names"],
  ])("is refused: %s", (text, why) => {
    expect(() => parseCase(text)).toThrow(why);
  });
});
