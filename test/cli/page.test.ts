import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { buildPageIfMissing, hasPage, pageOptions } from "../../src/cli/page.ts";

const REPOSITORY = join(import.meta.dirname, "../..");

let root = "";
let said: string[] = [];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "raftally-page-"));
  said = [];
});
afterEach(() => rmSync(root, { recursive: true }));

function build(): Promise<void> {
  return buildPageIfMissing((sentence) => said.push(sentence), root);
}

/** The repository as it was cloned and installed: with nothing built. */
function clone(): void {
  for (const name of ["node_modules", "src", "package.json", "vite.config.ts"]) {
    symlinkSync(join(REPOSITORY, name), join(root, name));
  }
}

describe("the page that a launcher builds", () => {
  it("is built where it is missing, whole, and nothing is left beside it", async () => {
    clone();
    expect(hasPage(root)).toBe(false);
    await Promise.all([build(), build()]);
    expect(hasPage(root)).toBe(true);
    expect(said).toEqual([]);
    expect(readdirSync(join(root, "dist"))).toEqual(["dashboard"]);
    expect(readFileSync(join(root, "dist/dashboard/index.html"), "utf8")).toContain(
      "<title>Raftally</title>",
    );
    expect(readdirSync(join(root, "dist/dashboard/assets")).some((name) => name.endsWith(".js.br"))).toBe(
      true,
    );
  }, 180_000);

  it("is left as it is where there is one", async () => {
    clone();
    mkdirSync(join(root, "dist/dashboard"), { recursive: true });
    writeFileSync(join(root, "dist/dashboard/index.html"), "of before");
    await build();
    expect(readFileSync(join(root, "dist/dashboard/index.html"), "utf8")).toBe("of before");
  });

  it("is done without where Vite is not installed, in one sentence", async () => {
    writeFileSync(join(root, "vite.config.ts"), "");
    await build();
    expect(said).toEqual([
      "there is no dashboard: vite, which builds it, is not installed (npm install brings it).",
    ]);
  });

  it("is done without where building fails, and says why", async () => {
    clone();
    rmSync(join(root, "vite.config.ts"));
    writeFileSync(join(root, "vite.config.ts"), "throw new Error('no such luck');");
    await build();
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(/^there is no dashboard: building it failed \(.*no such luck/);
    expect(existsSync(join(root, "dist/dashboard"))).toBe(false);
  }, 180_000);

  it("is not asked for in an installed package, which brings its own", async () => {
    await build();
    expect(said).toEqual([]);
    expect(readdirSync(root)).toEqual([]);
  });
});

describe("what a node is told of its page", () => {
  it("is where the build puts it", () => {
    expect(pageOptions({})).toEqual({ directory: join(REPOSITORY, "dist/dashboard") });
  });

  it("names the control server that a launcher has put into the environment", () => {
    const environment = { RAFTALLY_CONTROL_URL: "http://127.0.0.1:4200", RAFTALLY_CONTROL_TOKEN: "secret" };
    expect(pageOptions(environment).control).toEqual({ url: "http://127.0.0.1:4200", token: "secret" });
  });

  it.each([
    [{ RAFTALLY_CONTROL_URL: "http://127.0.0.1:4200" }],
    [{ RAFTALLY_CONTROL_TOKEN: "secret" }],
    [{ RAFTALLY_CONTROL_URL: "nonsense", RAFTALLY_CONTROL_TOKEN: "secret" }],
  ])("names none where it is not whole: %j", (environment) => {
    expect(pageOptions(environment).control).toBeUndefined();
  });
});
