/** Who may import whom (the table of the architecture, as data), and the rules that hold every import to it. */

import { isBuiltin } from "node:module";
import { posix } from "node:path";
import { type Exception, type Rule, type Violation, violation } from "./rule.ts";
import type { Import, SourceFile } from "./source.ts";
import { type Tree, textAt } from "./tree.ts";

export interface Layer {
  readonly folder: string;
  /** The folders that it may enter, through their doors. */
  readonly imports: readonly string[];
  /** The npm packages that it may use. */
  readonly packages: readonly string[];
  /** Whether it may use Node's own modules. */
  readonly node: boolean;
  /** Of `src/base`, only the error table: for what also runs in a browser or must not know the inside. */
  readonly baseErrorsOnly?: true;
}

const BASE_ERRORS: readonly string[] = ["ERRORS", "ErrorCode", "ErrorInfo", "ErrorOutcome"];

export const LAYERS: readonly Layer[] = [
  { folder: "src/base", imports: [], packages: [], node: false },
  { folder: "src/raft", imports: ["src/base"], packages: [], node: false },
  { folder: "src/counter", imports: ["src/base"], packages: ["msgpackr"], node: false },
  {
    folder: "src/store",
    imports: ["src/base", "src/raft", "src/counter"],
    packages: ["better-sqlite3"],
    node: true,
  },
  {
    folder: "src/transport",
    imports: ["src/base", "src/raft"],
    packages: ["msgpackr", "undici"],
    node: true,
  },
  {
    folder: "src/node",
    imports: ["src/base", "src/raft", "src/counter", "src/store", "src/transport"],
    packages: [],
    node: true,
  },
  {
    folder: "src/api",
    imports: ["src/base", "src/counter", "src/node"],
    packages: ["hono", "@hono/node-server", "undici", "zod", "prom-client", "rate-limiter-flexible"],
    node: true,
  },
  { folder: "src/client", imports: ["src/base"], packages: [], node: false, baseErrorsOnly: true },
  { folder: "src/dashboard", imports: ["src/client"], packages: ["uplot"], node: false },
  {
    folder: "src/cli",
    imports: ["src/base", "src/node", "src/api", "src/client"],
    packages: ["pino"],
    node: true,
  },
  { folder: "src", imports: ["src/cli"], packages: [], node: true },
  { folder: "bin", imports: ["src"], packages: [], node: true },
  {
    folder: "chaos",
    imports: ["src/base", "src/client", "chaos/faulty"],
    packages: ["zod"],
    node: true,
    baseErrorsOnly: true,
  },
  // An entry point like src/main.ts, which puts something around the parts of a node.
  {
    folder: "chaos/faulty",
    imports: ["src/store", "src/transport", "src/node", "src/cli"],
    packages: [],
    node: true,
  },
  {
    folder: "bench",
    imports: ["src/base", "src/client", "chaos"],
    // What is measured beside the product: the same HTTP and the same SQLite alone.
    packages: ["hono", "@hono/node-server", "better-sqlite3"],
    node: true,
    baseErrorsOnly: true,
  },
  {
    folder: "examples",
    imports: ["src/base", "src/client", "chaos"],
    packages: [],
    node: true,
    baseErrorsOnly: true,
  },
];

/** Tests may import anything that is there, from doors or from inside. */
const UNBOUND: readonly string[] = ["test", "vitest.config.ts", "vite.config.ts"];

/** Scripts that import something computed. */
export const COMPUTED_IMPORTS: readonly Exception[] = [
  {
    path: "bin/raftally.js",
    reason: "starts the sources, or the packed JavaScript where Node strips no types",
  },
];

/** The layer that a path belongs to: that of the longest folder. */
function layerOf(path: string): Layer | undefined {
  const holders = LAYERS.filter(({ folder }) => path.startsWith(`${folder}/`));
  return holders.sort((a, b) => b.folder.length - a.folder.length)[0];
}

function isUnbound(path: string): boolean {
  return UNBOUND.some((free) => path === free || path.startsWith(`${free}/`));
}

function isRelative(specifier: string): boolean {
  return specifier.startsWith(".") || specifier.startsWith("/");
}

function packageOf(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

/** The door of a folder; the two that hold single programs are entered by file. */
function isDoor(target: string, layer: Layer): boolean {
  if (layer.folder === "src") return target === "src/main.ts";
  return target === `${layer.folder}/index.ts`;
}

/** What is wrong with one import by a file of `layer`, or undefined. */
function complaint(file: SourceFile, layer: Layer, { specifier, names }: Import): string | undefined {
  if (specifier === undefined) {
    if (COMPUTED_IMPORTS.some(({ path }) => path === file.path)) return undefined;
    return "imports something that cannot be told by reading";
  }
  if (!isRelative(specifier)) return packageComplaint(layer, specifier);
  const target = posix.normalize(posix.join(posix.dirname(file.path), specifier));
  const into = layerOf(target);
  if (into === layer) {
    const within = target === `${layer.folder}/index.ts`;
    return within
      ? "goes through its own folder's door; inside, files import each other directly"
      : undefined;
  }
  if (into === undefined) return `imports ${target}, which is in no folder of the table`;
  if (!layer.imports.includes(into.folder)) return `${layer.folder} may not import ${into.folder}`;
  if (!isDoor(target, into)) return `enters ${into.folder} by ${target}, not by its door`;
  if (layer.baseErrorsOnly && into.folder === "src/base") {
    const others = names?.filter((name) => !BASE_ERRORS.includes(name)) ?? ["everything"];
    if (others.length > 0)
      return `${layer.folder} takes ${others.join(", ")} from src/base, not only its errors`;
  }
  return undefined;
}

function packageComplaint(layer: Layer, specifier: string): string | undefined {
  if (specifier.startsWith("node:")) {
    return layer.node ? undefined : `${layer.folder} may not use Node's modules (${specifier})`;
  }
  const name = packageOf(specifier);
  return layer.packages.includes(name) ? undefined : `${layer.folder} may not use the package ${name}`;
}

function checkImports(tree: Tree): Violation[] {
  return tree.files.flatMap((file) => {
    if (file.imports.length === 0 || isUnbound(file.path)) return [];
    const layer = layerOf(file.path);
    if (layer === undefined) return [violation(file, 0, "imports, but is in no folder of the table")];
    return file.imports.flatMap((one) => {
      const text = complaint(file, layer, one);
      return text === undefined ? [] : [violation(file, one.start, text)];
    });
  });
}

export const imports: Rule = {
  holds: "a folder imports only what the table allows, through the other folder's door",
  check: checkImports,
  offenders: {
    "a skip-level import": { "src/api/app.ts": 'import { openStore } from "../store/index.ts";' },
    "an upward import": { "src/raft/raft.ts": 'import { openStore } from "../store/index.ts";' },
    "an import of types only": { "src/raft/raft.ts": 'import type { Command } from "../counter/index.ts";' },
    "a type named in place": { "src/raft/raft.ts": 'let c: import("../counter/index.ts").Command;' },
    "an import on several lines": { "src/base/a.ts": 'import {\n  a,\n  b,\n} from "../raft/index.ts";' },
    "a dynamic import": { "src/api/app.ts": 'await import("../store/index.ts");' },
    "a computed import": { "src/api/app.ts": "await import(folder);" },
    "a module named by URL": { "src/api/app.ts": 'new URL("../store/worker.ts", import.meta.url);' },
    "a require": { "src/raft/raft.ts": 'const fs = require("fs");' },
    "an import for its effects": { "src/counter/a.ts": 'import "../store/index.ts";' },
    "another folder's inside": { "src/node/driver.ts": 'import { Wal } from "../store/wal.ts";' },
    "its own door": { "src/raft/raft.ts": 'import { index } from "./index.ts";' },
    "a door passing on a stranger": { "src/api/index.ts": 'export { openStore } from "../store/index.ts";' },
    "a module of Node in a pure folder": { "src/raft/raft.ts": 'import { setTimeout } from "node:timers";' },
    "a package that is not for this folder": { "src/api/app.ts": 'import sqlite from "better-sqlite3";' },
    "a module of Node without its prefix": { "src/api/a.ts": 'import fs from "fs";' },
    "a package with a scope": { "src/cli/serve.ts": 'import { serve } from "@hono/node-server";' },
    "chaos knowing the inside": { "chaos/kill.ts": 'import { Raft } from "../src/raft/index.ts";' },
    "the client taking more than errors": { "src/client/a.ts": 'import { Prng } from "../base/index.ts";' },
    "a folder nobody has named": { "scripts/a.ts": 'import fs from "node:fs";' },
  },
  clean: {
    "src/raft/raft.ts": 'import { assert } from "../base/index.ts";\nimport { a } from "./log.ts";',
    "src/raft/words.ts":
      '// import { openStore } from "../store/index.ts";\nconst a = \'import "../store/index.ts"\';',
    "src/store/wal.ts": 'import fs from "node:fs";\nimport type { Entry } from "../raft/index.ts";',
    "src/client/client.ts": 'import { ERRORS, type ErrorCode as Code } from "../base/index.ts";',
    "src/api/app.ts": 'import { Hono } from "hono";\nimport { cors } from "hono/cors";',
    "src/cli/start.ts": 'spawn(fileURLToPath(new URL("../../bin/raftally.js", import.meta.url)));',
    "examples/replay.ts": 'import { spawnCluster } from "../chaos/index.ts";',
    "bin/raftally.js": "import(installed ? one : other);",
    "test/raft/log.test.ts": 'import { Log } from "../../src/raft/log.ts";',
  },
};

function checkPackages(tree: Tree): Violation[] {
  const manifest = textAt(tree, "package.json");
  if (manifest === undefined) return [];
  const { dependencies = {}, devDependencies = {} } = JSON.parse(manifest) as Record<
    string,
    object | undefined
  >;
  return tree.files.flatMap((file) => {
    // What the page needs is bundled into it when it is built.
    const shipped = /^(?:src|bin)\/(?!dashboard\/)/.test(file.path);
    const known = Object.keys(shipped ? dependencies : { ...dependencies, ...devDependencies });
    return file.imports.flatMap(({ specifier, start }) => {
      if (specifier === undefined || isRelative(specifier) || isBuiltin(specifier)) return [];
      const name = packageOf(specifier);
      if (known.includes(name)) return [];
      return [violation(file, start, `imports ${name}, which package.json does not list for it`)];
    });
  });
}

const MANIFEST = JSON.stringify({
  dependencies: { hono: "4" },
  devDependencies: { uplot: "1", vitest: "4" },
});

export const packages: Rule = {
  holds: "every package imported stands in package.json, and what ships needs no development dependency",
  check: checkPackages,
  offenders: {
    "a package of a package": {
      "test/a.test.ts": 'import { parse } from "rolldown";',
      "package.json": MANIFEST,
    },
    "a development dependency": {
      "src/api/a.ts": 'import { it } from "vitest";',
      "package.json": MANIFEST,
    },
  },
  clean: {
    "src/api/a.ts": 'import { Hono } from "hono";\nimport fs from "node:fs";',
    "src/dashboard/a.ts": 'import uPlot from "uplot";',
    "test/a.test.ts": 'import { it } from "vitest";\nimport { Hono } from "hono/tiny";',
    "package.json": MANIFEST,
  },
};

function checkReferences(tree: Tree): Violation[] {
  return LAYERS.flatMap((layer) => {
    const file = tree.files.find(({ path }) => path === `${layer.folder}/tsconfig.json`);
    if (file === undefined) return [];
    const { references = [] } = JSON.parse(file.text) as { references?: readonly { path: string }[] };
    const named = references.map(({ path }) => posix.join(layer.folder, path)).sort();
    const allowed = [...layer.imports].sort();
    if (named.join() === allowed.join()) return [];
    return [violation(file, 0, `references ${named.join(" ")}, but the table says ${allowed.join(" ")}`)];
  });
}

function references(...paths: readonly string[]): string {
  return JSON.stringify({ references: paths.map((path) => ({ path })) });
}

export const projects: Rule = {
  holds: "a folder's tsconfig references exactly what the table allows it to import",
  check: checkReferences,
  offenders: {
    "a reference too many": { "src/raft/tsconfig.json": references("../base", "../counter") },
    "a reference too few": { "src/raft/tsconfig.json": references() },
  },
  clean: { "src/raft/tsconfig.json": references("../../src/base"), "tsconfig.json": references("src/raft") },
};
