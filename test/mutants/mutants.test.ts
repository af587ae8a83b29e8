import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { EQUIVALENTS, MUTANTS, PATCHES, patchOf } from "./catalogue.ts";
import { isDeclared, testOf } from "./mutant.ts";
import { applyHunks, PatchError, parsePatch } from "./patch.ts";

const ROOT = new URL("../../", import.meta.url);

function textOf(path: string): string {
  return readFileSync(new URL(path, ROOT), "utf8");
}

/** Everything under a folder that is written in TypeScript, as one text. */
function codeUnder(folder: string): string {
  const names = readdirSync(new URL(`${folder}/`, ROOT), { recursive: true, encoding: "utf8" });
  return names
    .filter((name) => name.endsWith(".ts"))
    .map((name) => textOf(`${folder}/${name}`))
    .join("\n");
}

const PLANTED = [...MUTANTS, ...EQUIVALENTS];

describe("the patches of the mutants", () => {
  it.each(PLANTED.map(({ name }) => name))("%s applies exactly, and only to the product", (name) => {
    for (const file of patchOf({ name })) {
      expect(file.path).toMatch(/^src\/(?:raft|counter|node|store|api)\/[\w-]+\.ts$/);
      const text = textOf(file.path);
      expect(applyHunks(file, text)).not.toBe(text);
    }
  });

  it("are those of the catalogue, one each, and no two do the same", () => {
    const names = PLANTED.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    const files = readdirSync(PATCHES).sort();
    expect(files).toEqual(names.map((name) => `${name}.patch`).sort());
    const texts = files.map((file) => readFileSync(new URL(file, PATCHES), "utf8"));
    expect(new Set(texts).size).toBe(files.length);
  });
});

describe("the catalogue of mutants", () => {
  it("is as long as was promised, and gives each mutant a killer", () => {
    expect(MUTANTS.length).toBeGreaterThanOrEqual(45);
    const without = MUTANTS.filter(({ simulator, tests }) => simulator === undefined && tests === undefined);
    expect(without.map(({ name }) => name)).toEqual([]);
  });

  it("declares only tests that exist", () => {
    const missing = MUTANTS.flatMap(({ tests = [] }) => tests).filter((declared) => {
      const { file, title } = testOf(declared);
      return title === "" || !titlesIn(textOf(file)).some((known) => mayBe(known, title));
    });
    expect(missing).toEqual([]);
  });

  it("declares only checkers of the simulator and assertions that exist", () => {
    const checkers = codeUnder("test/sim");
    const assertions = codeUnder("src") + checkers;
    const missing = MUTANTS.flatMap(({ simulator = [] }) => simulator).filter((declared) => {
      if (declared === "hang") return false;
      const rule = /^(?:assert|error): (.*)$/.exec(declared)?.[1];
      return !(rule === undefined ? checkers : assertions).includes(`"${rule ?? declared}`);
    });
    expect(missing).toEqual([]);
  });

  it("proves in words that an equivalent change alters nothing", () => {
    for (const { proof } of EQUIVALENTS) expect(proof.length).toBeGreaterThan(80);
  });
});

/** What stands between the quotes behind `it(`, or behind the table of an `it.each`. */
function titlesIn(text: string): readonly string[] {
  const quoted = "\\(\\s*(?:\"([^\"\\n]*)|'([^'\\n]*)|`([^`\\n]*))";
  return [...text.matchAll(new RegExp(`(?:\\bit|\\))${quoted}`, "g"))].map(
    ([, double, single, template]) => double ?? single ?? template ?? "",
  );
}

/** Whether a title in the code may be what was declared; what stands behind a `%s` is known only when it runs. */
function mayBe(known: string, declared: string): boolean {
  const fixed = /^(.*?)%[a-z]/.exec(known)?.[1];
  return (
    isDeclared(known, declared) || (fixed !== undefined && fixed.length > 6 && declared.startsWith(fixed))
  );
}

describe("a patch", () => {
  const text = "one\ntwo\nthree\nfour\n";
  const patch = "--- a/src/x.ts\n+++ b/src/x.ts\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n";
  const change = (changed: string): string => {
    const [file] = parsePatch(changed);
    if (file === undefined) throw new Error("the patch names a file");
    return applyHunks(file, text);
  };

  it("changes what it says, wherever that stands now", () => {
    expect(change(patch)).toBe("one\n2\nthree\nfour\n");
    expect(change(patch.replace("-1,3 +1,3", "-7,3 +7,3"))).toBe("one\n2\nthree\nfour\n");
  });

  it("is refused where anything around it is different, or where it fits twice", () => {
    expect(() => change(patch.replace(" three", " 3"))).toThrow("no longer applies");
    expect(() => change(patch.replace("-two", "-two "))).toThrow("no longer applies");
    const [file] = parsePatch(patch);
    expect(() => file && applyHunks(file, `${text}${text}`)).toThrow("fits at more than one place");
  });

  it.each([
    ["nothing at all", ""],
    ["no hunk", "--- a/src/x.ts\n+++ b/src/x.ts\n"],
    ["other lines than it counts", patch.replace("-1,3", "-1,4")],
    ["a line of no kind", patch.replace(" one", "~one")],
    ["a new file", patch.replace("a/src/x.ts", "/dev/null")],
    ["a file under another name", patch.replace("b/src/x.ts", "b/src/y.ts")],
  ])("is refused with %s", (_what, broken) => {
    expect(() => parsePatch(broken)).toThrow(PatchError);
  });
});
