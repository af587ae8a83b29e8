/**
 * Runs the code blocks of README.md, docs/ and examples/ as a reader would: `sh` with `bash -e` against a fresh local
 * cluster, with what they print compared with the block that follows; transcripts (`$ command`) likewise; `ts` compiled
 * against the client and run; `json` and `yaml` parsed. What is let pass when answers are compared stands in
 * tolerance.ts, and what is not run in exceptions.ts. The runbooks of docs/operations.md that need machines or a history
 * are played by runbook.test.ts.
 */

import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { requires } from "../support/capability.ts";
import { type Block, blocksOf, documents, exchangesOf, ROOT } from "./blocks.ts";
import { ENDLESS, EXCEPTIONS, isPlayed, LOOKED_AT, PLAYED, RUNBOOK } from "./exceptions.ts";
import { PROGRAMS, Scene } from "./scene.ts";
import { difference } from "./tolerance.ts";

const ALL: ReadonlyMap<string, readonly Block[]> = new Map(documents().map((file) => [file, blocksOf(file)]));
const BLOCKS = [...ALL.values()].flat();

function isExcepted(block: Block): boolean {
  return EXCEPTIONS.some(({ file, begins }) => file === block.file && block.text.startsWith(begins));
}

/** Whether runbook.test.ts plays it. */
function isElsewhere(block: Block): boolean {
  return PLAYED.some((part) => isPlayed(block, part));
}

const DATA = ["json", "yaml", "yml"];
const COMMANDS = ["sh", "bash"];

function isTranscript({ language, text }: Block): boolean {
  return ["", "console"].includes(language) && text.startsWith("$ ");
}

function isRunnable(block: Block): boolean {
  if (isExcepted(block) || isElsewhere(block)) return false;
  return COMMANDS.includes(block.language) || block.language === "ts" || isTranscript(block);
}

function where({ file, line }: Block): string {
  return `${file}:${line}`;
}

/** The file that a program of the documents is put into. */
function programFile(block: Block, ending: string): string {
  return join(PROGRAMS, `${block.file.replace(/\W+/g, "-")}-${block.line}${ending}`);
}

/** The imports and the client of a document's first program stand for its later ones as well, unless they import. */
function programText(block: Block): string {
  if (/^import /m.test(block.text)) return block.text;
  const first = ALL.get(block.file)?.find(({ language }) => language === "ts");
  const lines = first?.text.split("\n").filter((line) => /^(?:import |const client = )/.test(line)) ?? [];
  return [...lines, block.text].join("\n");
}

async function runBlock(scene: Scene, block: Block): Promise<string | undefined> {
  const endless = ENDLESS.find(({ file, begins }) => file === block.file && block.text.startsWith(begins));
  if (endless !== undefined) {
    await scene.begin(block.text, endless.until);
    return undefined;
  }
  if (isTranscript(block)) return runTranscript(scene, block);
  const { exitCode, out, all } =
    block.language === "ts" ? await runProgram(scene, block) : await scene.shell(block.text);
  if (exitCode !== 0) return `ends with ${exitCode}:\n${all}`;
  return block.answer === undefined ? undefined : difference(block.answer, out);
}

async function runTranscript(scene: Scene, block: Block): Promise<string | undefined> {
  for (const { command, printed } of exchangesOf(block.text)) {
    const { all } = await scene.shell(command);
    const wrong = difference(printed, all);
    if (wrong !== undefined) return `$ ${command}\n${wrong}`;
  }
  return undefined;
}

function runProgram(scene: Scene, block: Block): ReturnType<Scene["program"]> {
  mkdirSync(PROGRAMS, { recursive: true });
  const file = programFile(block, ".run.ts");
  const client = `file://${join(ROOT, "src/client/index.ts")}`;
  writeFileSync(file, scene.here(programText(block)).replaceAll('from "raftally"', `from "${client}"`));
  return scene.program(file);
}

/** What `npm test` runs as well; each document needs a cluster of its own for some seconds. */
const QUICK: readonly string[] = ["docs/how-to/stock.md"];

describe("the code blocks", () => {
  const files = [...ALL].filter(([, blocks]) => blocks.some(isRunnable)).map(([file]) => file);
  it.for(files)("of %s do and print what the document says", { timeout: 180_000 }, async (file, context) => {
    requires(context, "curl", ...(QUICK.includes(file) ? [] : (["patience"] as const)));
    const scene = await Scene.open();
    const wrong: string[] = [];
    for (const block of (ALL.get(file) ?? []).filter(isRunnable)) {
      const complaint = await runBlock(scene, block);
      if (complaint !== undefined) wrong.push(`${where(block)} ${complaint}`);
    }
    expect(wrong.join("\n\n")).toBe("");
  });

  it("in TypeScript are accepted by the compiler", { timeout: 180_000 }, () => {
    const programs = BLOCKS.filter((block) => block.language === "ts" && !isExcepted(block));
    expect(programs.length).toBeGreaterThan(0);
    rmSync(join(PROGRAMS, "check"), { recursive: true, force: true });
    mkdirSync(join(PROGRAMS, "check"), { recursive: true });
    for (const block of programs) {
      const file = programFile(block, ".ts").replace(PROGRAMS, join(PROGRAMS, "check"));
      writeFileSync(file, `${programText(block)}\nexport {};\n`);
    }
    const options = {
      extends: "../../../tsconfig.base.json",
      compilerOptions: {
        types: ["node"],
        noEmit: true,
        composite: false,
        incremental: false,
        declaration: false,
        emitDeclarationOnly: false,
        isolatedDeclarations: false,
        allowImportingTsExtensions: true,
        noUnusedLocals: false,
        paths: { raftally: ["../../../src/client/index.ts"] },
      },
      include: ["*.ts"],
    };
    writeFileSync(join(PROGRAMS, "check", "tsconfig.json"), JSON.stringify(options));
    const compiler = join(ROOT, "node_modules/typescript/bin/tsc");
    const { stdout, status } = spawnSync(process.execPath, [compiler, "-p", join(PROGRAMS, "check")], {
      encoding: "utf8",
    });
    expect([status, stdout]).toEqual([0, ""]);
  });

  it("in JSON and YAML can be parsed", () => {
    for (const block of BLOCKS.filter(({ language }) => language === "json")) {
      expect(() => JSON.parse(block.text), where(block)).not.toThrow();
    }
    for (const block of BLOCKS.filter(({ language }) => ["yaml", "yml"].includes(language))) {
      const errors = parseAllDocuments(block.text).flatMap((document) => document.errors);
      expect([where(block), errors]).toEqual([where(block), []]);
    }
  });

  it("are all run, parsed, or listed with the reason why not", () => {
    const left = BLOCKS.filter((block) => {
      const isShown = block.language in LOOKED_AT || DATA.includes(block.language);
      return !isRunnable(block) && !isShown && !isExcepted(block) && !isElsewhere(block);
    });
    expect(left.map((block) => `${where(block)} ${block.text.split("\n", 1)[0]}`)).toEqual([]);
  });

  it("that are listed are there", () => {
    const gone = [...EXCEPTIONS, ...ENDLESS].filter(
      ({ file, begins }) => ALL.get(file)?.some(({ text }) => text.startsWith(begins)) !== true,
    );
    expect(gone.map(({ file, begins }) => `${file}: ${begins}`)).toEqual([]);
    // Those that are played are named each by what it alone has.
    const blocks = BLOCKS.filter(({ file }) => file === RUNBOOK);
    const meant = PLAYED.map((part) => [part, blocks.filter((block) => isPlayed(block, part)).length]);
    expect(meant.filter(([, count]) => count !== 1)).toEqual([]);
  });
});
