/** docs/api.md, rendered from the OpenAPI document. */

import { ERRORS, type ErrorCode, type ErrorInfo } from "../base/index.ts";
import { EXPLANATIONS } from "./docs-errors.ts";
import { retryText } from "./docs-page.ts";
import {
  answersOf,
  curlLine,
  type Entry,
  entriesOf,
  fieldsOf,
  nameOf,
  refusalsOf,
  type Sample,
  samplesOf,
  type TypeWriter,
  typeText,
  wordsOf,
} from "./docs-view.ts";
import type { JsonSchema, OpenApiDocument } from "./openapi-document.ts";

/** The node of the examples: one of the local cluster that `npm start` runs. */
const BASE = "http://127.0.0.1:4000";

/** The whole document as Markdown. */
export function apiMarkdown(document: OpenApiDocument): string {
  const { info, tags, components } = document;
  const parts = [
    `# The ${info.title} interface`,
    "<!-- Made by `npm run docs` of src/api/openapi*.ts; a test fails when it is not up to date. -->",
    info.description,
    "Every node shows this at `/docs`, and has it for programs at `/openapi.json`.",
  ];
  for (const { name, description } of tags) {
    const entries = entriesOf(document, name);
    if (entries.length === 0) continue;
    parts.push(`## ${name}`, description, ...entries.flatMap((entry) => operationParts(document, entry)));
  }
  parts.push("## Forms", "A question mark stands behind what may be absent.");
  for (const [name, schema] of Object.entries(components.schemas)) parts.push(...formParts(name, schema));
  parts.push(
    "## Errors",
    "All are problem documents (RFC 9457); `type` leads to `/docs/errors` of the node.",
  );
  parts.push(errorTable());
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

function operationParts(document: OpenApiDocument, { method, path, operation }: Entry): readonly string[] {
  const parts = [
    `### ${method} ${path}`,
    `**${operation.summary}.** ${operation.description}`,
    `\`\`\`sh\n${curlLine(method, operation, BASE)}\n\`\`\``,
  ];
  const parameters = operation.parameters.map(
    ({ name, in: place, required, schema, description }) =>
      `- \`${name}\` (${place}${required ? ", required" : ""}; ${typeText(schema, TYPES)}): ${description}`,
  );
  if (parameters.length > 0) parts.push(parameters.join("\n"));
  const media = operation.requestBody?.content["application/json"];
  if (media?.schema?.$ref !== undefined) {
    const optional = operation.requestBody?.required === true ? "" : ", optional";
    parts.push(`Body${optional}: ${linkTo(nameOf({ $ref: media.schema.$ref }))}, such as`);
    parts.push(...samplesOf(document, media).map(jsonBlock));
  }
  for (const [status, { description, content = {} }] of answersOf(document, operation)) {
    const answers = Object.entries(content).filter(([type]) => type !== "application/problem+json");
    if (answers.length === 0 && Object.keys(content).length > 0) continue;
    const types = answers.map(([type, { schema }]) =>
      schema?.$ref === undefined ? `\`${type}\`` : `${linkTo(nameOf({ $ref: schema.$ref }))}`,
    );
    const first = description.split("\n\n", 1)[0] ?? "";
    parts.push(`**${status}** ${first}${types.length === 0 ? "" : ` ${types.join(", ")}`}`);
    for (const [type, answer] of answers) {
      const events = Object.entries(answer["x-events"] ?? {});
      if (events.length > 0) {
        parts.push(
          events.map(([event, form]) => `- \`event: ${event}\`: ${linkTo(nameOf(form))}`).join("\n"),
        );
      }
      const samples = samplesOf(document, answer);
      parts.push(...samples.map(type === "application/json" ? jsonBlock : textBlock));
    }
  }
  const refusals = refusalsOf(document, operation).map(({ status, code }) => `${status} \`${code}\``);
  parts.push(`Refused with: ${refusals.join(", ")}.`);
  return parts;
}

function linkTo(name: string): string {
  return `[${name}](#${name.toLowerCase()})`;
}

const TYPES: TypeWriter = { link: linkTo, text: (words) => words };

function jsonBlock({ text }: Sample): string {
  return `\`\`\`json\n${text}\n\`\`\``;
}

function textBlock({ text }: Sample): string {
  return `\`\`\`text\n${text}\n\`\`\``;
}

function formParts(name: string, schema: JsonSchema): readonly string[] {
  const fields = fieldsOf(schema).map((field) => {
    const words = wordsOf(field.schema);
    const about = words === "" ? "" : `: ${words}`;
    return `- \`${field.name}${field.required ? "" : "?"}\` (${typeText(field.schema, TYPES)})${about}`;
  });
  const body = fields.length > 0 ? fields.join("\n") : typeText(schema, TYPES);
  return [`### ${name}`, schema.description ?? "", body];
}

function errorTable(): string {
  const rows = (Object.entries(ERRORS) as [ErrorCode, ErrorInfo][]).map(([code, info]) => {
    const { when, todo } = EXPLANATIONS[code];
    return `| \`${code}\` | ${info.status} | ${info.outcome} | ${retryText(info)} | ${cell(when)} | ${cell(todo)} |`;
  });
  const head = "| code | status | outcome | send it again? | when | what to do |\n|---|---:|---|---|---|---|";
  return `${head}\n${rows.join("\n")}`;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
