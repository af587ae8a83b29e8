/** The pages below /docs, rendered from the OpenAPI document: plain HTML that needs neither script nor network. */

import { ERRORS, type ErrorCode, type ErrorInfo } from "../base/index.ts";
import { EXPLANATIONS } from "./docs-errors.ts";
import {
  answersOf,
  curlLine,
  type Entry,
  entriesOf,
  fieldsOf,
  nameOf,
  refusalsOf,
  samplesOf,
  type TypeWriter,
  typeText,
  wordsOf,
} from "./docs-view.ts";
import type { JsonSchema, MediaTypeObject, OpenApiDocument, ParameterObject } from "./openapi-document.ts";
import { anchorOf, ERRORS_PATH } from "./problem.ts";

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Text as it may stand between tags and in attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}

/** A sentence in which `code` stands between backticks. */
function inline(text: string): string {
  return escapeHtml(text).replace(/`([^`]+)`/g, "<code>$1</code>");
}

function paragraphs(text: string): string {
  return text
    .split("\n\n")
    .map((paragraph) => `<p>${inline(paragraph)}</p>`)
    .join("\n");
}

/** What the links of all pages lead to. */
const PLACES: readonly (readonly [string, string])[] = [
  ["/docs", "Interface"],
  [ERRORS_PATH, "Errors"],
  ["/openapi.json", "openapi.json"],
  ["/", "Dashboard"],
];

interface Frame {
  readonly title: string;
  readonly path: string;
  /** What the page is about, below its title. */
  readonly intro: string;
  /** Links within the page: id and text. */
  readonly contents: readonly (readonly [string, string])[];
  readonly main: string;
}

function frame({ title, path, intro, contents, main }: Frame): string {
  const places = PLACES.map(([href, text]) => {
    const current = href === path ? ' aria-current="page"' : "";
    return `<li><a href="${href}"${current}>${text}</a></li>`;
  });
  const links = contents.map(([id, text]) => `<li><a href="#${escapeHtml(id)}">${escapeHtml(text)}</a></li>`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/style.css">
</head>
<body>
<a class="skip" href="#main">To the text</a>
<header>
<nav aria-label="Pages"><ul>${places.join("")}</ul></nav>
</header>
<nav class="contents" aria-label="On this page"><ul>
${links.join("\n")}
</ul></nav>
<main id="main" tabindex="-1">
<h1>${escapeHtml(title)}</h1>
${intro}
${main}
</main>
</body>
</html>
`;
}

/**
 * GET /docs.
 * @param base the URL of the node for the lines to try, as its reader knows it.
 */
export function apiPage(document: OpenApiDocument, base: string): string {
  const { info, tags, components } = document;
  const shown = tags.filter(({ name }) => entriesOf(document, name).length > 0);
  const chapters = shown.map(({ name, description }) => {
    const entries = entriesOf(document, name).map((entry) => operationSection(document, entry, base));
    const id = chapterId(name);
    return `<section aria-labelledby="${id}">\n<h2 id="${id}">${escapeHtml(name)}</h2>\n<p>${inline(description)}</p>\n${entries.join("\n")}\n</section>`;
  });
  const forms = Object.entries(components.schemas).map(([name, schema]) => formSection(name, schema));
  const contents = shown.flatMap(({ name }) => [
    [chapterId(name), name] as const,
    ...entriesOf(document, name).map(
      ({ method, path, operation }) => [operation.operationId, `${method} ${path}`] as const,
    ),
  ]);
  return frame({
    title: `${info.title} ${info.version}: the interface`,
    path: "/docs",
    intro: `<p class="lead">${inline(info.summary)}.</p>\n${paragraphs(info.description)}`,
    contents: [...contents, ["forms", "Forms"] as const],
    main: `${chapters.join("\n")}\n<section aria-labelledby="forms">\n<h2 id="forms">Forms</h2>\n<p>Of bodies and answers. A question mark stands behind what may be absent.</p>\n${forms.join("\n")}\n</section>`,
  });
}

function chapterId(tag: string): string {
  return `chapter-${tag.toLowerCase().replaceAll(" ", "-")}`;
}

function operationSection(
  document: OpenApiDocument,
  { method, path, operation }: Entry,
  base: string,
): string {
  const id = escapeHtml(operation.operationId);
  const parts = [
    `<h3 id="${id}"><a href="#${id}"><span class="method">${method}</span> <code>${breakable(path)}</code></a></h3>`,
    `<p class="summary">${inline(operation.summary)}</p>`,
    paragraphs(operation.description),
    `<pre><code>${escapeHtml(curlLine(method, operation, base))}</code></pre>`,
  ];
  if (operation.parameters.length > 0) {
    parts.push("<h4>Parameters</h4>", list(operation.parameters.map(parameterItem)));
  }
  const body = operation.requestBody;
  if (body !== undefined) {
    parts.push(`<h4>Body${body.required ? "" : " (optional)"}</h4>`, mediaBlocks(document, body.content));
  }
  parts.push("<h4>Answers</h4>");
  for (const [status, answer] of answersOf(document, operation)) {
    const content = Object.entries(answer.content ?? {}).filter(
      ([type]) => type !== "application/problem+json",
    );
    if (content.length === 0 && answer.content !== undefined) continue;
    parts.push(`<p><strong>${status}</strong> ${inline(firstLine(answer.description))}</p>`);
    parts.push(mediaBlocks(document, Object.fromEntries(content)));
    const own = Object.keys(answer.headers).map((name) => `<code>${escapeHtml(name)}</code>`);
    parts.push(`<p class="small">Headers: ${own.join(", ")}</p>`);
  }
  const refusals = refusalsOf(document, operation).map(
    ({ status, code }) =>
      `<li>${status} <a href="${ERRORS_PATH}#${escapeHtml(anchor(code))}"><code>${breakable(code)}</code></a></li>`,
  );
  parts.push("<h4>Refusals</h4>", `<ul class="codes">${refusals.join("")}</ul>`);
  return `<section class="operation" aria-labelledby="${id}">\n${parts.join("\n")}\n</section>`;
}

/** May be broken behind slashes and underscores, where it is long. */
function breakable(text: string): string {
  return escapeHtml(text).replace(/[/_]/g, "$&<wbr>");
}

function firstLine(text: string): string {
  return text.split("\n\n", 1)[0] ?? "";
}

function anchor(code: string): string {
  return anchorOf(code as ErrorCode);
}

/** Names with what is said of each; reflows on narrow screens, unlike a table. */
function list(items: readonly string[]): string {
  return items.length === 0 ? "" : `<dl>\n${items.join("\n")}\n</dl>`;
}

function item(name: string, { type, words, note }: { type: string; words: string; note: string }): string {
  const about = words === "" ? "" : `<br>${inline(words)}`;
  return `<dt><code>${escapeHtml(name)}</code>${note}</dt><dd><span class="type">${type}</span>${about}</dd>`;
}

function parameterItem({ name, in: place, required, schema, description }: ParameterObject): string {
  const note = ` <span class="small">${place}${required ? ", required" : ""}</span>`;
  return item(name, { type: typeText(schema, TYPES), words: description, note });
}

function linkTo(name: string): string {
  const text = escapeHtml(name);
  return `<a href="#form-${text}">${text}</a>`;
}

const TYPES: TypeWriter = { link: linkTo, text: escapeHtml };

function mediaBlocks(document: OpenApiDocument, content: Readonly<Record<string, MediaTypeObject>>): string {
  return Object.entries(content)
    .map(([type, media]) => {
      const form = media.schema?.$ref === undefined ? "" : `: ${linkTo(nameOf({ $ref: media.schema.$ref }))}`;
      const events = Object.entries(media["x-events"] ?? {}).map(
        ([event, reference]) => `<li><code>${escapeHtml(event)}</code>: ${linkTo(nameOf(reference))}</li>`,
      );
      const carried = events.length === 0 ? "" : `<ul>${events.join("")}</ul>`;
      const samples = samplesOf(document, media).map(
        ({ text }) => `<pre><code>${escapeHtml(text)}</code></pre>`,
      );
      return `<p class="small"><code>${escapeHtml(type)}</code>${form}</p>\n${carried}\n${samples.join("\n")}`;
    })
    .join("\n");
}

function formSection(name: string, schema: JsonSchema): string {
  const text = escapeHtml(name);
  const id = `form-${text}`;
  const about = schema.description === undefined ? "" : `<p>${inline(schema.description)}</p>`;
  const fields = fieldsOf(schema).map((field) =>
    item(`${field.name}${field.required ? "" : "?"}`, {
      type: typeText(field.schema, TYPES),
      words: wordsOf(field.schema),
      note: "",
    }),
  );
  const body = fields.length > 0 ? list(fields) : `<p class="type">${typeText(schema, TYPES)}</p>`;
  return `<section aria-labelledby="${id}">\n<h3 id="${id}"><a href="#${id}">${text}</a></h3>\n${about}\n${body}\n</section>`;
}

const OUTCOMES: Readonly<Record<ErrorInfo["outcome"], string>> = {
  "not-applied": "Nothing has changed, and nothing will.",
  unknown: "It may or may not count.",
};

/** Whether the same request may be sent again, in a sentence. */
export function retryText({ retry, outcome }: ErrorInfo): string {
  if (!retry && outcome === "unknown") return "Only with the same idempotency key.";
  if (!retry) return "No: the same request gets the same answer until something else changes.";
  if (outcome === "unknown") return "Yes, with the same idempotency key.";
  return "Yes, unchanged.";
}

/** GET /docs/errors. */
export function errorsPage(document: OpenApiDocument): string {
  const codes = Object.entries(ERRORS) as [ErrorCode, ErrorInfo][];
  const sections = codes.map(([code, info]) => {
    const { when, todo } = EXPLANATIONS[code];
    const id = anchorOf(code);
    const facts = [
      fact("Status", String(info.status)),
      fact("Outcome", `<code>${info.outcome}</code>: ${OUTCOMES[info.outcome]}`),
      fact("Send it again?", retryText(info)),
      fact("What to do", inline(todo)),
    ];
    const sample = document.components.examples[code]?.value;
    return `<section aria-labelledby="${id}">
<h2 id="${id}"><a href="#${id}"><code>${breakable(code)}</code></a></h2>
<p class="summary">${inline(info.title)}</p>
<p>${inline(when)}</p>
${list(facts)}
<pre><code>${escapeHtml(JSON.stringify(sample, null, 2))}</code></pre>
</section>`;
  });
  return frame({
    title: `${document.info.title}: the errors`,
    path: ERRORS_PATH,
    intro: paragraphs(
      "Every refusal is a problem document (RFC 9457). Its `type` leads to a section of this page, `code` is for programs, " +
        "`detail` says what was wrong with this request, and `outcome` whether anything may have changed.",
    ),
    contents: codes.map(([code]) => [anchorOf(code), code] as const),
    main: sections.join("\n"),
  });
}

function fact(name: string, html: string): string {
  return `<dt>${name}</dt><dd>${html}</dd>`;
}
