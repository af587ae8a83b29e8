import { Hono } from "hono";
import { afterEach, expect, it } from "vitest";
import type { ApiEnv } from "../../src/api/call.ts";
import { type ApiServer, serveApi } from "../../src/api/index.ts";
import { eventText, type SseOptions, SseStream } from "../../src/api/sse.ts";
import { EventReader } from "./event-reader.ts";

let server: ApiServer | undefined;
const readers: EventReader[] = [];

afterEach(async () => {
  for (const reader of readers.splice(0)) reader.close();
  await server?.close(0);
  server = undefined;
});

interface Opened {
  readonly stream: SseStream;
  readonly reader: EventReader;
}

/** One stream and its reader. */
async function open(options: SseOptions = {}): Promise<Opened> {
  let stream: SseStream | undefined;
  const api = new Hono<ApiEnv>();
  api.get("/", (context) => {
    stream = new SseStream(context, options);
    return stream.response;
  });
  server = await serveApi(api, { host: "127.0.0.1", port: 0 });
  const reader = await EventReader.open(`http://127.0.0.1:${server.port}/`);
  readers.push(reader);
  if (stream === undefined) throw new Error("nobody was served");
  return { stream, reader };
}

it("names event, id and every line of the data", () => {
  expect(eventText({ event: "change", id: "7", data: "one\ntwo" })).toBe(
    "event: change\nid: 7\ndata: one\ndata: two\n\n",
  );
  expect(eventText({ data: "a\r\nb\rc" })).toBe("data: a\ndata: b\ndata: c\n\n");
  expect(eventText({ retryMs: 250, data: "" })).toBe("retry: 250\ndata: \n\n");
});

it("delivers what is sent before and after the headers have left, in order", async () => {
  const api = new Hono<ApiEnv>();
  let late: SseStream | undefined;
  api.get("/", (context) => {
    const stream = new SseStream(context, { headers: { "Raftally-Test": "yes" } });
    stream.send(eventText({ event: "first", id: "1", data: "early" }));
    late = stream;
    return stream.response;
  });
  server = await serveApi(api, { host: "127.0.0.1", port: 0 });
  const reader = await EventReader.open(`http://127.0.0.1:${server.port}/`);
  readers.push(reader);
  await reader.until(({ events }) => events.length === 1);
  late?.send(Buffer.from(eventText({ event: "second", data: "late" })));
  await reader.until(({ events }) => events.length === 2);
  expect(reader.events).toEqual([
    { event: "first", id: "1", data: "early" },
    { event: "second", id: "1", data: "late" },
  ]);
  expect(reader.retryMs).toBe(1_000);
  expect(reader.status).toBe(200);
  expect(reader.header("content-type")).toBe("text/event-stream");
  expect(reader.header("cache-control")).toBe("no-store");
  expect(reader.header("x-accel-buffering")).toBe("no");
  expect(reader.header("raftally-test")).toBe("yes");
  expect(reader.header("x-request-id")).toMatch(/^\S+$/);
});

it("sends a comment now and then, so that nobody in between takes the line for dead", async () => {
  const { reader } = await open({ heartbeatMs: 5 });
  await reader.until(({ comments }) => comments.length >= 3);
  expect(new Set(reader.comments)).toEqual(new Set(["heartbeat"]));
});

it("cuts off a reader that does not read, and holds no more than it may for it", async () => {
  let ended = 0;
  const bufferBytesMax = 65_536;
  const { stream, reader } = await open({ bufferBytesMax, onEnd: () => ended++ });
  reader.pause();
  const text = eventText({ data: "x".repeat(8_000) });
  let most = 0;
  // The system's buffers take megabytes before this process has to hold anything.
  for (let sent = 0; sent < 10_000 && stream.send(text); sent++) {
    most = Math.max(most, stream.bufferedBytes);
    if (sent % 8 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  expect(stream.isOver).toBe(true);
  expect(stream.send(text)).toBe(false);
  expect(most).toBeGreaterThan(8_000);
  expect(most).toBeLessThan(bufferBytesMax + 2 * text.length);
  expect(ended).toBe(1);
  reader.resume();
  await reader.untilOver();
  expect(reader.isWhole).toBe(false);
});

it("hears at once of a caller that is gone", async () => {
  let hear: () => void = () => undefined;
  const gone = new Promise<void>((resolve) => {
    hear = resolve;
  });
  const { stream, reader } = await open({ onEnd: () => hear() });
  reader.close();
  await gone;
  expect(stream.isOver).toBe(true);
});

it("ends in an orderly way, with what was sent before", async () => {
  const { stream, reader } = await open();
  stream.send(eventText({ data: "last words" }));
  stream.end();
  await reader.untilOver();
  expect(reader.events).toEqual([{ event: "message", id: "", data: "last words" }]);
  expect(reader.isWhole).toBe(true);
});

it("ends when the server stops, which does not have to wait for it", async () => {
  const { reader } = await open();
  const beganMs = performance.now();
  await server?.close(20_000);
  expect(performance.now() - beganMs).toBeLessThan(5_000);
  await reader.untilOver();
  expect(reader.isWhole).toBe(true);
});

it("also works in process, where there is no socket", async () => {
  const api = new Hono<ApiEnv>();
  let stream: SseStream | undefined;
  api.get("/", (context) => {
    stream = new SseStream(context);
    return stream.response;
  });
  const response = await api.request("/");
  stream?.send(eventText({ data: "here" }));
  stream?.end();
  expect(await response.text()).toBe("retry: 1000\n\ndata: here\n\n");
});
