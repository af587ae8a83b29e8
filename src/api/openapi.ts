/**
 * The OpenAPI 3.1 document of the interface. Its schemas are the zod objects that requests are checked with, and those
 * that the tests hold every answer against; the rest is said in the tables of the files openapi-*.ts. A test compares
 * these tables with the table of routes, both ways.
 */

import { z } from "zod";
import { ERRORS, type ErrorCode, type ErrorInfo } from "../base/index.ts";
import { ANSWER_SCHEMAS } from "./answer-schemas.ts";
import { EXPLANATIONS } from "./docs-errors.ts";
import { EVENT_SCHEMAS } from "./event-schemas.ts";
import { CLUSTER_OPERATIONS } from "./openapi-cluster.ts";
import { COMPAT_OPERATIONS } from "./openapi-compat.ts";
import type {
  ExampleObject,
  HeaderObject,
  JsonSchema,
  MediaTypeObject,
  OpenApiDocument,
  ParameterObject,
  Reference,
  ResponseObject,
} from "./openapi-document.ts";
import type { Answer, Content, ErrorForm, Operation, Parameter, Tag } from "./openapi-form.ts";
import { HEALTH_OPERATIONS } from "./openapi-health.ts";
import { READ_OPERATIONS } from "./openapi-reads.ts";
import { ANY_HEADERS, HEADERS } from "./openapi-shared.ts";
import { shareResponses, type WholeOperation } from "./openapi-sharing.ts";
import { WRITE_OPERATIONS } from "./openapi-writes.ts";
import { problemText } from "./problem.ts";
import {
  addMemberBody,
  allocateBody,
  batchBody,
  incrementBody,
  itemsBody,
  keyValueBody,
  labelsBody,
  moveMemberBody,
  replaceMemberBody,
  setBody,
  transferBody,
} from "./schemas.ts";

/** Every route, in the order in which it is shown. */
export const OPERATIONS: readonly Operation[] = [
  ...WRITE_OPERATIONS,
  ...READ_OPERATIONS,
  ...CLUSTER_OPERATIONS,
  ...COMPAT_OPERATIONS,
  ...HEALTH_OPERATIONS,
];

/** What requests are checked with, by the name that it has under components/schemas. */
export const BODY_SCHEMAS: Readonly<Record<string, z.ZodType>> = {
  IncrementBody: incrementBody,
  BatchBody: batchBody,
  SetBody: setBody,
  AllocateBody: allocateBody,
  KeyValueBody: keyValueBody,
  ItemsBody: itemsBody,
  LabelsBody: labelsBody,
  AddMemberBody: addMemberBody,
  ReplaceMemberBody: replaceMemberBody,
  MoveMemberBody: moveMemberBody,
  TransferBody: transferBody,
};

const TAGS: Readonly<Record<Tag, string>> = {
  Counting:
    "Every answer says what came of it: done, refused with nothing changed, or unknown and safe to repeat with a key.",
  Reading: "Linearizable by default, on every node.",
  Watching: "Changes as they happen, without gaps.",
  Cluster: "For whoever runs it.",
  "Health and metrics": "For load balancers, Kubernetes and Prometheus.",
  "Forms of other services":
    "The requests of counter services that are met elsewhere, so that their scripts run unchanged: a node that does not " +
    "lead passes these on to the leader by itself, and redirects only where it cannot reach it.",
  Pages: "For people.",
};

const DESCRIPTION = `Counters that do not lose a count. Any node takes any request: writes go to the leader by a redirect
(307; \`curl -L\` follows it), or are passed on with \`--writes forward\`.

Integers are plain JSON integers, exact over the signed 64-bit range; sums may be longer. Parsers that make doubles of
them round beyond 2^53: the TypeScript client does not. A key is one percent-encoded segment of the path. Unknown query
parameters and fields of a body are refused, so that a typing error is not taken for consent. Answers may get more
fields in later versions: ignore those that you do not know.

Where there is GET there is HEAD, but for streams and backups. Every refusal is a problem document (RFC 9457) with a
\`code\`, an \`outcome\` and, where trying again makes sense, \`Retry-After\`; its \`type\` leads to \`/docs/errors\`.

From a browser, pages that a node of the cluster has served may ask and change everything, and so may those that
\`--allow-origin\` names: they see \`Access-Control-Allow-Origin\`, and OPTIONS on any route, as a browser sends it before
such a request, is answered with 204 and the methods and headers that it may use. Pages of all others get 403
FOREIGN_ORIGIN for OPTIONS and for whatever would change something, and see no other answer. With \`--rate-limit\` an
\`Authorization: Bearer\` of your own gives you a share of your own.`;

const json = "application/json";
const PROBLEM = "application/problem+json";

/** @param version of the program. */
export function openApiDocument(version: string): OpenApiDocument {
  const { paths, responses } = shareResponses(pathsOf(OPERATIONS));
  return {
    openapi: "3.1.0",
    info: {
      title: "Raftally",
      version,
      summary: "A replicated counter service that does not lose a count",
      description: DESCRIPTION,
      license: { name: "Apache License 2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/", description: "The node that this came from" }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
    components: { schemas: schemas(), responses, headers: headers(), examples: problemExamples() },
  };
}

function pathsOf(
  operations: readonly Operation[],
): Readonly<Record<string, Readonly<Record<string, WholeOperation>>>> {
  const paths: Record<string, Record<string, WholeOperation>> = {};
  for (const operation of operations) {
    const path = templateOf(operation.path);
    const item = paths[path] ?? {};
    item[operation.method.toLowerCase()] = describe(operation);
    paths[path] = item;
  }
  return paths;
}

/** `/v1/counters/:key` as OpenAPI writes it: `/v1/counters/{key}`. */
export function templateOf(path: string): string {
  return path.replaceAll(/:([a-z]+)/g, "{$1}");
}

function describe(operation: Operation): WholeOperation {
  const { body, curl, needs } = operation;
  return {
    operationId: operation.id,
    tags: [operation.tag],
    summary: operation.summary,
    description:
      needs === undefined ? operation.description : `${operation.description}\n\nOnly with \`${needs}\`.`,
    parameters: operation.parameters.map(describeParameter),
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: body.required,
            content: {
              [json]: { schema: refTo("schemas", body.schema), examples: examplesOf(body.examples) },
            },
          },
        }),
    responses: responsesOf(operation),
    "x-curl": { options: curl.options ?? "", target: curl.target },
    ...(needs === undefined ? {} : { "x-needs": needs }),
  };
}

function describeParameter({ schema, required, ...rest }: Parameter): ParameterObject {
  return { ...rest, required: required === true, schema: schemaOf(schema) };
}

/** Refusals that come before or after the handler of a route, which are problem documents on every route. */
const AROUND: readonly ErrorCode[] = [
  "METHOD_NOT_ALLOWED",
  "TOO_MANY_REQUESTS",
  "FOREIGN_ORIGIN",
  "INTERNAL",
  "NOT_LEADER",
];

function responsesOf({ answers, refusals, errors }: Operation): Readonly<Record<string, ResponseObject>> {
  const responses: Record<string, ResponseObject> = {};
  for (const [status, answer] of Object.entries(answers)) responses[status] = describeAnswer(answer);
  const asProblems = errors === undefined ? refusals : refusals.filter((code) => AROUND.includes(code));
  for (const [status, codes] of byStatus(asProblems)) {
    responses[status] = together(responses[status], describeRefusals(codes));
  }
  if (errors === undefined) return responses;
  const inForm = refusals.filter((code) => !AROUND.includes(code));
  for (const [status, codes] of byStatus(inForm, errors.instead)) {
    responses[status] = together(responses[status], describeErrors(codes, errors));
  }
  return responses;
}

/** Two ways in which a route answers with one status. */
function together(one: ResponseObject | undefined, other: ResponseObject): ResponseObject {
  if (one === undefined) return other;
  return {
    description: `${one.description}\n\n${other.description}`,
    headers: { ...one.headers, ...other.headers },
    content: { ...other.content, ...one.content },
  };
}

function describeAnswer({ description, headers: names = [], content }: Answer): ResponseObject {
  const headers = headerRefs([...names, ...ANY_HEADERS]);
  if (content === undefined) return { description, headers };
  const described = Object.entries(content).map(([type, form]) => [type, describeContent(form)] as const);
  return { description, headers, content: Object.fromEntries(described) };
}

function describeContent({ schema, text, examples, events = {} }: Content): MediaTypeObject {
  const named = Object.entries(events).map(([event, form]) => [event, refTo("schemas", form)] as const);
  return {
    ...(schema === undefined ? {} : { schema: refTo("schemas", schema) }),
    ...(text === undefined ? {} : { schema: schemaOf(text) }),
    ...(examples === undefined ? {} : { examples: examplesOf(examples) }),
    ...(named.length === 0 ? {} : { "x-events": Object.fromEntries(named) }),
  };
}

/** The codes of `refusals` by their status, each in order. */
function byStatus(
  refusals: readonly ErrorCode[],
  instead: Readonly<Record<number, number>> = {},
): ReadonlyMap<string, readonly ErrorCode[]> {
  const found = new Map<string, ErrorCode[]>();
  for (const code of new Set(refusals)) {
    const status = String(instead[ERRORS[code].status] ?? ERRORS[code].status);
    found.set(status, [...(found.get(status) ?? []), code]);
  }
  return found;
}

/** Refusals of a command that a retry with the same idempotency key gets again, as outcomes of the first attempt. */
const REMEMBERED: readonly ErrorCode[] = ["COUNTER_OVERFLOW", "LIMIT_REACHED", "REVISION_MISMATCH"];

/** Headers of refusals beyond those of every answer. */
function refusalHeaders(codes: readonly ErrorCode[]): readonly string[] {
  return [
    codes.includes("NOT_LEADER") ? "Location" : undefined,
    codes.some((code) => ERRORS[code].retry && code !== "NOT_LEADER") ? "Retry-After" : undefined,
    codes.includes("METHOD_NOT_ALLOWED") ? "Allow" : undefined,
    codes.some((code) => REMEMBERED.includes(code)) ? "Idempotency-Replayed" : undefined,
  ].filter((name) => name !== undefined);
}

function titlesOf(codes: readonly ErrorCode[]): string {
  return codes.map((code) => `\`${code}\`: ${ERRORS[code].title}`).join("\n\n");
}

function describeErrors(codes: readonly ErrorCode[], { schema, examples }: ErrorForm): ResponseObject {
  return {
    description: titlesOf(codes),
    headers: headerRefs([...refusalHeaders(codes), ...ANY_HEADERS]),
    content: { [json]: { schema: refTo("schemas", schema), examples: examplesOf(examples) } },
  };
}

function describeRefusals(codes: readonly ErrorCode[]): ResponseObject {
  const examples: Record<string, Reference> = {};
  for (const code of codes) examples[code] = refTo("examples", code);
  const schema: JsonSchema = {
    allOf: [
      refTo("schemas", "Problem"),
      { type: "object", properties: { code: { type: "string", enum: codes } }, additionalProperties: true },
    ],
  };
  return {
    description: titlesOf(codes),
    headers: headerRefs([...refusalHeaders(codes), ...ANY_HEADERS]),
    content: { [PROBLEM]: { schema, examples } },
  };
}

function headerRefs(names: readonly string[]): Readonly<Record<string, Reference>> {
  return Object.fromEntries(names.map((name) => [name, refTo("headers", name)]));
}

function headers(): Readonly<Record<string, HeaderObject>> {
  return HEADERS as Readonly<Record<string, HeaderObject>>;
}

function refTo(kind: "schemas" | "headers" | "examples", name: string): Reference {
  return { $ref: `#/components/${kind}/${name}` };
}

function examplesOf(examples: Readonly<Record<string, unknown>>): Readonly<Record<string, ExampleObject>> {
  return Object.fromEntries(Object.entries(examples).map(([name, value]) => [name, { value }]));
}

/** One refusal of each code, as it would be sent. */
function problemExamples(): Readonly<Record<string, ExampleObject>> {
  const all = (Object.entries(ERRORS) as [ErrorCode, ErrorInfo][]).map(([code, info]) => {
    const leader = code === "NOT_LEADER" ? { leader: { id: "n2", url: "http://127.0.0.1:4001" } } : {};
    const particulars = { detail: EXPLANATIONS[code].example, ...leader };
    const value: unknown = JSON.parse(problemText(code, particulars, { requestId: "8e03c1d2-1" }));
    return [code, { summary: info.title, value }] as const;
  });
  return Object.fromEntries(all);
}

/** What OpenAPI itself says of its documents is not repeated here. */
const documentSchema = z.looseObject({ openapi: z.literal("3.1.0") }).meta({ description: "This document" });

const CONVERSION = { io: "input", unrepresentable: "any" } as const;

function schemas(): Readonly<Record<string, JsonSchema>> {
  const registry = z.registry<{ id: string }>();
  const all = { ...BODY_SCHEMAS, ...ANSWER_SCHEMAS, ...EVENT_SCHEMAS, OpenApiDocument: documentSchema };
  for (const [id, schema] of Object.entries(all)) registry.add(schema, { id });
  const uri = (id: string): string => `#/components/schemas/${id}`;
  const converted = z.toJSONSchema(registry, { ...CONVERSION, uri }).schemas;
  return Object.fromEntries(Object.entries(converted).map(([name, schema]) => [name, bare(schema)]));
}

function schemaOf(schema: z.ZodType): JsonSchema {
  return bare(z.toJSONSchema(schema, CONVERSION));
}

/** Without what zod says of the schema as a document of its own. */
function bare(schema: object): JsonSchema {
  const { $schema, $id, ...rest } = schema as Readonly<Record<string, unknown>>;
  return rest as JsonSchema;
}
