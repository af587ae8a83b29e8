/** The page as it is built: how large it is, and that it keeps to its own policy. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";
import { buildPage, PAGE } from "./build.ts";

const COMPRESSED_BYTES_MAX = 150_000;

describe("the built page", () => {
  const assets = join(PAGE, "assets");
  let names: readonly string[] = [];
  beforeAll(() => {
    buildPage();
    names = readdirSync(assets).filter((name) => !/\.(?:br|gz)$/.test(name));
  }, 180_000);

  it("is less than 150 kB, script and styles together, even where a browser knows only gzip", () => {
    const total = names.reduce((sum, name) => sum + readFileSync(join(assets, `${name}.gz`)).length, 0);
    expect(names.length).toBeGreaterThanOrEqual(3);
    expect(total).toBeGreaterThan(10_000);
    expect(total).toBeLessThan(COMPRESSED_BYTES_MAX);
  });

  it("has beside each file the same in its compressed forms", () => {
    for (const name of names) {
      const bytes = readFileSync(join(assets, name));
      expect(gunzipSync(readFileSync(join(assets, `${name}.gz`))).equals(bytes), name).toBe(true);
      expect(brotliDecompressSync(readFileSync(join(assets, `${name}.br`))).equals(bytes), name).toBe(true);
    }
  });

  it("has no script, style or address of its own in its text, which its policy would not let pass", () => {
    const html = readFileSync(join(PAGE, "index.html"), "utf8");
    expect(html).not.toMatch(/<style|\sstyle=|\son\w+=|javascript:/i);
    expect(html.match(/<script[^>]*>/g)).toHaveLength(1);
    expect(html).toMatch(/<script type="module"[^>]* src="\/assets\//);
    expect(html).not.toMatch(/(?:src|href)="(?:https?:)?\/\//);
  });
});
