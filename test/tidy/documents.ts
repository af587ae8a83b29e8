/** Documents: their titles, and that what they point to is there. */

import { posix } from "node:path";
import { type Rule, type Violation, violation } from "./rule.ts";
import type { SourceFile } from "./source.ts";
import { exists, type Tree, textAt } from "./tree.ts";

function isDocument(path: string): boolean {
  return path.endsWith(".md");
}

/** The text with fenced blocks blanked; offsets stay what they were. */
function prose(text: string): string {
  return text.replace(/^( *)(```+|~~~+)[^\n]*\n[\s\S]*?^ *\2[ \t]*$/gm, (block) =>
    block.replace(/[^\n]/g, " "),
  );
}

function checkTitle(file: SourceFile): Violation[] {
  const text = prose(file.text);
  const [first = ""] = text.split("\n");
  const found: Violation[] = [];
  if (!/^# \S/.test(first)) found.push(violation(file, 0, "does not begin with a title (# …)"));
  if (/[.:;,]$/.test(first)) found.push(violation(file, 0, "has a title that ends like a sentence"));
  for (const second of [...text.matchAll(/^# /gm)].slice(1)) {
    found.push(violation(file, second.index, "has a second title"));
  }
  return found;
}

export const titles: Rule = {
  holds: "a document begins with its one title",
  check: (tree) => tree.files.filter(({ path }) => isDocument(path)).flatMap(checkTitle),
  offenders: {
    "no title": { "docs/a.md": "Some words.\n" },
    "a title further down": { "docs/a.md": "\n# A\n" },
    "two titles": { "docs/a.md": "# A\n\n# B\n" },
    "a title that is a sentence": { "docs/a.md": "# This is A.\n" },
  },
  clean: { "docs/a.md": "# A\n\n## B\n\n```sh\n# a comment\n```\n", "docs/a.txt": "no title" },
};

/** A heading's anchor, as GitHub makes it. */
function anchorOf(heading: string): string {
  const words = heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, "");
  return words.replaceAll(" ", "-");
}

function anchorsOf(text: string): string[] {
  return [...prose(text).matchAll(/^#{1,6} +(.+)$/gm)].map((match) => anchorOf(match[1] ?? ""));
}

function linkComplaint(tree: Tree, file: SourceFile, link: string): string | undefined {
  if (/^(?:https?:|mailto:)/.test(link)) return undefined;
  const [path = "", anchor] = link.split("#");
  const decoded = decodeURIComponent(path);
  const target = path === "" ? file.path : posix.normalize(posix.join(posix.dirname(file.path), decoded));
  if (!exists(tree, target)) return `points to ${target}, which is not there`;
  if (anchor === undefined || !isDocument(target)) return undefined;
  return anchorsOf(textAt(tree, target) ?? "").includes(anchor)
    ? undefined
    : `points to ${link}: no such heading`;
}

function checkLinks(tree: Tree): Violation[] {
  return tree.files
    .filter(({ path }) => isDocument(path))
    .flatMap((file) => {
      const text = prose(file.text).replace(/`[^`\n]*`/g, (span) => " ".repeat(span.length));
      const links = [...text.matchAll(/\]\(\s*<?([^)\s>]+)>?[^)]*\)|^\[[^\]]+\]:\s*(\S+)/gm)];
      return links.flatMap((match) => {
        const wrong = linkComplaint(tree, file, match[1] ?? match[2] ?? "");
        return wrong === undefined ? [] : [violation(file, match.index, wrong)];
      });
    });
}

export const links: Rule = {
  holds: "a document's links point to files and headings that are there",
  check: checkLinks,
  offenders: {
    "a missing file": { "docs/a.md": "See [b](b.md)." },
    "a file that is elsewhere": { "docs/a.md": "See [b](b.md).", "b.md": "# B" },
    "a missing heading": { "docs/a.md": "See [b](b.md#two).", "docs/b.md": "# One" },
    "a missing image": { "README.md": "![a picture](docs/a.png)" },
    "a missing reference": { "docs/a.md": "See [b].\n\n[b]: b.md\n" },
  },
  clean: {
    "docs/a.md":
      "# A\n[b](../b.md#one-two) [c](https://example.org/x) [a](#a) `[x](y.md)`\n```\n[x](y.md)\n```\n",
    "b.md": "# B\n## One, two\n[folder](docs/)",
  },
};

const PATH_IN_WORDS = /`((?:src|test|chaos|bench|examples|docs|bin|\.ci|\.github)\/[\w./-]+)`/g;

export const paths: Rule = {
  holds: "a path that a document mentions is there",
  check: (tree) =>
    tree.files
      .filter(({ path }) => isDocument(path))
      .flatMap((file) =>
        [...prose(file.text).matchAll(PATH_IN_WORDS)]
          .filter((match) => !exists(tree, (match[1] ?? "").replace(/[/.]$/, "")))
          .map((match) => violation(file, match.index, `speaks of ${match[1]}, which is not there`)),
      ),
  offenders: {
    "a file that was renamed": { "docs/a.md": "# A\nIn `src/raft/old.ts`.", "src/raft/new.ts": "" },
    "a folder that is gone": { "docs/a.md": "# A\nIn `src/gone/`." },
  },
  clean: {
    "docs/a.md": "# A\nIn `src/raft/` and `src/raft/log.ts`; `src/*/index.ts`.",
    "src/raft/log.ts": "",
  },
};
