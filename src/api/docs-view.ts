/** The OpenAPI document read for people: what the pages and docs/api.md have in common, whatever they are written in. */

import { defined } from "../base/index.ts";
import type {
  ExampleObject,
  JsonSchema,
  MediaTypeObject,
  OpenApiDocument,
  OperationObject,
  Reference,
  ResponseObject,
} from "./openapi-document.ts";

export interface Entry {
  readonly method: string;
  readonly path: string;
  readonly operation: OperationObject;
}

/** Every operation of a chapter, in the document's order. */
export function entriesOf(document: OpenApiDocument, tag: string): readonly Entry[] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item)
      .filter(([, operation]) => operation.tags.includes(tag))
      .map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  );
}

/** A field of an object: what is said of it. */
export interface Field {
  readonly name: string;
  readonly required: boolean;
  readonly schema: JsonSchema;
}

/** The fields of an object's schema; for a choice between several, those of each in turn. */
export function fieldsOf(schema: JsonSchema): readonly Field[] {
  return Object.entries(schema.properties ?? {}).map(([name, field]) => ({
    name,
    required: schema.required?.includes(name) === true,
    schema: field,
  }));
}

/** The last part of `#/components/schemas/Counter`. */
export function nameOf({ $ref }: Reference): string {
  return $ref.slice($ref.lastIndexOf("/") + 1);
}

/** How the words of a type are written. */
export interface TypeWriter {
  /** The name of a schema under components/schemas. */
  link(name: string): string;
  /** Anything else. */
  text(words: string): string;
}

/** A schema's type in words. */
export function typeText(schema: JsonSchema, to: TypeWriter): string {
  if (schema.$ref !== undefined) return to.link(nameOf({ $ref: schema.$ref }));
  if (schema.const !== undefined) return to.text(JSON.stringify(schema.const));
  if (schema.enum !== undefined)
    return to.text(schema.enum.map((value) => JSON.stringify(value)).join(" or "));
  const choice = schema.oneOf ?? schema.anyOf;
  if (choice !== undefined) return choice.map((one) => typeText(one, to)).join(" or ");
  if (schema.type === "array") {
    return schema.items === undefined ? "list" : `list of ${typeText(schema.items, to)}`;
  }
  if (schema.type === "object" && schema.properties !== undefined) {
    const fields = fieldsOf(schema).map(
      ({ name, required, schema: field }) => `${to.text(name)}${required ? "" : "?"}: ${typeText(field, to)}`,
    );
    return `{ ${fields.join(", ")} }`;
  }
  return to.text([schema.type ?? "any", ...limitsOf(schema)].join(", "));
}

function limitsOf({ format, minimum, maximum, default: initial }: JsonSchema): readonly string[] {
  const safe = maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER;
  const range =
    minimum !== undefined && safe
      ? `${minimum} to ${maximum}`
      : minimum === undefined || minimum < -Number.MAX_SAFE_INTEGER
        ? undefined
        : `at least ${minimum}`;
  return [
    format === "int64" ? "64 bits" : undefined,
    range,
    initial === undefined ? undefined : `default ${String(initial)}`,
  ].filter((part) => part !== undefined);
}

/** What a schema's own description says, or that of the schema it refers to. */
export function wordsOf(schema: JsonSchema): string {
  return schema.description ?? schema.items?.description ?? "";
}

export interface Sample {
  readonly name: string;
  readonly text: string;
}

/** The examples of a body or an answer as text: JSON in lines, text as it is. */
export function samplesOf(document: OpenApiDocument, media: MediaTypeObject): readonly Sample[] {
  return Object.entries(media.examples ?? {}).map(([name, given]) => {
    const { value } = "$ref" in given ? exampleAt(document, given) : given;
    return { name, text: typeof value === "string" ? value.trimEnd() : jsonLines(value) };
  });
}

function exampleAt(document: OpenApiDocument, reference: Reference): ExampleObject {
  return document.components.examples[nameOf(reference)] ?? { value: undefined };
}

const WIDTH = 100;

/** JSON, on one line where it fits. */
export function jsonLines(value: unknown): string {
  const line = JSON.stringify(value);
  return line.length <= WIDTH ? line : JSON.stringify(value, null, 2);
}

/** The answers of an operation by status, also those that it shares with others. */
export function answersOf(
  { components }: OpenApiDocument,
  { responses }: OperationObject,
): readonly (readonly [status: string, ResponseObject])[] {
  return Object.entries(responses).map(([status, given]) => {
    const found = "$ref" in given ? components.responses[nameOf(given)] : given;
    return [status, defined(found, "document: an answer that is referred to is there")] as const;
  });
}

/** The codes with which an operation may refuse, by status. */
export function refusalsOf(
  document: OpenApiDocument,
  operation: OperationObject,
): readonly { status: string; code: string }[] {
  return answersOf(document, operation).flatMap(([status, { content }]) =>
    Object.keys(content?.["application/problem+json"]?.examples ?? {}).map((code) => ({ status, code })),
  );
}

/** The command line that tries it. @param base the URL of a node. */
export function curlLine(method: string, operation: OperationObject, base: string): string {
  const { options, target } = operation["x-curl"];
  const url = /[?&*]/.test(target) ? `'${base}${target}'` : `${base}${target}`;
  const follow = method === "GET" ? "" : "-L ";
  return `curl ${follow}${options === "" ? "" : `${options} `}${url}`;
}
