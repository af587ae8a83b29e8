/** What the test of the code blocks goes by: which blocks it finds, and which differences it lets pass. */

import { describe, expect, it } from "vitest";
import { blocksOf, exchangesOf } from "./blocks.ts";
import { difference } from "./tolerance.ts";

const DOCUMENT = `# A

\`\`\`sh
curl x
\`\`\`

\`\`\`
{"value":1}
\`\`\`

Words.

\`\`\`
$ raftally get a
1
$ raftally \\
  list
key value
\`\`\`

- in a list

  \`\`\`json
  {}
  \`\`\`

\`\`\`\`md
\`\`\`sh
not run
\`\`\`
\`\`\`\`
`;

describe("the blocks of a document", () => {
  it("are found with their languages and lines, and an answer belongs to what it follows", () => {
    const found = blocksOf("a.md", DOCUMENT).map(({ language, line, answer }) => [language, line, answer]);
    expect(found).toEqual([
      ["sh", 3, '{"value":1}'],
      ["", 13, undefined],
      ["json", 23, undefined],
      ["md", 27, undefined],
    ]);
  });

  it("that show a terminal are commands with what each printed", () => {
    const [, transcript] = blocksOf("a.md", DOCUMENT);
    expect(exchangesOf(transcript?.text ?? "")).toEqual([
      { command: "raftally get a", printed: "1\n" },
      { command: "raftally \\\n  list", printed: "key value" },
    ]);
  });
});

const ROW = "n1    follower  http://127.0.0.1:4000     1        8       0         5  40s";

describe("comparing what is printed with what is said", () => {
  it.each([
    ["positions in the log", '{"value":1,"index":2,"term":1}', '{"value":1,"index":9,"term":3}\n'],
    ["request ids", '{"instance":"a-1"}', '{"instance":"b-7"}'],
    ["ages", '{"value":1,"ageMs":11}', '{"value":1,"ageMs":4}'],
    ["who leads, and figures of the moment", ROW, "n1  leader  http://127.0.0.1:4000  2  11  0  7  3s"],
    ["empty lines and the width of columns", "key   value\na         1", "\nkey value\na 1\n\n"],
    ["lines that are left out", "first\n…\nlast", "first\nsecond\nthird\nlast"],
  ])("lets pass %s", (_, said, printed) => {
    expect(difference(said, printed)).toBeUndefined();
  });

  it.each([
    ["a value", '{"value":1,"index":2}', '{"value":2,"index":2}'],
    ["a revision", '{"revision":1}', '{"revision":2}'],
    ["a field more", '{"value":1}', '{"value":1,"more":true}'],
    ["a line more", "1", "1\n2"],
    ["a line less", "1\n2", "1"],
    ["another node", ROW, ROW.replace("n1", "n2")],
    ["another address", ROW, ROW.replace("4000", "4001")],
    ["an end after lines that are left out", "first\n…\nlast", "first\nsecond"],
  ])("notices %s", (_, said, printed) => {
    expect(difference(said, printed)).toMatch(/but it prints/);
  });
});
