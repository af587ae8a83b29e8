/** Whoever has tried one page goes on to the next, with the same cluster: what a page says must come out all the same. */

import { describe, expect, it } from "vitest";
import { type Block, blocksOf, documents } from "./blocks.ts";

const PAGES: readonly string[] = documents().filter(
  (file) => file === "README.md" || file.includes("/how-to/"),
);

function commandsOf(file: string): readonly Block[] {
  return blocksOf(file).filter(({ language }) => language === "sh" || language === "ts");
}

/** The counters that a page writes or reads, by name. */
function keysOf(file: string): readonly string[] {
  const found = commandsOf(file).flatMap(({ text }) => [
    ...[...text.matchAll(/\/v1\/counters\/([^/'"?\s]+)/g)].map(([, key = ""]) => decodeURIComponent(key)),
    ...[...text.matchAll(/"key":"([^"]+)"/g)].map(([, key = ""]) => key),
    // In programs: what looks like a key of a group.
    ...[...text.matchAll(/"([a-z]+:[\w/:-]+)"/g)].map(([, key = ""]) => key),
  ]);
  return [...new Set(found)];
}

/** The prefixes that a page asks for. */
function prefixesOf(file: string): readonly string[] {
  const found = commandsOf(file).flatMap(({ text }) => [
    ...text.matchAll(/\bprefix(?:=|: ")([\w-]+:?(?:[\w-]+:)*)/g),
  ]);
  return [...new Set(found.map(([, prefix = ""]) => prefix))];
}

describe("the pages that show how to count something", () => {
  it("are found with their counters and prefixes", () => {
    expect(PAGES.length).toBeGreaterThanOrEqual(7);
    expect(keysOf("docs/how-to/page-views.md")).toEqual(
      expect.arrayContaining(["views:/pricing", "views:/blog"]),
    );
    expect(prefixesOf("docs/how-to/page-views.md")).toEqual(expect.arrayContaining(["views:", "daily:"]));
  });

  it.each(PAGES)("%s uses no counter of another page, and asks for no prefix of theirs", (file) => {
    for (const other of PAGES.filter((page) => page !== file && page !== "README.md")) {
      const theirs = keysOf(other);
      expect(
        keysOf(file).filter((key) => theirs.includes(key)),
        other,
      ).toEqual([]);
    }
    if (file === "README.md") return;
    for (const other of PAGES.filter((page) => page !== file)) {
      const theirs = keysOf(other).filter((key) => prefixesOf(file).some((prefix) => key.startsWith(prefix)));
      expect(theirs, other).toEqual([]);
    }
  });
});
