import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ApiServer, serveApi } from "../../src/api/index.ts";
import type { ClusterEvent, NodePicture } from "../../src/node/index.ts";
import { nodeId, term } from "../../src/raft/index.ts";
import { EventReader, type ReadEvent } from "./event-reader.ts";
import { type Bench, expectRefusal, makeBench } from "./kit.ts";

const N2 = nodeId("n2");

let bench: Bench;
let server: ApiServer;
const readers: EventReader[] = [];

beforeEach(async () => {
  bench = makeBench();
  server = await serveApi(bench.api, { host: "127.0.0.1", port: 0 });
});

afterEach(async () => {
  for (const reader of readers.splice(0)) reader.close();
  await server.close(0);
  bench.service.live.close();
});

function url(query = ""): string {
  return `http://127.0.0.1:${server.port}/v1/cluster/events${query}`;
}

async function open(query = "", headers: Readonly<Record<string, string>> = {}): Promise<EventReader> {
  const reader = await EventReader.open(url(query), headers);
  readers.push(reader);
  return reader;
}

/** A link comes and goes: an event each. */
function happen(times: number): void {
  for (let time = 0; time < times; time++) bench.service.live.linked(N2);
}

function seqsOf(reader: EventReader): readonly number[] {
  return reader.events.filter(isEvent).map(({ data }) => (JSON.parse(data) as ClusterEvent).seq);
}

function isEvent({ event }: ReadEvent): boolean {
  return event === "event";
}

function picturesOf(reader: EventReader): readonly NodePicture[] {
  return reader.events
    .filter(({ event }) => event === "picture")
    .map(({ data }) => JSON.parse(data) as NodePicture);
}

describe("events", () => {
  it("begin with those that are remembered and go on with what happens", async () => {
    happen(2);
    const reader = await open();
    await reader.until((seen) => seqsOf(seen).length === 2);
    bench.service.live.unlinked(N2);
    await reader.until((seen) => seqsOf(seen).length === 3);
    const last = reader.events.at(-1);
    expect(JSON.parse(last?.data ?? "")).toEqual({
      seq: 3,
      atMs: expect.closeTo(Date.now(), -4),
      node: "n1",
      term: 0,
      kind: "link",
      peer: "n2",
      text: "n1 does not reach n2 any more",
    });
    expect(last?.id).toBe(`${bench.service.live.run}-3`);
  });

  it("resume after the last one that the caller has", async () => {
    happen(5);
    const first = await open();
    await first.until((seen) => seqsOf(seen).length === 5);
    const id = first.events[2]?.id ?? "";
    first.close();
    happen(1);
    for (const reader of [await open("", { "Last-Event-ID": id }), await open(`?after=${id}`)]) {
      await reader.until((seen) => seqsOf(seen).includes(6));
      expect(seqsOf(reader)).toEqual([4, 5, 6]);
    }
  });

  it("say that numbers of another run mean nothing any more", async () => {
    happen(2);
    const reader = await open("", { "Last-Event-ID": "another-run-1" });
    await reader.until((seen) => seqsOf(seen).length === 2);
    expect(reader.events.map(({ event }) => event)).toEqual(["resync", "event", "event"]);
    expect(reader.events[0]?.data).toMatch(/another one/);
  });

  it("say so when what was missed is not remembered any more", async () => {
    happen(300);
    const reader = await open("", { "Last-Event-ID": `${bench.service.live.run}-50` });
    await reader.until((seen) => seqsOf(seen).length === 200);
    expect(reader.events[0]?.event).toBe("resync");
    expect(seqsOf(reader)[0]).toBe(101);
    const complete = await open("", { "Last-Event-ID": `${bench.service.live.run}-100` });
    await complete.until((seen) => seqsOf(seen).length === 200);
    expect(complete.events[0]?.event).toBe("event");
  });

  it("reach many callers, each once", async () => {
    const callers = await Promise.all(Array.from({ length: 40 }, () => open()));
    happen(20);
    for (const reader of callers) {
      await reader.until((seen) => seqsOf(seen).length === 20);
      expect(seqsOf(reader)).toEqual(Array.from({ length: 20 }, (_, at) => at + 1));
    }
  });
});

describe("pictures", () => {
  it("come at once and at the interval", async () => {
    const reader = await open("?pictures=50");
    await reader.until((seen) => picturesOf(seen).length >= 3);
    const [picture] = picturesOf(reader);
    expect(picture).toMatchObject({
      status: { id: "n1", term: 3, leader: { id: "n1" } },
      checks: [{ name: "leader", ok: true }, { name: "applied" }],
      tail: [],
      messages: [],
      digests: [],
      tally: { acknowledgedWrites: 0, replays: 0 },
    });
    expect(picture?.memoryBytes).toBeGreaterThan(1_000_000);
    expect(reader.events.find(({ event }) => event === "picture")?.id).toBe("");
  });

  it("come before their time when the role changes", async () => {
    const reader = await open("?pictures=5000");
    await reader.until((seen) => picturesOf(seen).length === 1);
    bench.service.live.trace({ kind: "role", role: "follower", term: term(9), why: "a test" });
    await reader.until((seen) => picturesOf(seen).length === 2);
  });

  it("spread what happened since the one before out", async () => {
    const reader = await open("?pictures=60");
    await reader.until((seen) => picturesOf(seen).length === 1);
    for (const ms of [1, 2, 3, 40]) {
      bench.service.live.applied({ outcomes: [], digests: [], ...APPLIED }, 1, ms);
    }
    const picture = await reader.until((seen) => picturesOf(seen).find(({ apply }) => apply !== undefined));
    expect(picture.apply?.count).toBe(4);
    expect(picture.apply?.max).toBeCloseTo(40, -1);
    expect(picture.apply?.p50).toBeCloseTo(2, 0);
    const later = await reader.until(
      (seen) => picturesOf(seen).at(-1) !== picture && picturesOf(seen).at(-1),
    );
    expect(later).toBeDefined();
  });
});

const APPLIED = {
  index: 1 as never,
  totals: { revision: 1 } as never,
};

describe("refusals", () => {
  it.each(["49", "5001", "", "fast", "1e3", "-250"])("pictures=%s is refused", async (value) => {
    await expectRefusal(await fetch(url(`?pictures=${value}`)), "INVALID_QUERY", /pictures must be/);
  });

  it("HEAD is refused, since there is no end to look at", async () => {
    const response = await fetch(url(), { method: "HEAD" });
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe("GET");
  });

  it("more callers than there is room for are refused, until one is gone", async () => {
    const callers = await Promise.all(Array.from({ length: 256 }, () => open()));
    await expectRefusal(await fetch(url()), "OVERLOADED", /256 callers/);
    callers[0]?.close();
    let status = 503;
    while (status === 503) {
      const reader = await open();
      status = reader.status;
    }
    expect(status).toBe(200);
  });
});
