/**
 * The repository's own rules, as data: test/tidy/ holds them, each with offenders.
 *
 * For each rule it is shown that every offender is caught, that what only resembles one passes, and that the
 * repository keeps the rule. The compiler's and the linter's rules are shown to bite in test/tidy/toolchain.test.ts.
 */

import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { links, paths, titles } from "./tidy/documents.ts";
import { COMPUTED_IMPORTS, imports, packages, projects } from "./tidy/layers.ts";
import { machinePaths, registries } from "./tidy/places.ts";
import { determinism, NODE_OUTSIDE, reducer } from "./tidy/purity.ts";
import { format, type Rule } from "./tidy/rule.ts";
import {
  BRAND_MINTS,
  brands,
  defaults,
  doors,
  LONG_FILES,
  leftovers,
  manuals,
  silencers,
  size,
  types,
} from "./tidy/shape.ts";
import { hooks, REAL_TIME, skips, sleeps } from "./tidy/testing.ts";
import { exists, readTree, treeOf } from "./tidy/tree.ts";

const RULES: readonly Rule[] = [
  imports,
  packages,
  projects,
  determinism,
  reducer,
  size,
  brands,
  doors,
  manuals,
  defaults,
  types,
  silencers,
  leftovers,
  skips,
  sleeps,
  hooks,
  titles,
  links,
  paths,
  machinePaths,
  registries,
];

const tree = readTree(join(import.meta.dirname, ".."));

describe.each(RULES.map((rule) => ({ title: rule.holds, rule })))("$title", ({ rule }) => {
  it.each(Object.entries(rule.offenders))("catches %s", (_, files) => {
    const [blamed] = Object.keys(files);
    expect(rule.check(treeOf(files)).map(({ path }) => path)).toContain(blamed);
  });

  it("lets pass what only resembles an offender", () => {
    expect(rule.check(treeOf(rule.clean)).map(format)).toEqual([]);
  });

  it("is kept by the repository", () => {
    expect(rule.check(tree).map(format)).toEqual([]);
  });
});

describe("tidy", () => {
  it("reads the whole repository", () => {
    for (const path of ["package.json", "src/raft/types.ts", "test/tidy.test.ts", ".ci/run", ".gitignore"]) {
      expect(exists(tree, path), path).toBe(true);
    }
    expect(tree.files.some(({ path }) => /node_modules|\.git\//.test(path))).toBe(false);
  });

  it("excuses no file that is not there, and none without a reason", () => {
    const exceptions = [...NODE_OUTSIDE, ...BRAND_MINTS, ...LONG_FILES, ...COMPUTED_IMPORTS];
    expect(exceptions.filter(({ path }) => !exists(tree, path)).map(({ path }) => path)).toEqual([]);
    for (const { reason } of [...exceptions, ...REAL_TIME]) expect(reason.length).toBeGreaterThan(10);
  });
});
