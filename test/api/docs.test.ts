/** The pages below /docs: complete, linked, escaped, and in need of nothing from elsewhere. */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { apiPage, errorsPage, escapeHtml } from "../../src/api/docs-page.ts";
import { OPERATIONS, templateOf } from "../../src/api/openapi.ts";
import type { OpenApiDocument } from "../../src/api/openapi-document.ts";
import { ERRORS_PATH, problemType } from "../../src/api/problem.ts";
import { ERRORS, type ErrorCode } from "../../src/base/index.ts";
import { API_FILE, generatedApi } from "../docs/write.ts";
import { DOCUMENT } from "./contract.ts";
import { expectRefusal, get, makeBench } from "./kit.ts";

const PAGES = ["/docs", ERRORS_PATH];
const CODES = Object.keys(ERRORS) as ErrorCode[];

async function pageAt(path: string): Promise<string> {
  const response = await get(makeBench(), path);
  expect(response.status).toBe(200);
  return response.text();
}

function idsOf(html: string): string[] {
  return [...html.matchAll(/\sid="([^"]*)"/g)].map(([, id = ""]) => id);
}

/** Every tag of a page in order: a name, `/` before it where it closes. */
function tagsOf(html: string): string[] {
  return [...html.matchAll(/<(\/?[a-z][a-z0-9]*)\b(?:\s+[a-z-]+="[^"<>]*")*\s*>/g)].map(
    ([, name = ""]) => name,
  );
}

const VOID = new Set(["meta", "link", "br", "wbr"]);

/** The tags that are not closed in the order in which they were opened. */
function unclosed(html: string): string[] {
  const open: string[] = [];
  for (const tag of tagsOf(html)) {
    if (!tag.startsWith("/")) {
      if (!VOID.has(tag)) open.push(tag);
    } else if (open.pop() !== tag.slice(1)) {
      return [...open, tag];
    }
  }
  return open;
}

describe.each(PAGES)("%s", (path) => {
  it("is a page whose tags are closed in order, and all that looks like a tag is one", async () => {
    const html = await pageAt(path);
    expect(unclosed(html)).toEqual([]);
    expect(html.match(/</g)?.length).toBe(tagsOf(html).length + "<!".length - 1);
    expect(html).toMatch(/^<!doctype html>\n<html lang="en">/);
  });

  it("names nothing twice, and its links lead to what is there", async () => {
    const html = await pageAt(path);
    const ids = idsOf(html);
    expect(new Set(ids).size).toBe(ids.length);
    const bench = makeBench();
    const others = new Map<string, string>();
    for (const [, href = ""] of html.matchAll(/href="([^"]*)"/g)) {
      if (href === "data:,") continue;
      const [page = "", anchor] = href.split("#");
      const target = page === "" ? html : (others.get(page) ?? (await (await get(bench, page)).text()));
      others.set(page, target);
      if (anchor !== undefined) expect([href, idsOf(target).includes(anchor)]).toEqual([href, true]);
    }
    for (const [, ids = ""] of html.matchAll(/aria-labelledby="([^"]*)"/g))
      expect(idsOf(html)).toContain(ids);
  });

  it("needs no script, no style of its own and nothing from elsewhere", async () => {
    const response = await get(makeBench(), path);
    const html = await response.text();
    expect(html).not.toMatch(/<script|<style|\sstyle=|\son[a-z]+=|src=/);
    expect(html).not.toMatch(/href="(?:https?:)?\/\//);
    expect(response.headers.get("content-security-policy")).toMatch(
      /^default-src 'none'; style-src 'self'; /,
    );
    expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
  });

  it("has one first heading, and none that leaves out a level", async () => {
    const html = await pageAt(path);
    const levels = [...html.matchAll(/<h([1-6])\b/g)].map(([, level]) => Number(level));
    expect(levels.filter((level) => level === 1)).toHaveLength(1);
    for (const [at, level] of levels.entries()) expect(level - (levels[at - 1] ?? 0)).toBeLessThanOrEqual(1);
    expect(html.match(/<main\b/g)).toHaveLength(1);
  });

  it("takes no parameters", async () => {
    await expectRefusal(await get(makeBench(), `${path}?x=1`), "INVALID_QUERY");
  });
});

describe("/docs", () => {
  it("has a section for each route, with a line to try that asks the node it came from", async () => {
    const api = makeBench().api;
    const html = await (await api.request("/docs", { headers: { Host: "count.example:4001" } })).text();
    for (const { id } of OPERATIONS) expect(idsOf(html)).toContain(id);
    expect(html.match(/curl [^\n]*http:\/\/count\.example:4001\//g)?.length).toBe(OPERATIONS.length);
  });

  it("shows no Host that could be anything else", async () => {
    const html = apiPage(DOCUMENT, 'http://x"><b>');
    expect(html).not.toContain('"><b>');
    const odd = await makeBench().api.request("/docs", { headers: { Host: "a&b" } });
    expect(await odd.text()).toContain("http://127.0.0.1:4000/");
  });

  it("shows everything of a document as text", () => {
    const hostile: unknown = JSON.parse(
      JSON.stringify(DOCUMENT)
        .replaceAll("counter", "<img src=x onerror='a'>&amp;")
        .replaceAll("Add", "</p>"),
    );
    const html = apiPage(hostile as OpenApiDocument, "http://x");
    expect(html).not.toMatch(/<img|onerror='/);
    expect(html).toContain("&lt;img src=x onerror=&#39;a&#39;&gt;&amp;amp;");
    expect(escapeHtml('<a href="x">\'&')).toBe("&lt;a href=&quot;x&quot;&gt;&#39;&amp;");
  });
});

describe("the type of a problem", () => {
  it.each(CODES)("of %s leads to a section that says what it means", async (code) => {
    const type = new URL(problemType(code), "http://127.0.0.1:4000/v1/counters/x");
    const html = await pageAt(type.pathname);
    expect(idsOf(html)).toContain(type.hash.slice(1));
    const section =
      html.slice(html.indexOf(`<h2 id="${type.hash.slice(1)}"`)).split("</section>", 1)[0] ?? "";
    expect(section).toContain(escapeHtml(ERRORS[code].title));
    expect(section).toContain(`<dd>${ERRORS[code].status}</dd>`);
    expect(section).toContain("<dt>What to do</dt>");
  });

  it("is the same on the page as in the answer", async () => {
    const problem = await expectRefusal(await get(makeBench(), "/nowhere"), "ROUTE_NOT_FOUND");
    expect(errorsPage(DOCUMENT)).toContain(escapeHtml(`"type": "${String(problem["type"])}"`));
  });
});

describe("GET /", () => {
  it("names every route, but for the pages and the forms of other services", async () => {
    const help = await (await get(makeBench(), "/")).text();
    const apart = ["Pages", "Forms of other services"];
    for (const { path, tag, needs } of OPERATIONS) {
      if (apart.includes(tag) || needs !== undefined) continue;
      // Of a member's paths only what comes behind is repeated.
      const [, tail] = /^\/v1\/cluster\/members\/:id(\/.*)$/.exec(path) ?? [];
      expect(help).toContain(tail ?? templateOf(path));
    }
  });
});

describe("docs/api.md", () => {
  it("is what `npm run docs` writes", () => {
    expect(readFileSync(API_FILE, "utf8")).toBe(generatedApi());
  });
});
