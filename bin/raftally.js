#!/usr/bin/env -S node --max-semi-space-size=32
// Checks the version of Node.js before anything newer is loaded: the syntax of this file is old on purpose.
import { existsSync } from "node:fs";
import module from "node:module";
import { dirname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";

const NEEDED = [22, 18];

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const found = process.versions.node.split(".").map(Number);
const recent = found[0] > NEEDED[0] || (found[0] === NEEDED[0] && found[1] >= NEEDED[1]);

// Node strips types from source files, but not under node_modules: there the packed JavaScript runs.
const installed = root.split(sep).includes("node_modules") && existsSync(join(root, "dist", "main.js"));

if (recent) {
  // Without it every start strips the types of every file anew, and a command takes three times as long. Where the
  // directory cannot be written, it does without. The variable passes it on to workers and to the nodes of a cluster.
  if (process.env.NODE_COMPILE_CACHE === undefined) {
    const { directory } = module.enableCompileCache(join(root, "node_modules", ".cache", "node-compile"));
    if (directory !== undefined) process.env.NODE_COMPILE_CACHE = directory;
  }
  import(installed ? "../dist/main.js" : "../src/main.ts").catch((error) => {
    console.error(error);
    process.exitCode = 1;
  });
} else {
  const needed = `raftally needs Node.js ${NEEDED.join(".")} or newer, and this is ${process.versions.node}`;
  const advice = installed
    ? "install Node.js 24."
    : "within the project, npm start and npx raftally use the right one.";
  console.error(`${needed}: ${advice}`);
  process.exitCode = 1;
}
