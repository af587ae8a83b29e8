/** The entry point of a node that can be made to die at an exact point: `bin/raftally.js` with a fuse. */

import { type Adapt, CONSOLE, runCommandLine } from "../../src/cli/index.ts";
import { REAL_PARTS } from "../../src/node/index.ts";
import { FUSE_VARIABLE, Fuse, SMALL_VARIABLE } from "./fuse.ts";
import { faultyStore } from "./store.ts";
import { faultyTransport } from "./transport.ts";

const file = process.env[FUSE_VARIABLE];
if (file === undefined) throw new Error(`${FUSE_VARIABLE} names the file of the fuse`);
const fuse = new Fuse(file);
const small = Number(process.env[SMALL_VARIABLE] ?? 0);

const adapt: Adapt = (options) => ({
  ...options,
  ...(small > 0 && {
    settings: {
      node: { ...options.settings?.node, snapshotEntries: small },
      raft: { ...options.settings?.raft, trailingEntriesMax: small },
    },
  }),
  parts: {
    openStore: async (directory, onFailure) =>
      faultyStore(await REAL_PARTS.openStore(directory, onFailure), fuse),
    openTransport: async (transport) => faultyTransport(await REAL_PARTS.openTransport(transport), fuse),
  },
});

process.exitCode = await runCommandLine(process.argv.slice(2), process.env, CONSOLE, adapt);
