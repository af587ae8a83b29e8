/** What cannot import src/base/node-flags.ts says the same. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { NODE_FLAGS } from "../../src/base/index.ts";

const ROOT = join(import.meta.dirname, "../..");
const FLAGS = NODE_FLAGS.join(" ");
const LISTED = NODE_FLAGS.map((flag) => JSON.stringify(flag)).join(", ");

it.each([
  ["bin/raftally.js", `#!/usr/bin/env -S node ${FLAGS}\n`],
  ["Dockerfile", `ENTRYPOINT ["node", ${LISTED}, "bin/raftally.js"]\n`],
  ["examples/kubernetes/raftally.yaml", `exec node ${FLAGS} bin/raftally.js serve `],
  ["package.json", `"raftally": "node ${FLAGS} bin/raftally.js"`],
])("%s starts a node with the flags of every node", (file, line) => {
  expect(readFileSync(join(ROOT, file), "utf8")).toContain(line);
});
