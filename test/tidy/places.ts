/** Nothing belongs to one machine: no path of somebody's disk, no private registry. */

import { ban, type Rule, violation } from "./rule.ts";
import type { Tree } from "./tree.ts";

const LOCKFILE = "package-lock.json";
/** Where people and machines keep what is theirs. Tests ask `os.tmpdir()` for a place. */
const PRIVATE_FOLDERS = [
  "home",
  "root",
  "Users",
  "tmp",
  "work",
  "workspace",
  "mnt",
  "opt",
  "media",
  "private",
];
const PRIVATE_PATH = new RegExp(`(?<![\\w.:$}\\])*@~-])/(?:${PRIVATE_FOLDERS.join("|")})/[\\w.-]+`, "g");

/** An offender's path, put together here so that this file is not one. */
function at(...parts: readonly string[]): string {
  return ["", ...parts].join("/");
}

export const machinePaths: Rule = ban({
  holds: "no file names a path of one machine",
  where: (path) => path !== LOCKFILE,
  within: "text",
  patterns: [PRIVATE_PATH],
  offenders: {
    "in a string": { "test/a.test.ts": `const dir = "${at("tmp", "raftally")}";` },
    "in a comment": { "src/raft/log.ts": `// see ${at("home", "ann", "notes.md")}` },
    "in a document": { "README.md": `# A\n    cd ${at("work", "raftally")}` },
    "in a script": { ".ci/run": `cd ${at("root", "checkout")}` },
  },
  clean: {
    "test/a.test.ts": "const dir = mkdtempSync(join(tmpdir(), 'raftally-'));",
    "src/store/disk.ts": "const a = b /tmp/ c; const url = 'https://example.org/home/page';",
    Dockerfile: "WORKDIR /app\nVOLUME /data",
  },
});

function checkRegistry(tree: Tree): ReturnType<Rule["check"]> {
  return tree.files.flatMap((file) => {
    if (file.path === LOCKFILE) {
      return [...file.text.matchAll(/"resolved":\s*"([^"]*)"/g)].map((match) =>
        violation(file, match.index, `resolves from ${match[1]}`),
      );
    }
    if (!/(?:^|\/)\.(?:npmrc|yarnrc(?:\.yml)?)$/.test(file.path)) return [];
    return [...file.text.matchAll(/^.*(?:registry|_auth|token).*$/gim)].map((match) =>
      violation(file, match.index, "configures a registry or its credentials"),
    );
  });
}

export const registries: Rule = {
  holds: "the lockfile carries no download addresses: packages come from wherever the user's own npm looks",
  check: checkRegistry,
  offenders: {
    "a lockfile bound to a mirror": { [LOCKFILE]: '{ "resolved": "https://mirror.example/hono.tgz" }' },
    "a lockfile bound to a disk": { [LOCKFILE]: '{ "resolved": "file:../hono.tgz" }' },
    "a registry in .npmrc": { ".npmrc": "registry=https://mirror.example/" },
  },
  clean: { [LOCKFILE]: '{ "integrity": "sha512-abc" }', ".npmrc": "fund=false" },
};
