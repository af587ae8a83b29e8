import { describe, expect, it } from "vitest";
import { lineOf, sourceFile } from "./source.ts";
import { ignores } from "./tree.ts";

function codeOf(text: string): string {
  const { code } = sourceFile("a.ts", text);
  expect(code).toHaveLength(text.length);
  return code.replace(/ +/g, " ").trim();
}

describe("the scanner", () => {
  it.each([
    ["a line comment", "a; // b\nc;", "a; \nc;"],
    ["a block comment", "a; /* b\n * c */ d;", "a; \n d;"],
    ["a string", "a('b', \"c\");", "a(' ', \" \");"],
    ["a comment within a string", 'a("// b"); c;', 'a(" "); c;'],
    ["a string within a comment", "// it's\na;", "a;"],
    ["an escaped quote", "a('b\\'c'); d;", "a(' '); d;"],
    ["a template", `a(\`b \${c} d\`);`, `a(\` \${c} \`);`],
    [
      "a template within a template",
      `a(\`b \${c(\`d \${e} f\`)} g\`); h;`,
      `a(\` \${c(\` \${e} \`)} \`); h;`,
    ],
    ["braces within a template", `a(\`b \${{ c: { d } }.c} e\`); f;`, `a(\` \${{ c: { d } }.c} \`); f;`],
    ["a regular expression", "a = /b'c/g.test(d); e;", "a = / /g.test(d); e;"],
    ["a slash within a class", "a = [/[/']/]; b;", "a = [/ /]; b;"],
    ["a division", "a = b / c; d = 'e' / f;", "a = b / c; d = ' ' / f;"],
    ["a regular expression that is returned", "return /'/; a;", "return / /; a;"],
    ["the line that names the interpreter", "#!/usr/bin/env node\na;", "a;"],
    ["a file that breaks off", "a; /* b", "a;"],
  ])("blanks %s and keeps the code", (_, text, code) => {
    expect(codeOf(text)).toBe(code);
  });

  it("tells comments apart and where they stand", () => {
    const { comments, text } = sourceFile("a.ts", "a;\n// b\nc; /* d */");
    expect(comments.map((comment) => [comment.text, lineOf(text, comment.start)])).toEqual([
      ["// b", 2],
      ["/* d */", 3],
    ]);
  });

  it.each([
    ["a default", 'import a from "b";', "b", undefined, false],
    ["names", 'import { a, type B as C } from "b";', "b", ["a", "B"], false],
    ["types", 'import type { A } from "b";', "b", ["A"], false],
    ["a namespace", 'import * as a from "b";', "b", undefined, false],
    ["effects only", 'import "b";', "b", undefined, false],
    ["names passed on", 'export { a } from "b";', "b", ["a"], true],
    ["everything passed on", 'export * from "b";', "b", undefined, true],
    ["a dynamic import", 'const a = import("b");', "b", undefined, false],
    ["a computed import", "const a = import(b);", undefined, undefined, false],
    ["a module named by URL", 'new Worker(new URL("b.ts", import.meta.url));', "./b.ts", undefined, false],
  ])("sees an import of %s", (_, text, specifier, names, reexport) => {
    expect(sourceFile("a.ts", text).imports).toEqual([
      expect.objectContaining({ specifier, names, reexport, start: expect.any(Number) }),
    ]);
  });

  it.each([
    "const a = import.meta.dirname;",
    '// import "a";',
    "const s = 'import \"a\"';",
    "export { a };",
    "export const from = 'a';",
  ])("sees no import in %s", (text) => {
    expect(sourceFile("a.ts", text).imports).toEqual([]);
  });

  it.each([
    ['import type { A } from "b";', true],
    ['import type A from "b";', true],
    ['import { type A, type B } from "b";', true],
    ['export type { A } from "b";', true],
    ['import { type A, b } from "b";', false],
    ['import { typed } from "b";', false],
    ['import {} from "b";', false],
    ['import "b";', false],
  ])("knows whether anything is left of %s when it runs", (text, typeOnly) => {
    expect(sourceFile("a.ts", text).imports).toEqual([expect.objectContaining({ typeOnly })]);
  });
});

describe(".gitignore", () => {
  it("names folders, endings and files", () => {
    const ignored = ignores("# what is built\ndist/\n*.log\nsecret\n");
    expect(ignored("dist", true)).toBe(true);
    expect(ignored("dist", false)).toBe(false);
    expect(ignored("a.log", false)).toBe(true);
    expect(ignored("secret", false)).toBe(true);
    expect(ignored("src", true)).toBe(false);
  });

  it("is refused in a shape that tidy does not know", () => {
    expect(() => ignores("src/**/generated\n")).toThrow("tidy cannot read src/**/generated");
  });
});
