/** Streams of events: what they give, and that they outlive the nodes that send them. */

import type { ServerResponse } from "node:http";
import { describe, expect, it } from "vitest";
import { type Connection, Refused, Unavailable, type WatchEvent } from "../../src/client/index.ts";
import { EventParser } from "../../src/client/sse.ts";
import { type Answer, deadUrl, fakeNode, inTurn, json, problem } from "./fake-node.ts";
import { clientOf, failure } from "./kit.ts";

const OPEN = 'event: open\nid: 4\ndata: {"revision":4,"index":9,"term":2}\n\n';

function change(from: number, to: number, value: bigint | number = to): string {
  const data = `{"key":"k","value":${value},"revision":${to},"from":${from},"to":${to},"deleted":false}`;
  return `event: change\nid: ${to}\ndata: ${data}\n\n`;
}

/** Sends `text` as a stream, and then does what `then` says; by default it stays open. */
function stream(text: string, then: (response: ServerResponse) => void = () => {}): Answer {
  return (_asked, response) => {
    response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
    response.write(text, () => then(response));
  };
}

const end = (response: ServerResponse): void => void response.end();
const cut = (response: ServerResponse): void => void response.socket?.destroy();

async function take<T>(events: AsyncIterable<T>, count: number): Promise<T[]> {
  const taken: T[] = [];
  for await (const event of events) {
    taken.push(event);
    if (taken.length >= count) break;
  }
  return taken;
}

describe("the parser of events", () => {
  const text = `\uFEFFretry: 1000\n: heartbeat\n\nid: 7\nevent: change\ndata: {"a":\ndata:1}\n\ndata\n\nevent: x\n\n`;

  it.each(["\n", "\r\n", "\r"])("takes lines that end with %j, in pieces of any size", (newline) => {
    const whole = text.replaceAll("\n", newline).replace("\uFEFF", "");
    for (let size = 1; size <= whole.length; size++) {
      const parser = new EventParser();
      const events = [];
      for (let at = 0; at < whole.length; at += size) events.push(...parser.push(whole.slice(at, at + size)));
      // A last carriage return could still be half of an end of line.
      events.push(...parser.push(newline === "\r" ? "\r" : ""));
      expect(events).toEqual([
        { name: "change", data: '{"a":\n1}', id: "7" },
        { name: "message", data: "", id: "7" },
      ]);
    }
  });

  it("refuses an event that would fill the memory", () => {
    const parser = new EventParser();
    expect(() => {
      for (let at = 0; at < 100; at++) parser.push(`data: ${"x".repeat(100_000)}\n`);
    }).toThrow(RangeError);
  });
});

describe("a watch", () => {
  it("gives typed events, with every digit of a value", async () => {
    const node = await fakeNode(
      stream(
        `retry: 1000\n\n${OPEN}: heartbeat\n\n${change(5, 5, 2n ** 63n - 1n)}event: novelty\ndata: {}\n\n` +
          'event: resync\nid: 8\ndata: {"revision":8,"index":12,"term":3,"reason":"too far back"}\n\n',
      ),
    );
    const events = await take(clientOf(node).watch({ prefix: "k&", consistency: "stale" }), 3);
    expect(node.asked[0]?.path).toBe("/v1/watch?prefix=k%26&consistency=stale");
    expect(node.asked[0]?.headers["accept"]).toBe("text/event-stream");
    expect(events).toEqual<WatchEvent[]>([
      { kind: "open", revision: 4, index: 9, term: 2, counter: undefined },
      { kind: "change", key: "k", value: 2n ** 63n - 1n, revision: 5, from: 5, to: 5, deleted: false },
      { kind: "resync", revision: 8, index: 12, term: 3, reason: "too far back" },
    ]);
  });

  it("of one key begins with its value", async () => {
    const data = '{"revision":4,"index":9,"term":2,"value":12,"exists":true}';
    const node = await fakeNode(stream(`event: open\nid: 4\ndata: ${data}\n\n`));
    const [open] = await take(clientOf(node).watch({ key: "k" }), 1);
    expect(open).toMatchObject({ kind: "open", counter: { value: 12n, exists: true } });
  });

  it.each([
    ["ends its answer", end],
    ["dies", cut],
  ])("goes on at another node, after the last event, when the first %s", async (_what, then) => {
    const first = await fakeNode(
      inTurn(stream(OPEN + change(5, 6), then), problem("SHUTTING_DOWN", { retryAfterMs: 1 })),
    );
    const second = await fakeNode(stream(change(7, 9)));
    const connections: Connection[] = [];
    const events = clientOf(first, second).watch({ onConnection: (it) => connections.push(it) });
    expect((await take(events, 3)).map((event) => (event.kind === "change" ? event.to : event.kind))).toEqual(
      ["open", 6, 9],
    );
    expect(first.asked[0]?.headers["last-event-id"]).toBeUndefined();
    expect(second.asked[0]?.headers["last-event-id"]).toBe("6");
    expect(connections.map(({ kind, url }) => [kind, url])).toEqual([
      ["connected", first.url],
      ["lost", first.url],
      ["connected", second.url],
    ]);
  });

  it("gives up a node that is silent, for it may be paused", async () => {
    const first = await fakeNode(stream(OPEN));
    const second = await fakeNode(stream(change(5, 6)));
    const events = clientOf(first, second).watch({ silenceMs: 500 });
    expect((await take(events, 2)).map(({ kind }) => kind)).toEqual(["open", "change"]);
    expect(second.asked[0]?.headers["last-event-id"]).toBe("4");
  });

  it("goes on where an earlier watch ended", async () => {
    const node = await fakeNode(stream(change(18, 20)));
    await take(clientOf(node).watch({ after: 17 }), 1);
    expect(node.asked[0]?.headers["last-event-id"]).toBe("17");
  });

  it("ends without an error when its signal aborts, be it waiting, connecting or pausing", async () => {
    let stop = new AbortController();
    const waiting = await fakeNode(stream(OPEN));
    const connecting = await fakeNode(() => stop.abort());
    const refused = problem("NO_LEADER", { retryAfterMs: 9_000 });
    const pausing = await fakeNode(
      inTurn(stream(OPEN, end), (asked, response) => {
        refused(asked, response);
        response.once("close", () => stop.abort());
      }),
    );
    for (const node of [waiting, connecting, pausing]) {
      stop = new AbortController();
      const events: WatchEvent[] = [];
      for await (const event of clientOf(node).watch({ signal: stop.signal })) {
        events.push(event);
        // In a later turn, when the loop waits for the next one.
        if (node === waiting) setImmediate(() => stop.abort());
      }
      expect(events.length).toBe(node === connecting ? 0 : 1);
    }
    const signal = AbortSignal.abort();
    for await (const _ of clientOf(waiting).watch({ signal })) throw new Error("it began");
    expect(waiting.asked.length).toBe(1);
  });

  it("lets go of its connection when the loop is left", async () => {
    let closed = false;
    const node = await fakeNode(stream(OPEN, (response) => response.on("close", () => (closed = true))));
    await take(clientOf(node).watch(), 1);
    await expect.poll(() => closed).toBe(true);
  });

  it("goes on for as long as nobody can be reached, once it has begun", async () => {
    const node = await fakeNode(
      inTurn(
        stream(OPEN, end),
        ...Array.from({ length: 12 }, () => problem("NO_LEADER")),
        stream(change(5, 5)),
      ),
    );
    const client = clientOf(node);
    expect((await take(client.watch(), 2)).at(-1)).toMatchObject({ kind: "change", to: 5 });
  });

  it("is Unavailable when nobody was there to begin with, or for longer than it may take", async () => {
    const began = performance.now();
    const dead = await deadUrl();
    const events = clientOf(dead).watch({ giveUpMs: 150 });
    expect(await failure(take(events, 1))).toBeInstanceOf(Unavailable);
    const node = await fakeNode(stream(OPEN, end), problem("NO_LEADER"));
    expect(await failure(take(clientOf(node).watch({ giveUpMs: 150 }), 2))).toBeInstanceOf(Unavailable);
    expect(performance.now() - began).toBeLessThan(8_000);
  });

  it("is refused for good where the node refuses", async () => {
    const node = await fakeNode(problem("INVALID_QUERY"));
    expect(await failure(take(clientOf(node).watch(), 1))).toBeInstanceOf(Refused);
    expect(() => clientOf(node).watch({ key: "a", prefix: "b" })).toThrow(Refused);
    expect(() => clientOf(node).watch({ key: ".." })).toThrow(Refused);
    expect(() => clientOf(node).watch({ after: -1 })).toThrow(Refused);
    expect(node.asked.length).toBe(1);
  });

  it("says so when something else than a node answers", async () => {
    const node = await fakeNode(json(200, "{}"));
    expect(await failure(take(clientOf(node).watch(), 1))).toMatchObject({ code: "UNEXPECTED_ANSWER" });
  });

  it("reads nothing ahead of a slow loop: the node that sends is held up", async () => {
    let sent = 0;
    let isFull = false;
    const piece = change(1, 1).repeat(500);
    const node = await fakeNode((asked, response) => {
      const pump = (): void => {
        while (sent < 200_000_000) {
          sent += piece.length;
          if (!response.write(piece)) {
            isFull = true;
            return void response.once("drain", pump);
          }
        }
      };
      stream(OPEN, pump)(asked, response);
    });
    const stop = new AbortController();
    const events = clientOf(node).watch({ signal: stop.signal });
    await events.next();
    await expect.poll(() => isFull).toBe(true);
    // Long enough for a reader that reads ahead to have taken tens of megabytes.
    let before = -1;
    await expect
      .poll(
        () => {
          const same = sent === before;
          before = sent;
          return same;
        },
        { interval: 150, timeout: 20_000 },
      )
      .toBe(true);
    expect(sent).toBeLessThan(20_000_000);
    stop.abort();
    // What had arrived may still be given; then it ends.
    let left = 0;
    for await (const _ of events) left++;
    expect(left).toBeLessThan(20_000);
  });
});

describe("events of the cluster", () => {
  const event = { seq: 3, atMs: 1, node: "n1", kind: "leader", term: 4, text: "n1 leads term 4" };

  it("come with pictures where they are asked for, and go on at the same node", async () => {
    const text = `event: event\nid: run-3\ndata: ${JSON.stringify(event)}\n\n`;
    const picture = `event: picture\ndata: ${JSON.stringify({ status: { id: "n1" } })}\n\n`;
    const resync = 'event: resync\nid: run2-0\ndata: {"reason":"another run"}\n\n';
    const other = await fakeNode(problem("ROUTE_NOT_FOUND"));
    const node = await fakeNode(stream(text + picture, cut), stream(resync));
    const events = clientOf(other).clusterEvents({ url: `${node.url}/`, pictures: 250 });
    expect(await take(events, 3)).toEqual([
      { kind: "event", event },
      { kind: "picture", picture: { status: { id: "n1" } } },
      { kind: "resync" },
    ]);
    expect(node.asked.map(({ path, headers }) => [path, headers["last-event-id"]])).toEqual([
      ["/v1/cluster/events?pictures=250", undefined],
      ["/v1/cluster/events?pictures=250", "run-3"],
    ]);
    expect(other.asked).toEqual([]);
  });
});
