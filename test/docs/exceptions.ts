/** Blocks that are not run as they stand: the few that cannot be here, each with its reason. */

export interface Exception {
  readonly file: string;
  /** What the block begins with. Every block of the file that does is meant; one at least has to be there. */
  readonly begins: string;
  readonly reason: string;
}

/** One reason for several blocks of one file. */
function all(file: string, reason: string, begins: readonly string[]): readonly Exception[] {
  return begins.map((text) => ({ file, begins: text, reason }));
}

const OWN_PACKAGES = "installs packages and starts what this very test runs in, or starts for itself";
export const LONG_RUN =
  "takes minutes to hours as a whole; long-runs.test.ts runs the lines that do not, .ci/run and the tests of that folder more";

export const EXCEPTIONS: readonly Exception[] = [
  ...all("README.md", OWN_PACKAGES, ["npm install && npm start", "npm install && npm test"]),
  ...all("README.md", "what the block before it prints; runbook.test.ts compares it", [
    "raftally 0.1.0: made a cluster",
  ]),
  ...all("README.md", "one run of the example, with its speed; test/examples run it", [
    "Starting three nodes",
  ]),
  ...all("README.md", "there is no Docker engine here", ['echo "RAFTALLY_SECRET=']),
  ...all(
    "examples/kubernetes/README.md",
    "there is no Kubernetes here; the manifests are tested by test/examples",
    ["kubectl "],
  ),
  ...all("examples/load-balancer/README.md", "test/examples run these files in the real nginx and HAProxy", [
    "npm start -- --writes forward",
    "mkdir -p ./nginx",
  ]),
  ...all("docs/testing/chaos.md", LONG_RUN, ["npm run chaos"]),
  ...all("docs/testing/checkers.md", "needs a recorded history; test/chaos check the checkers", [
    "node chaos/check.ts",
  ]),
  ...all("docs/testing/fuzz.md", LONG_RUN, ["npm run fuzz"]),
  ...all("docs/testing/mutants.md", LONG_RUN, ["npm run mutants"]),
  ...all("docs/testing/power-loss.md", LONG_RUN, ["npm run chaos"]),
  ...all("docs/testing/simulator.md", LONG_RUN, ["npm run sim", "        ms │ n1"]),
  ...all("docs/operations.md", "needs a node that is slow to copy 1.5 million counters", [
    "n4 is catching up",
  ]),
  ...all("docs/operations.md", "a fragment, for machines that have it", [
    "raftally serve … --dial",
    "raftally serve --autoremove-after",
    "systemctl restart raftally",
  ]),
  ...all("docs/operations.md", "test/node/notices.test.ts holds the sentence", [
    "2026-11-21 07:51:33.263 warn",
  ]),
  ...all("docs/api.md", "has no end; test/api/watch and test/api/events hold what it sends", [
    "curl -N 'http://127.0.0.1:4000/v1/watch",
    "curl -N http://127.0.0.1:4000/v1/cluster/events",
  ]),
];

/**
 * Blocks of docs/operations.md that need machines or a history of their own, each named by a text that no other one has:
 * runbook.test.ts plays them, in an order that makes sense for a cluster.
 */
export const PLAYED: readonly string[] = [
  "$ raftally member list\nmember  role          reached  holds  url                   peer address\nn1      voter         yes         10",
  "$ raftally status\n",
  "raftally doctor --url http://10.0.0.1:4000\nraftally doctor --data",
  "$ raftally doctor --url http://10.0.0.2:4000",
  "raftally serve --id n4 --join 10.0.0.1:4100,10.0.0.2:4100 --join-as voter",
  "info  n4 waits until somebody adds it",
  "$ raftally member add http://10.0.0.4:4000",
  "$ raftally member promote n4 --dry-run",
  "5 voters, 2 may fail.",
  "raftally: n4 cannot join",
  "$ raftally member remove n5",
  "raftally: n5 was removed from its cluster",
  "$ raftally member remove n3",
  "raftally: log/00000000000000000001.wal",
  "\nraftally serve --id n6",
  "waiting for n6 to join",
  "raftally: /var/lib/raftally was wiped",
  "raftally: the data directory /var/lib/raftally holds no node",
  "raftally serve --id n3 --cluster-id shop",
  "n3      voter         yes         25",
  "$ raftally status --url http://10.0.9.3:4000",
  "raftally recover --data /var/lib/raftally",
  "/var/lib/raftally is the data directory of n3",
  "/var/lib/raftally: cluster recovered-",
  "\nraftally backup counts-$(date +%F).backup",
  "$ raftally backup counts-$(date +%F).backup",
  "$ raftally restore",
  "raftally: bad.backup is damaged",
  "$ raftally rolling-restart",
  "$ raftally member transfer",
  "$ raftally local",
  "$ curl -s -D - -X POST http://10.0.0.2:4000",
];

export const RUNBOOK = "docs/operations.md";

/** Of which of those a block is. */
export function isPlayed(
  { file, text }: { readonly file: string; readonly text: string },
  part: string,
): boolean {
  return file === RUNBOOK && `\n${text}\n`.includes(part);
}

/** Blocks that run until they are stopped: they go on in the background once they have said this. */
export interface Endless {
  readonly file: string;
  readonly begins: string;
  readonly until: RegExp;
}

export const ENDLESS: readonly Endless[] = [
  {
    file: "README.md",
    begins: "export RAFTALLY_SECRET=$(node -p",
    until: /caught up|learner|joined/,
  },
  {
    file: "docs/operations.md",
    begins: "export RAFTALLY_SECRET=$(node -p",
    until: /caught up|learner|joined|waits/,
  },
];

/** What blocks in these languages show is no input of anything: a drawing, or text that some program prints. */
export const LOOKED_AT: Readonly<Record<string, string>> = {
  mermaid: "a drawing",
  text: "an excerpt of what is printed or sent, held by the tests of what prints it",
};
