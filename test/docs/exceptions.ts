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

export const EXCEPTIONS: readonly Exception[] = [
  ...all("README.md", "installs packages, or is what this test itself runs in", [
    "npm install && npm start",
    "npm install && npm test",
  ]),
  ...all("README.md", "there is no Docker engine here", ['echo "RAFTALLY_SECRET=']),
];

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
];

/** What blocks in these languages show is no input of anything: a drawing, or text that some program prints. */
export const LOOKED_AT: Readonly<Record<string, string>> = {
  mermaid: "a drawing",
  text: "an excerpt of what is printed or sent, held by the tests of what prints it",
};
