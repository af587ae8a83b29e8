import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Prng } from "../../src/base/index.ts";
import { requires } from "../support/capability.ts";
import { cases, decodeHex, keep } from "./corpus.ts";
import { feedAlone, fuzz } from "./fuzz.ts";
import { emptiness } from "./report.ts";
import { kindOf, shrink } from "./shrink.ts";
import { accepted, demand, refused, type Subject, seedOf, type Target } from "./target.ts";
import { TARGETS } from "./targets/index.ts";
import { watch } from "./watch.ts";

/** A target whose inputs are 40 random bytes. */
function toy(feed: Subject["feed"], rest: Partial<Subject & Pick<Target, "name">> = {}): Target {
  const { name = "toy", ...subject } = rest;
  const draw = (prng: Prng): Buffer => Buffer.from(Array.from({ length: 40 }, () => prng.next() & 0xff));
  return {
    name,
    about: "a toy",
    inputs: 1_000,
    sample: 100,
    msMax: 60,
    open: async () => ({ draw, feed, close: async () => undefined, ...subject }),
  };
}

async function failureOf(target: Target, inputs = 3_000): Promise<string> {
  const outcome = await fuzz(target, { seed: 1, from: 0, inputs });
  return outcome.kind === "passed" ? "passed" : outcome.failure.what;
}

/** On a busy machine what takes a second may take half a minute, and that is no failure here. */
const PATIENT = { timeout: 120_000 };

describe("the fuzzer", PATIENT, () => {
  it("passes code that keeps its promises, and counts what it accepts", async () => {
    const target = toy((input) => ((input[0] ?? 0) < 128 ? accepted("small") : refused('"x" is 300')));
    const { kind, tally } = await fuzz(target, { seed: 1, from: 0, inputs: 1_000 });
    expect(kind).toBe("passed");
    expect(tally.inputs).toBe(1_000);
    expect(tally.accepted).toBeGreaterThan(400);
    expect([...tally.reasons.keys()].sort()).toEqual(["+ small", "- * is *"]);
  });

  it("sees an exception that is no refusal", async () => {
    const target = toy((input) => {
      if (input[7] === 0x42) throw new TypeError("cannot read properties of null");
      return refused("no");
    });
    expect(await failureOf(target)).toMatch(/^crash: TypeError: cannot read/);
  });

  it("sees an exception that comes later", async () => {
    const target = toy(async () => {
      await Promise.resolve();
      throw new RangeError("too deep");
    });
    expect(await failureOf(target)).toMatch(/^crash: RangeError/);
  });

  it("sees a promise that the target itself finds broken", async () => {
    let state = 0;
    const target = toy((input) => {
      if (input[0] === 3) state += 1;
      demand(state === 0, "state: a refused input changed something");
      return refused("no");
    });
    expect(await failureOf(target)).toBe("state: a refused input changed something");
  });

  it("sees an input that takes too long, but not one that had to wait once", async () => {
    const spin = (ms: number): void => {
      const began = process.cpuUsage();
      for (let user = 0; user < ms * 1_000; user = process.cpuUsage(began).user);
    };
    let waited = false;
    const stalled = toy(() => {
      if (!waited) spin(30);
      waited = true;
      return refused("no");
    });
    expect(await failureOf({ ...stalled, msMax: 20 }, 20)).toBe("passed");
    const slow = toy((input) => {
      if (input[0] === 9) spin(30);
      return refused("no");
    });
    expect(await failureOf({ ...slow, msMax: 20 })).toMatch(/^hang: an input took/);
  });

  it("sees an answer that never comes", async (context) => {
    requires(context, "patience");
    expect(await failureOf(toy(() => new Promise(() => undefined)))).toMatch(/^hang: there was no answer/);
  });

  it("sees memory that is kept, and an input that takes too much of it", async () => {
    const kept: Buffer[] = [];
    const leak = toy(() => {
      kept.push(Buffer.alloc(1_048_576, 1));
      return refused("no");
    });
    expect(await failureOf(leak, 120)).toMatch(/^memory: it grew by/);
    kept.length = 0;
    const bomb = toy((input) => {
      if (input[0] === 1) Buffer.alloc(300_000_000, 1);
      return refused("no");
    });
    expect(await failureOf({ ...bomb, msMax: 30_000 })).toMatch(/^memory: one input took/);
  });

  it("sees a prototype that an input has changed", async () => {
    const target = toy((input) => {
      if (input[0] === 7) Object.assign(Object.prototype, { polluted: 1 });
      return refused("no");
    });
    try {
      expect(await failureOf(target)).toMatch(/^pollution: /);
    } finally {
      Reflect.deleteProperty(Object.prototype, "polluted");
    }
  });

  it("says that a run proves nothing in which all was refused, or nothing", async () => {
    for (const verdict of [refused("no"), accepted("yes")]) {
      const target = toy(() => verdict);
      const { tally } = await fuzz(target, { seed: 1, from: 0, inputs: 200 });
      expect(emptiness({ target, tally })).toMatch(/^toy: /);
    }
  });
});

describe("an input", PATIENT, () => {
  it("is the same for the same seed and number, alone or after others", async () => {
    for (const target of TARGETS.filter(({ name }) => name !== "running-node")) {
      const [one, other] = [await target.open(5), await target.open(5)];
      const draw = (subject: Subject, ordinal: number): string =>
        subject.draw(new Prng(seedOf(5, target.name, ordinal))).toString("hex");
      for (let ordinal = 0; ordinal < 20; ordinal++) draw(one, ordinal);
      expect([draw(one, 20), target.name]).toEqual([draw(other, 20), target.name]);
      expect(draw(one, 21)).not.toBe(draw(one, 22));
      await one.close();
      await other.close();
    }
  });

  it("is made as small as it can be", async () => {
    const target = toy((input) => {
      if (input.includes(0x42) && input.at(-1) !== 0x42) throw new TypeError("at 42");
      return refused("no");
    });
    const outcome = await fuzz(target, { seed: 1, from: 0, inputs: 3_000 });
    if (outcome.kind === "passed" || outcome.failure.input === undefined) throw new Error("it must fail");
    const kind = kindOf(outcome.failure.what);
    const fails = async (input: Buffer): Promise<boolean> =>
      kindOf((await feedAlone(target, input)) ?? "") === kind;
    const small = await shrink(outcome.failure.input, fails, { triesMax: 2_000, msMax: 10_000 });
    expect(small).toEqual(Buffer.from([0x42, 0]));
  });

  it("is kept as a case that says what it was", () => {
    const folder = mkdtempSync(join(tmpdir(), "raftally-corpus-"));
    try {
      const input = Buffer.from(Array.from({ length: 200 }, (_, at) => at));
      const file = keep("peer-packets", input, ["crash: here\nand there", "seed 1"], folder);
      expect(readFileSync(file, "utf8")).toMatch(/^# crash: here and there\n# seed 1\n000102/);
      expect(cases(folder)).toEqual([{ target: "peer-packets", file, input }]);
      expect(() => decodeHex("# ok\n0g")).toThrow("hex");
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe("who watches a target", PATIENT, () => {
  it.each([
    ["die", /^crash: the process ended with SIGKILL/],
    ["hang", /^hang: it never came to an end/],
  ])("knows the input at which it came to %s", async (name, what) => {
    const silenceMs = name === "hang" ? 5_000 : 60_000;
    const job = { seed: 3, from: 10, inputs: 100, onProgress: () => undefined, silenceMs };
    const target = toy(() => refused("no"), { name });
    const child = join(import.meta.dirname, "broken-child.ts");
    const { outcome } = await watch(target, { ...job, child });
    if (outcome.kind === "passed") throw new Error("it must fail");
    expect(outcome.failure.what).toMatch(what);
    expect(outcome.failure.ordinal).toBe(13);
    const subject = await target.open(3);
    expect(outcome.failure.input).toEqual(subject.draw(new Prng(seedOf(3, name, 13))));
  });

  it("hears from it how a real target fared", async (context) => {
    requires(context, "patience");
    const target = TARGETS.find(({ name }) => name === "peer-packets");
    if (target === undefined) throw new Error("it is there");
    const { outcome } = await watch(target, { seed: 1, from: 0, inputs: 400, onProgress: () => undefined });
    expect(outcome).toMatchObject({ kind: "passed", tally: { inputs: 400 } });
  });
});
