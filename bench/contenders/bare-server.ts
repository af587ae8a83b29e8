/**
 * What HTTP alone costs: a server that answers every POST with the same bytes, on node:http itself or through Hono.
 *
 *     node bare-server.ts http|hono PORT
 *
 * Says "ready" when it listens, and counts what it answers: `GET /count` tells.
 */

import { createServer } from "node:http";
import { serve } from "@hono/node-server";
import { Hono } from "hono";

const ANSWER = '{"key":"hits","value":1,"revision":1,"changed":true,"index":2,"term":1}';
const JSON_TYPE = { "content-type": "application/json" };
const COUNT = "/count";

let answered = 0;

function onNodeHttp(port: number): void {
  const server = createServer((request, response) => {
    const isCount = request.url === COUNT;
    if (!isCount) answered += 1;
    const body = isCount ? String(answered) : ANSWER;
    response.writeHead(200, { ...JSON_TYPE, "content-length": body.length });
    response.end(body);
  });
  server.listen(port, "127.0.0.1", ready);
}

function onHono(port: number): void {
  const app = new Hono();
  app.post("/v1/counters/:key/increment", (context) => {
    answered += 1;
    return context.body(ANSWER, 200, JSON_TYPE);
  });
  app.get(COUNT, (context) => context.text(String(answered)));
  serve({ fetch: app.fetch, port, hostname: "127.0.0.1" }, ready);
}

function ready(): void {
  process.stdout.write("ready\n");
}

const [kind, port] = process.argv.slice(2);
if (kind === "hono") onHono(Number(port));
else onNodeHttp(Number(port));
