/** Real HTTP servers that behave as a test tells them to, and remember what they were asked. */

import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import { ERRORS, type ErrorCode } from "../../src/base/index.ts";

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly idempotencyKey: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** performance.now() when it arrived. */
  readonly at: number;
}

export type Answer = (asked: Asked, response: ServerResponse) => void;

export interface FakeNode {
  readonly url: string;
  readonly asked: readonly Asked[];
  close(): Promise<void>;
}

/** Starts a server; the n-th request gets the n-th answer, and all later ones the last. */
export async function fakeNode(...answers: readonly Answer[]): Promise<FakeNode> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    void readBody(request).then((body) => {
      const key = request.headers["idempotency-key"];
      const one: Asked = {
        method: request.method ?? "",
        path: request.url ?? "",
        idempotencyKey: typeof key === "string" ? key : undefined,
        headers: request.headers,
        body,
        at: performance.now(),
      };
      asked.push(one);
      const answer = answers[Math.min(asked.length, answers.length) - 1];
      answer?.(one, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const node: FakeNode = {
    url: `http://127.0.0.1:${port}`,
    asked,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  onTestFinished(() => node.close());
  return node;
}

/** The URL of a port where nothing listens any more. */
export async function deadUrl(): Promise<string> {
  const node = await fakeNode();
  await node.close();
  return node.url;
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

export function json(status: number, text: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return (_asked, response) => {
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(text);
  };
}

/** What an increment answers. */
export function counted(value: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return json(200, `{"key":"k","value":${value},"revision":3,"changed":true,"index":7,"term":2}`, headers);
}

/** A refusal as nodes give it. */
export function problem(
  code: ErrorCode,
  extra: Readonly<Record<string, unknown>> = {},
  headers: Readonly<Record<string, string>> = {},
): Answer {
  const { status, title, outcome } = ERRORS[code];
  return (_asked, response) => {
    response.writeHead(status, { "content-type": "application/problem+json", ...headers });
    response.end(JSON.stringify({ title, status, detail: `because of ${code}`, code, outcome, ...extra }));
  };
}

export function redirect(to: () => string): Answer {
  return (asked, response) => problem("NOT_LEADER", {}, { location: to() + asked.path })(asked, response);
}

/** Answers each path with the answer for it, of the first entry whose name the method and path begin with. */
export function routes(table: Readonly<Record<string, Answer>>): Answer {
  return (asked, response) => {
    const name = `${asked.method} ${asked.path}`;
    const found = Object.entries(table).find(([start]) => name.startsWith(start));
    (found?.[1] ?? problem("ROUTE_NOT_FOUND"))(asked, response);
  };
}

/** The n-th request gets the n-th answer, and all later ones the last. */
export function inTurn(...answers: readonly Answer[]): Answer {
  let times = 0;
  return (asked, response) => answers[Math.min(times++, answers.length - 1)]?.(asked, response);
}

/** Takes the request and never answers. */
export const silence: Answer = () => {};

/** Takes the request and cuts the connection. */
export const hangUp: Answer = (_asked, response) => void response.socket?.destroy();
