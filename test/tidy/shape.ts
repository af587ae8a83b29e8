/** The shape of code: size, doors, names given out, and what may not be switched off. */

import { ban, type Exception, type Rule, violation, withoutImports } from "./rule.ts";
import { isScript, type SourceFile } from "./source.ts";
import type { Tree } from "./tree.ts";

const LINES_MAX = 400;

/** Files that are longer. The list starts empty; whoever adds to it says why the file cannot be split. */
export const LONG_FILES: readonly Exception[] = [];

function linesOf(text: string): number {
  return text === "" ? 0 : text.replace(/\n$/, "").split("\n").length;
}

export const size: Rule = {
  holds: `a file of code has at most ${LINES_MAX} lines`,
  check: (tree) =>
    tree.files
      .filter(({ path, text }) => isScript(path) && linesOf(text) > LINES_MAX)
      .filter(({ path }) => !LONG_FILES.some((exception) => exception.path === path))
      .map((file) => violation(file, 0, `has ${linesOf(file.text)} lines`)),
  offenders: {
    "401 lines of source": { "src/raft/raft.ts": "let a;\n".repeat(LINES_MAX + 1) },
    "401 lines of test": { "test/raft/raft.test.ts": "let a;\n".repeat(LINES_MAX + 1) },
  },
  clean: { "src/raft/raft.ts": "let a;\n".repeat(LINES_MAX), "docs/long.md": "text\n".repeat(1_000) },
};

/** Where a number or a string becomes a Term, an Index or a NodeId. Decoders belong here, and nothing else. */
export const BRAND_MINTS: readonly Exception[] = [
  { path: "src/raft/types.ts", reason: "holds the constructors, which check" },
];

export const brands: Rule = ban({
  holds: "Term, Index and NodeId are made by their constructors, not asserted",
  where: (path) => path.endsWith(".ts") && !BRAND_MINTS.some((exception) => exception.path === path),
  within: "statements",
  patterns: [
    /\bas\s+(?:readonly\s+)?(?:\w+\.)?(?:\w+<[^>;()]*)?\b(?:Index|Term|NodeId)\b/g,
    /(?<![\w$])<(?:Index|Term|NodeId)>\s*[\w(]/g,
  ],
  offenders: {
    "an index": { "src/raft/log.ts": "const at = (n + 1) as Index;" },
    "a term": { "src/store/record.ts": "const t = n as Term;" },
    "a node id in a test": { "test/raft/log.test.ts": 'const a = "a" as NodeId;' },
    "a list of them": { "src/raft/log.ts": "const all = list as readonly Index[];" },
    "a map of them": { "src/raft/log.ts": "const all = map as Map<NodeId, number>;" },
    "the other notation": { "src/raft/log.ts": "const at = <Index>n;" },
    "a type through a door": { "src/raft/log.ts": "const at = n as raft.Index;" },
  },
  clean: {
    "src/raft/types.ts": "export function index(n: number): Index { return n as Index; }",
    "src/raft/log.ts":
      "import { type Index, index } from './types.ts';\nconst at: Index = index(n); new Map<NodeId, Term>();",
    "src/raft/names.ts": "import { type Position as Index } from './x.ts';\nconst a = b as IndexedThing;",
  },
});

function isDoor(path: string): boolean {
  return /^(?:src\/[^/]+|chaos(?:\/faulty)?)\/index\.ts$/.test(path);
}

/** What a door holds besides passing on names. */
function besidesReexports(file: SourceFile): string {
  const reexports = file.imports.filter(({ reexport }) => reexport);
  return withoutImports({ ...file, imports: reexports }).replace(/[;\s]/g, "");
}

function checkReexports(tree: Tree): ReturnType<Rule["check"]> {
  return tree.files.flatMap((file) => {
    const passed = file.imports.filter(({ reexport }) => reexport);
    const everything = passed
      .filter(({ names }) => names === undefined)
      .map(({ start }) => violation(file, start, "passes on everything instead of naming what"));
    if (!isDoor(file.path)) {
      return [
        ...everything,
        ...passed.map(({ start }) => violation(file, start, "passes on names; only doors do")),
      ];
    }
    return besidesReexports(file) === ""
      ? everything
      : [...everything, violation(file, 0, "is a door and holds code")];
  });
}

const DOOR = "/** What the folder is. */\n";

export const doors: Rule = {
  holds: "only a folder's door passes names on, one by one, and it does nothing else",
  check: checkReexports,
  offenders: {
    "a door giving out everything": { "src/raft/index.ts": `${DOOR}export * from "./raft.ts";` },
    "a door giving out all types": { "src/raft/index.ts": `${DOOR}export type * from "./types.ts";` },
    "a door under one name": { "src/raft/index.ts": `${DOOR}export * as raft from "./raft.ts";` },
    "a second door": { "src/raft/all.ts": 'export { Raft } from "./raft.ts";' },
    "a door with code": { "src/raft/index.ts": `${DOOR}export const a = 1;` },
    "an empty door": { "src/raft/index.ts": `${DOOR}export {};` },
  },
  clean: {
    "src/raft/index.ts": `${DOOR}export { Raft } from "./raft.ts";\nexport {\n  type A,\n  b,\n} from "./b.ts";\n`,
    "src/raft/raft.ts": 'import * as log from "./log.ts";\nexport class Raft {}',
  },
};

function checkManuals(tree: Tree): ReturnType<Rule["check"]> {
  const inside = tree.files.filter(({ path }) => /^src\/[^/]+\/.+\.ts$/.test(path));
  const folders = [...new Set(inside.map(({ path }) => path.split("/").slice(0, 2).join("/")))];
  return folders.flatMap((folder) => {
    const members = inside.filter(({ path }) => path.startsWith(`${folder}/`));
    const door = members.find(({ path }) => path === `${folder}/index.ts`);
    if (door === undefined)
      return members.slice(0, 1).map((file) => violation(file, 0, `${folder} has no index.ts`));
    return /^\/\*\*\s*(?:\*\s*)?[A-Z]/.test(door.text)
      ? []
      : [violation(door, 0, "does not open with its manual")];
  });
}

export const manuals: Rule = {
  holds: "every folder of src has a door, which opens with a comment that is its manual",
  check: checkManuals,
  offenders: {
    "no door": { "src/raft/raft.ts": "export class Raft {}" },
    "no manual": { "src/raft/index.ts": 'export { Raft } from "./raft.ts";' },
    "an empty manual": { "src/raft/index.ts": '/** */\nexport { Raft } from "./raft.ts";' },
  },
  clean: {
    "src/raft/index.ts": '/**\n * The algorithm.\n */\nexport { Raft } from "./raft.ts";',
    "src/raft/raft.ts": "export class Raft {}",
    "src/main.ts": "run();",
  },
};

/** Files that must export a default, because a tool asks for it. */
const DEFAULT_EXPORTS: readonly Exception[] = [
  { path: "vitest.config.ts", reason: "vitest reads the default export" },
  { path: "vite.config.ts", reason: "vite reads the default export" },
  { path: "test/mutants/stryker.vitest.config.ts", reason: "vitest reads the default export" },
];

export const defaults: Rule = ban({
  holds: "every export has a name",
  where: (path) => isScript(path) && !DEFAULT_EXPORTS.some((exception) => exception.path === path),
  within: "code",
  patterns: [/(?<![.\w$])export\s+default\b/g, /(?<![.\w$])export\s*\{[^}]*\bas\s+default\b/g],
  offenders: {
    "a default": { "src/raft/raft.ts": "export default class Raft {}" },
    "a default by renaming": { "src/raft/raft.ts": "export { Raft as default };" },
  },
  clean: {
    "src/raft/raft.ts": "export class Raft {}\n// export default\nswitch (x) { default: y(); }",
    "vitest.config.ts": "export default {};",
  },
});

export const types: Rule = ban({
  holds: "no enum and no any",
  where: isScript,
  within: "code",
  patterns: [/(?<![.\w$])enum\s+\w+\s*\{/g, /(?<![.#\w$])any\b(?!\s*\??\s*[:(])/g],
  offenders: {
    "an enum": { "src/raft/raft.ts": "export enum Role { leader }" },
    "a const enum": { "src/raft/raft.ts": "const enum Role { leader }" },
    "a parameter that may be anything": { "src/raft/raft.ts": "function f(x: any): void {}" },
    "an assertion": { "test/a.test.ts": "const a = b as any;" },
    "a list": { "test/a.test.ts": "const a: any[] = [];" },
    "an argument of a type": { "test/a.test.ts": "const a = new Map<string, any>();" },
  },
  clean: {
    "test/a.test.ts":
      'expect(a).toEqual(expect.any(Number)); Promise.any(ps);\n// any\nconst s = "any"; const many = 1;',
  },
});

export const silencers: Rule = ban({
  holds: "neither the compiler nor the linter is silenced",
  where: isScript,
  within: "comments",
  patterns: [
    /@ts-(?:ignore|expect-error|nocheck)\b/g,
    /\b(?:biome|eslint|oxlint|prettier)-(?:ignore|disable)\b/g,
  ],
  offenders: {
    "a line kept from the compiler": { "src/raft/raft.ts": "// @ts-ignore\nlet a = b;" },
    "an expected error": { "test/a.test.ts": "// @ts-expect-error it does not compile\nlet a = b;" },
    "a line kept from the linter": { "src/raft/raft.ts": "// biome-ignore lint: because\nlet a;" },
  },
  clean: {
    "test/a.test.ts": 'const offender = "// biome-ignore lint: because";\n// The compiler checks this.',
  },
});

export const leftovers: Rule = ban({
  holds: "nothing is left for later",
  where: isScript,
  within: "comments",
  patterns: [/\b(?:TODO|FIXME|XXX|HACK)\b/g],
  offenders: {
    "a note to oneself": { "src/raft/raft.ts": "// TODO: the other half" },
    "in a block": { "test/a.test.ts": "/*\n * FIXME\n */" },
  },
  clean: {
    "src/raft/raft.ts": 'const a = "TODO"; // todos is a counter that people keep',
    "bin/a.js": "let XXX;",
  },
});
