/** Another node as a test wants it: a real HTTP server that answers as it is told, and remembers what it was asked. */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import { ERRORS, type ErrorCode } from "../../src/base/index.ts";

export type Answer = (incoming: IncomingMessage, outgoing: ServerResponse) => void;

export interface FakePeer {
  readonly url: string;
  readonly asked: {
    readonly method: string | undefined;
    readonly headers: IncomingMessage["headers"];
    readonly body: string;
  }[];
  readonly connections: number;
  close(): Promise<void>;
}

/** A server that answers the n-th request with the n-th answer, and later ones with the last. */
export async function fake(...answers: readonly Answer[]): Promise<FakePeer> {
  const asked: FakePeer["asked"] = [];
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => {
      const body = Buffer.concat(chunks).toString();
      asked.push({ method: incoming.method, headers: incoming.headers, body });
      answers[Math.min(asked.length, answers.length) - 1]?.(incoming, outgoing);
    });
  });
  let connections = 0;
  server.on("connection", () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = (): Promise<void> => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(() => resolve()));
  };
  onTestFinished(close);
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    close,
    get connections() {
      return connections;
    },
  };
}

export async function deadUrl(): Promise<string> {
  const gone = await fake();
  await gone.close();
  return gone.url;
}

export const hangUp: Answer = (incoming) => void incoming.socket.destroy();
export const silence: Answer = () => {};
export const counted: Answer = (_, outgoing) => {
  outgoing.writeHead(200, { "Content-Type": "application/json" });
  outgoing.end('{"value":7}');
};

export function problem(code: ErrorCode, extra: object = {}, headers: Record<string, string> = {}): Answer {
  return (_, outgoing) => {
    outgoing.writeHead(ERRORS[code].status, { "Content-Type": "application/problem+json", ...headers });
    outgoing.end(
      JSON.stringify({ code, detail: `because of ${code}`, outcome: ERRORS[code].outcome, ...extra }),
    );
  };
}
