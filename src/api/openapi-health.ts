/** What is said of probes, metrics and pages. */

import { z } from "zod";
import { ANY_REFUSALS, type Operation, plain, someText } from "./openapi-form.ts";
import { VERBOSE } from "./openapi-shared.ts";

const VERBOSE_TEXT = "[+]leader ok\n[+]applied ok: 0 entries behind\nreadyz check passed\n";

/** These are to be answered whatever else is asked. */
const UNLIMITED = ["INVALID_QUERY", "INTERNAL"] as const;

const live: Operation = {
  method: "GET",
  path: "/livez",
  id: "checkLive",
  tag: "Health and metrics",
  summary: "Whether the process lives",
  description: "Never depends on a majority, or a partition would have healthy nodes started again.",
  parameters: [VERBOSE],
  answers: { 200: { description: "It lives.", content: plain(someText, "ok\n") } },
  refusals: UNLIMITED,
  curl: { target: "/livez" },
};

const ready: Operation = {
  method: "GET",
  path: "/readyz",
  id: "checkReady",
  tag: "Health and metrics",
  summary: "Whether the node can serve",
  description:
    "For load balancers and Kubernetes: 503, with a line for each check, while it should not be given requests. `leader` " +
    "is for those that know only one way for all requests.",
  parameters: [
    VERBOSE,
    {
      name: "leader",
      in: "query",
      schema: someText,
      allowEmptyValue: true,
      description: "Only the leader is ready.",
    },
  ],
  answers: {
    200: { description: "It can.", content: plain(someText, VERBOSE_TEXT) },
    503: {
      description: "It cannot, or not now.",
      content: plain(someText, "[-]leader failed: no leader is known\nreadyz check failed\n"),
    },
  },
  refusals: UNLIMITED,
  curl: { target: "/readyz?verbose" },
};

const HTML: z.ZodType = z.string().meta({ description: "A page" });

const home: Operation = {
  method: "GET",
  path: "/",
  id: "home",
  tag: "Pages",
  summary: "The dashboard, or help in plain text",
  description:
    "The dashboard for whoever prefers `text/html`, if it was built; otherwise a list of the routes.",
  parameters: [],
  answers: {
    200: {
      description: "Help or the dashboard.",
      headers: ["ETag"],
      content: {
        ...plain(someText, "Raftally: counters that do not lose a count.\n"),
        "text/html": { text: HTML },
      },
    },
    304: { description: "The dashboard is as it was.", headers: ["ETag"] },
  },
  refusals: ANY_REFUSALS,
  curl: { target: "/" },
};

const asset: Operation = {
  method: "GET",
  path: "/assets/:name",
  id: "readAsset",
  tag: "Pages",
  summary: "A file of the dashboard",
  description: "The name holds the hash of what is in it, so that it may be kept for ever.",
  parameters: [
    {
      name: "name",
      in: "path",
      required: true,
      schema: someText,
      example: "index-4f2a.js",
      description: "As the dashboard names it.",
    },
  ],
  answers: {
    200: {
      description: "The file.",
      headers: ["ETag"],
      content: {
        "text/javascript": { text: someText },
        "text/css": { text: someText },
        "image/svg+xml": { text: someText },
      },
    },
    304: { description: "It is as it was.", headers: ["ETag"] },
  },
  refusals: ["TOO_MANY_REQUESTS", "INTERNAL", "ROUTE_NOT_FOUND"],
  curl: { target: "/assets/index-4f2a.js" },
};

const document: Operation = {
  method: "GET",
  path: "/openapi.json",
  id: "readDocument",
  tag: "Pages",
  summary: "This interface as an OpenAPI 3.1 document",
  description: "Made of the schemas that requests are checked with.",
  parameters: [],
  answers: {
    200: { description: "The document.", content: { "application/json": { schema: "OpenApiDocument" } } },
  },
  refusals: ANY_REFUSALS,
  curl: { target: "/openapi.json" },
};

function page(path: string, id: string, summary: string): Operation {
  return {
    method: "GET",
    path,
    id,
    tag: "Pages",
    summary,
    description: "A page that needs no script, no style and no font from elsewhere.",
    parameters: [],
    answers: { 200: { description: "The page.", content: { "text/html": { text: HTML } } } },
    refusals: ANY_REFUSALS,
    curl: { target: path },
  };
}

export const HEALTH_OPERATIONS: readonly Operation[] = [
  live,
  ready,
  home,
  asset,
  document,
  page("/docs", "readDocs", "This interface as a page"),
  page("/docs/errors", "readErrors", "What each error means, and what to do"),
  {
    ...page("/docs/style.css", "readDocsStyle", "How the pages look"),
    description: "The style sheet of the pages.",
    answers: {
      200: { description: "The style sheet.", content: { "text/css": { text: someText } } },
    },
  },
];
