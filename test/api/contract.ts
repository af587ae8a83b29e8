/**
 * Holds answers against the OpenAPI document: the status is one of the route's, the headers are those that are said,
 * and the body has the form that is said, without a field more. Every answer that a test of the interface gets goes
 * through here, see `holdToContract`.
 */

import { appendFileSync } from "node:fs";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import ajvFormats from "ajv-formats";
import { onTestFinished } from "vitest";
import { targetOf } from "../../src/api/call.ts";
import { nameOf } from "../../src/api/docs-view.ts";
import type { Api } from "../../src/api/index.ts";
import { NumberToken, parseJson } from "../../src/api/json.ts";
import { OPERATIONS, openApiDocument, templateOf } from "../../src/api/openapi.ts";
import type { MediaTypeObject, OpenApiDocument, ResponseObject } from "../../src/api/openapi-document.ts";
import type { Operation } from "../../src/api/openapi-form.ts";
import { pathOf } from "../../src/api/target.ts";

/** An answer as a client gets it. */
export interface GivenAnswer {
  readonly method: string;
  /** Path and query as they were sent. */
  readonly target: string;
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  /** Undefined if it is not looked at: streams, and answers to HEAD. */
  readonly body: string | undefined;
}

/** Headers of HTTP itself, of caches, of browsers' rules: they mean the same on every route. */
const USUAL =
  /^(?:content-type|content-length|content-encoding|cache-control|vary|date|connection|keep-alive|transfer-encoding|access-control-.*|content-security-policy|referrer-policy|cross-origin-.*|x-content-type-options|x-accel-buffering|expires|last-modified)$/;

export const DOCUMENT: OpenApiDocument = openApiDocument("0.0.0");

type Json = Record<string, unknown>;

/** The published schemas are open, for clients of an older document. Here a field that is not described is a mistake. */
function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed);
  if (typeof value !== "object" || value === null) return value;
  const copy = Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, closed(inner)]));
  const isObjectSchema = copy["type"] === "object" && typeof copy["properties"] === "object";
  return isObjectSchema && !("additionalProperties" in copy)
    ? { ...copy, additionalProperties: false }
    : copy;
}

const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: true });
ajvFormats.default(ajv);
ajv.addSchema({ ...(closed(DOCUMENT) as Json), $id: "raftally" });

const validators = new Map<string, ValidateFunction>();

/** The validator of the schema at these steps into the document. */
export function validatorAt(...steps: readonly string[]): ValidateFunction {
  const pointer = steps.map((step) => step.replaceAll("~", "~0").replaceAll("/", "~1")).join("/");
  const found = validators.get(pointer) ?? ajv.compile({ $ref: `raftally#/${encodeURI(pointer)}` });
  validators.set(pointer, found);
  return found;
}

/** Parsed without losing a digit, and then as Ajv wants numbers: that a whole number is one has been seen by then. */
export function exactly(text: string): unknown {
  return plainNumbers(parseJson(text));
}

function plainNumbers(value: unknown): unknown {
  if (typeof value === "bigint") return Number(value);
  if (value instanceof NumberToken) {
    // Sums may be longer than 64 bits; a fraction or an exponent stays what it is.
    return /^-?[0-9]+$/.test(value.source) ? Math.trunc(Number(value.source)) : Number(value.source);
  }
  if (Array.isArray(value)) return value.map(plainNumbers);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plainNumbers(inner)]));
}

/** The operation that serves a request; of several the one with the fewest parameters. */
export function operationFor(method: string, target: string): Operation | undefined {
  const given = pathOf(target).split("/");
  const asked = method === "HEAD" ? "GET" : method;
  const fitting = OPERATIONS.filter((operation) => operation.method === asked && fits(operation.path, given));
  return fitting.sort((a, b) => a.path.split(":").length - b.path.split(":").length)[0];
}

function fits(path: string, given: readonly string[]): boolean {
  const wanted = path.split("/");
  return wanted.length === given.length && wanted.every((part, at) => fitsPart(part, given[at] ?? ""));
}

/** `:key.svg` stands for a key with an ending. */
function fitsPart(part: string, given: string): boolean {
  if (!part.startsWith(":")) return part === given;
  const ending = /^:[a-z]+(?:\{.*\})?(.*)$/.exec(part)?.[1] ?? "";
  return given.length > ending.length && given.endsWith(ending);
}

/** Of every answer that this process has seen: route and status, and with these each media type and each header. */
export const SEEN: Set<string> = new Set();

/** Where the answers of all processes are put down, for contract-report.ts. */
const SEEN_FILE = process.env["RAFTALLY_CONTRACT_SEEN"];

function see(line: string): void {
  if (SEEN.has(line)) return;
  SEEN.add(line);
  if (SEEN_FILE !== undefined) appendFileSync(SEEN_FILE, `${line}\n`);
}

const NONE: readonly string[] = [];

/** What is wrong with an answer, in sentences. */
export function violationsOf(answer: GivenAnswer): readonly string[] {
  const { method, target, status } = answer;
  // What was passed on is the leader's: the real one was held to the contract itself, and a fake one need not be.
  if (answer.headers.has("raftally-forwarded-by")) return NONE;
  const found = problemsOf(answer);
  return found.map(
    (problem) => `${method} ${target} → ${status}: ${problem}\n  ${answer.body?.slice(0, 500)}`,
  );
}

function problemsOf(answer: GivenAnswer): readonly string[] {
  const { method, target, status } = answer;
  if (method === "OPTIONS") return preflightProblems(answer);
  const operation = operationFor(method, target);
  if (operation === undefined) return outsideProblems(answer);
  const path = templateOf(operation.path);
  const given = DOCUMENT.paths[path]?.[operation.method.toLowerCase()]?.responses[String(status)];
  const isShared = given !== undefined && "$ref" in given;
  const response = isShared ? DOCUMENT.components.responses[nameOf(given)] : given;
  const name = `${operation.method} ${path} ${status}`;
  if (response === undefined) return [`the document has no answer ${name}`];
  see(name);
  const type = answer.headers.get("content-type")?.split(";", 1)[0];
  if (type !== undefined) see(`${name} ${type}`);
  for (const header of answer.headers.keys()) see(`${name} with ${header}`);
  const where = isShared
    ? ["components", "responses", nameOf(given)]
    : ["paths", path, operation.method.toLowerCase(), "responses", String(status)];
  return [...headerProblems(answer, response), ...bodyProblems(answer, response, where)];
}

/** What the document says of OPTIONS in its introduction: 204 for a browser that may ask, else a refusal. */
function preflightProblems({ status, headers, body }: GivenAnswer): readonly string[] {
  if (status === 204) {
    const needed = [
      "access-control-allow-methods",
      "access-control-allow-headers",
      "access-control-allow-origin",
    ];
    return needed.filter((name) => !headers.has(name)).map((name) => `${name} is missing`);
  }
  if (![403, 404, 405, 429].includes(status)) return ["OPTIONS is not answered like this"];
  return body === undefined ? NONE : schemaProblems(body, ["components", "schemas", "Problem"]);
}

/** Of a request that no route serves: only refusals, and they are complete. */
function outsideProblems(answer: GivenAnswer): readonly string[] {
  if (![400, 403, 404, 405, 408, 413, 417, 429, 431].includes(answer.status))
    return ["no route is described"];
  if (answer.body === undefined) return NONE;
  return schemaProblems(answer.body, ["components", "schemas", "Problem"]);
}

function headerProblems({ headers }: GivenAnswer, response: ResponseObject): readonly string[] {
  const said = new Map(Object.keys(response.headers).map((name) => [name.toLowerCase(), name]));
  const problems: string[] = [];
  for (const [name, value] of headers) {
    if (USUAL.test(name)) continue;
    const known = said.get(name);
    if (known === undefined) problems.push(`the header ${name} is not described`);
    else problems.push(...headerValueProblems(known, value));
  }
  if (!headers.has("x-request-id")) problems.push("X-Request-Id is missing");
  return problems;
}

function headerValueProblems(name: string, value: string): readonly string[] {
  const validate = validatorAt("components", "headers", name, "schema");
  const isWhole = DOCUMENT.components.headers[name]?.schema.type === "integer";
  return validate(isWhole ? exactly(value) : value)
    ? NONE
    : [`${name}: ${value} ${ajv.errorsText(validate.errors)}`];
}

function bodyProblems(
  { method, headers, body }: GivenAnswer,
  response: ResponseObject,
  where: readonly string[],
): readonly string[] {
  const given = headers.get("content-type");
  if (response.content === undefined) return body ? ["no body is described"] : NONE;
  const type = given?.split(";", 1)[0]?.trim() ?? "";
  const media: MediaTypeObject | undefined = response.content[type];
  if (media === undefined)
    return method === "HEAD" && given === undefined ? NONE : [`a ${type} is not described`];
  if (body === undefined || media.schema === undefined) return NONE;
  const at = [...where, "content", type, "schema"];
  if (type.endsWith("json")) return schemaProblems(body, at);
  const validate = validatorAt(...at);
  return validate(body) ? NONE : [ajv.errorsText(validate.errors)];
}

function schemaProblems(body: string, at: readonly string[]): readonly string[] {
  const validate = validatorAt(...at);
  try {
    return validate(exactly(body)) ? NONE : [ajv.errorsText(validate.errors)];
  } catch (error) {
    return [`the body is not JSON: ${String(error)}`];
  }
}

/** What is wrong with an event of a stream. @param target path and query that were asked. */
export function eventViolations(
  target: string,
  { event, data }: { readonly event: string; readonly data: string },
): readonly string[] {
  const path = pathOf(target);
  const response = DOCUMENT.paths[path]?.["get"]?.responses["200"];
  const content = response === undefined || "$ref" in response ? undefined : response.content;
  const stream = content?.["text/event-stream"];
  // Not the interface: a test of streams alone has a server of its own.
  if (stream === undefined) return NONE;
  const form = stream["x-events"]?.[event];
  if (form === undefined) return [`${path} has no event ${event} in the document`];
  const problems = schemaProblems(data, ["components", "schemas", nameOf(form)]);
  return problems.map((problem) => `${path}, event ${event}: ${problem}\n  ${data.slice(0, 500)}`);
}

/** What is wrong with a problem document that came past the application: a refusal of what is no request. */
export function problemViolations(body: string): readonly string[] {
  return schemaProblems(body, ["components", "schemas", "Problem"]);
}

/** What is read. Streams may have no end, and pages are compressed. */
const READ = ["application/json", "application/problem+json", "text/plain", "text/css"];

/** Whatever `api` answers from here on is held against the document; what is wrong fails the test that is under way. */
export function holdToContract(api: Api): void {
  const violations: string[] = [];
  onTestFinished(() => {
    if (violations.length > 0)
      throw new Error(`answers that are not as described:\n${violations.join("\n")}`);
  });
  const fetch = api.fetch;
  api.fetch = async (request, env, context) => {
    const response = await fetch(request, env, context);
    const type = response.headers.get("content-type")?.split(";", 1)[0] ?? "";
    const isText =
      READ.includes(type) && request.method !== "HEAD" && !response.headers.has("content-encoding");
    const body = isText ? await response.text() : undefined;
    const headers = new Map(response.headers);
    const incoming =
      typeof env === "object" && env !== null ? (env as Parameters<typeof targetOf>[1]) : undefined;
    const target = targetOf(request, incoming);
    violations.push(
      ...violationsOf({ method: request.method, target, status: response.status, headers, body }),
    );
    if (body === undefined) return response;
    const { status } = response;
    // Made of text again, so that it leaves the server on the same short way as it would have.
    return new Response(body === "" ? null : body, { status, headers: Object.fromEntries(headers) });
  };
}
