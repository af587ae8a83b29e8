/** The OpenAPI document: it describes what is there, all of it, and nothing else. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { answersOf, nameOf } from "../../src/api/docs-view.ts";
import { BODY_SCHEMAS, OPERATIONS, templateOf } from "../../src/api/openapi.ts";
import type { MediaTypeObject, OperationObject } from "../../src/api/openapi-document.ts";
import type { Operation } from "../../src/api/openapi-form.ts";
import { HEADERS } from "../../src/api/openapi-shared.ts";
import { ERRORS } from "../../src/base/index.ts";
import {
  DOCUMENT,
  eventViolations,
  exactly,
  type GivenAnswer,
  operationFor,
  validatorAt,
  violationsOf,
} from "./contract.ts";
import { type Bench, bodyOf, makeBench } from "./kit.ts";

/** With every part that is optional switched on. */
function benchOfAll(): Bench {
  const directory = mkdtempSync(join(tmpdir(), "raftally-page-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  mkdirSync(join(directory, "assets"));
  writeFileSync(join(directory, "index.html"), "<!doctype html><title>Page</title>");
  return makeBench({ page: { directory }, badges: true });
}

/** Described from the contract of the interface; they take their place in the table of routes as they are built. */
const AWAITED: readonly string[] = [];

const THERE = OPERATIONS.filter(({ method, path }) => !AWAITED.includes(`${method} ${path}`));
const described = THERE.map(({ method, path }) => `${method} ${path}`);

/** A refusal in any of its forms. */
interface Refused {
  readonly code?: string;
  readonly detail?: string;
  readonly error?: string;
  readonly errors?: { readonly detail?: string };
}

/** Of an operation in the document, with the way to it. */
interface Place {
  readonly name: string;
  readonly steps: readonly string[];
  readonly operation: OperationObject;
}

const PLACES: readonly Place[] = Object.entries(DOCUMENT.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({
    name: `${method.toUpperCase()} ${path}`,
    steps: ["paths", path, method],
    operation,
  })),
);

/** Each media type of a body or an answer, with the way to it. */
const MEDIA = PLACES.flatMap(({ name, steps, operation }) => {
  const found: [string, readonly string[], MediaTypeObject][] = [];
  for (const [type, media] of Object.entries(operation.requestBody?.content ?? {})) {
    found.push([`${name} takes ${type}`, [...steps, "requestBody", "content", type], media]);
  }
  for (const [status, { content = {} }] of answersOf(DOCUMENT, operation)) {
    const given = operation.responses[status];
    const shared = given !== undefined && "$ref" in given ? nameOf(given) : undefined;
    const there =
      shared === undefined ? [...steps, "responses", status] : ["components", "responses", shared];
    for (const [type, media] of Object.entries(content)) {
      found.push([`${name} answers ${status} ${type}`, [...there, "content", type], media]);
    }
  }
  return found;
});

function referencesIn(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) =>
    name === "$ref" && typeof inner === "string" ? [inner] : referencesIn(inner),
  );
}

function at(pointer: string): unknown {
  const steps = pointer.replace(/^#\//, "").split("/");
  return steps.reduce<unknown>(
    (value, step) => (value as Record<string, unknown> | undefined)?.[step],
    DOCUMENT,
  );
}

describe("the table of routes and the document", () => {
  it("name the same routes", () => {
    const { api } = benchOfAll();
    const routes = api.routes
      .filter(({ method }) => method !== "ALL" && method !== "OPTIONS")
      .map(({ method, path }) => `${method} ${path}`);
    expect(new Set(routes)).toEqual(new Set(described));
  });

  it("name no route and no operation twice", () => {
    expect(new Set(described).size).toBe(described.length);
    const ids = OPERATIONS.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  // A file is given whatever stands behind its name, and one of the other services' forms says nothing but "invalid".
  const asking = THERE.filter(({ path }) => !/^\/(?:assets|metrics)\b/.test(path));
  it.each(asking.map((operation) => [`${operation.method} ${operation.path}`, operation] as const))(
    "agree on the query parameters of %s",
    async (_, operation) => {
      const bench = benchOfAll();
      const response = await bench.api.request(`${pathWithExamples(operation)}?no-such=1`, {
        method: operation.method,
      });
      const { code, ...said } = (await bodyOf(response)) as Refused;
      expect(code).toBe("INVALID_QUERY");
      const sentence = said.detail ?? said.error ?? said.errors?.detail ?? "";
      const known = /known: (.*)$/.exec(sentence)?.[1]?.split(", ") ?? [];
      const described = operation.parameters.filter((parameter) => parameter.in === "query");
      expect(known.sort()).toEqual(described.map(({ name }) => name).sort());
    },
  );

  it("name the parameters of each path", () => {
    for (const { path, parameters } of OPERATIONS) {
      const inPath = [...templateOf(path).matchAll(/\{([a-z]+)\}/g)].map(([, name]) => name);
      const said = parameters.filter((parameter) => parameter.in === "path").map(({ name }) => name);
      expect([path, said]).toEqual([path, inPath]);
    }
  });
});

/** The path of an operation with the examples of its parameters. */
function pathWithExamples({ path, parameters }: Operation): string {
  return path.replaceAll(/:([a-z]+)(?:\{[^}]*\})?/g, (_, name: string) => {
    const parameter = parameters.find((one) => one.in === "path" && one.name === name);
    return String(parameter?.example);
  });
}

describe("the document", () => {
  it("refers to what is there only, and holds nothing that nobody refers to", () => {
    const references = new Set(referencesIn(DOCUMENT));
    for (const reference of references)
      expect([reference, at(reference)]).not.toEqual([reference, undefined]);
    for (const kind of ["responses", "headers", "examples"] as const) {
      const outside = kind === "examples" ? ["MALFORMED_REQUEST"] : [];
      const unused = Object.keys(DOCUMENT.components[kind]).filter(
        (name) => !references.has(`#/components/${kind}/${name}`) && !outside.includes(name),
      );
      expect([kind, unused]).toEqual([kind, []]);
    }
  });

  it.each(MEDIA)("%s: every example has the form that is described", (_, steps, media) => {
    if (media.schema === undefined) return;
    const validate = validatorAt(...steps, "schema");
    for (const [name, given] of Object.entries(media.examples ?? {})) {
      const example = "$ref" in given ? at(given.$ref) : given;
      const valid = validate((example as { value: unknown }).value);
      expect([name, valid, validate.errors]).toEqual([name, true, null]);
    }
  });

  it("gives an example of every body and of every answer in JSON", () => {
    const without = MEDIA.filter(([name, , media]) => {
      const isJson = / application\/(?:problem\+)?json$/.test(name);
      return (
        isJson &&
        media.examples === undefined &&
        media.schema?.$ref !== "#/components/schemas/OpenApiDocument"
      );
    });
    expect(without.map(([name]) => name)).toEqual([]);
  });

  it.each(OPERATIONS.flatMap(({ body }) => (body === undefined ? [] : [[body.schema, body] as const])))(
    "gives examples of %s that are accepted",
    (name, body) => {
      for (const example of Object.values(body.examples)) {
        const result = BODY_SCHEMAS[name]?.safeParse(example);
        expect([example, result?.success]).toEqual([example, true]);
      }
    },
  );

  it("says what each parameter and each answer is", () => {
    for (const { name, operation } of PLACES) {
      for (const parameter of operation.parameters) expect(parameter.description).toMatch(/\.$/);
      for (const { description } of answersOf(DOCUMENT, operation).map(([, answer]) => answer))
        expect(description).not.toBe("");
      expect([name, operation.summary]).toEqual([name, expect.stringMatching(/^[A-Z].*[^.]$/)]);
    }
  });

  it("has every code of the table in some answer, but for those of requests that fit no route", () => {
    const said = new Set<string>(OPERATIONS.flatMap(({ refusals }) => refusals));
    const missing = Object.keys(ERRORS).filter((code) => !said.has(code));
    expect(missing).toEqual(["MALFORMED_REQUEST"]);
  });

  it("gives examples of headers that have the form that is described", () => {
    for (const [name, { example }] of Object.entries(HEADERS)) {
      const validate = validatorAt("components", "headers", name, "schema");
      expect([name, validate(example)]).toEqual([name, true]);
    }
  });

  it("is what GET /openapi.json answers", async () => {
    const response = await makeBench().api.request("/openapi.json");
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(await response.json()).toEqual(JSON.parse(JSON.stringify(DOCUMENT)));
  });
});

describe("holding an answer against the document", () => {
  const good: GivenAnswer = {
    method: "GET",
    target: "/v1/counters/a%2Fb?consistency=stale",
    status: 200,
    headers: new Map([
      ["content-type", "application/json"],
      ["x-request-id", "r-1"],
      ["etag", '"1"'],
    ]),
    body: '{"key":"a/b","value":-9223372036854775808,"revision":1,"index":1,"term":1,"ageMs":3}',
  };

  it("finds nothing wrong with what is as described", () => {
    expect(violationsOf(good)).toEqual([]);
    expect(violationsOf({ ...good, method: "HEAD", body: undefined })).toEqual([]);
  });

  it.each<[string, Partial<GivenAnswer>, RegExp]>([
    ["a status", { status: 202 }, /no answer GET .* 202/],
    ["a field more", { body: good.body?.replace("{", '{"more":1,') }, /additional properties/],
    ["a field less", { body: good.body?.replace('"key":"a/b",', "") }, /required property 'key'/],
    ["a fraction", { body: good.body?.replace('"revision":1', '"revision":1.5') }, /must be integer/],
    ["a text for a number", { body: good.body?.replace("-9223372036854775808", '"5"') }, /must be integer/],
    [
      "a header",
      { headers: new Map([...good.headers, ["raftally-new", "1"]]) },
      /raftally-new is not described/,
    ],
    [
      "a header's form",
      { headers: new Map([...good.headers, ["raftally-age-ms", "soon"]]) },
      /Raftally-Age-Ms: soon/,
    ],
    [
      "no request id",
      { headers: new Map([["content-type", "application/json"]]) },
      /X-Request-Id is missing/,
    ],
    [
      "a media type",
      { headers: new Map([...good.headers, ["content-type", "text/html"]]) },
      /text\/html is not/,
    ],
    [
      "a code of another route",
      { status: 404, body: problem("MEMBER_NOT_FOUND", 404), headers: PROBLEM },
      /allowed values/,
    ],
    ["no JSON", { body: "5\n" }, /must be object/],
    ["an answer of no route", { target: "/v2" }, /no route is described/],
  ])("finds what is not described: %s", (_, change, complaint) => {
    expect(violationsOf({ ...good, ...change }).join("\n")).toMatch(complaint);
  });

  it("looks into events, too", () => {
    const data = '{"key":"a","value":5,"revision":9,"from":3,"to":9,"deleted":false}';
    expect(eventViolations("/v1/watch?key=a", { event: "change", data })).toEqual([]);
    expect(eventViolations("/v1/watch", { event: "change", data: data.replace('"from":3,', "") })[0]).toMatch(
      /'from'/,
    );
    expect(eventViolations("/v1/watch", { event: "changed", data })[0]).toMatch(/no event changed/);
  });

  it("knows the route that serves a request", () => {
    expect(operationFor("POST", "/v1/counters/increment/increment?x")?.id).toBe("incrementCounter");
    expect(operationFor("GET", "/v1/cluster/members/n1")).toBeUndefined();
    expect(operationFor("HEAD", "/docs")?.id).toBe("readDocs");
  });

  it("keeps whole numbers whole, however long", () => {
    expect(exactly('[9007199254740993,123456789012345678901234567890,1.5,"a"]')).toEqual([
      9007199254740992,
      1.2345678901234568e29,
      1.5,
      "a",
    ]);
  });
});

const PROBLEM = new Map([
  ["content-type", "application/problem+json"],
  ["x-request-id", "r-1"],
]);

function problem(code: string, status: number): string {
  return JSON.stringify({
    type: "/docs/errors#x",
    title: "T",
    status,
    detail: "d",
    instance: "r-1",
    code,
    outcome: "not-applied",
  });
}
