import { describe, expect, it } from "vitest";
import { Increments, Puts, Reads } from "../../bench/load/etcd-calls.ts";
import { Histogram } from "../../bench/load/histogram.ts";
import { HttpCaller } from "../../bench/load/http-caller.ts";
import type { HttpWork } from "../../bench/load/http-work.ts";
import { Decoded, encode } from "../../bench/load/protobuf.ts";
import { RespCaller, respOf } from "../../bench/load/resp-caller.ts";

const WORK: HttpWork = {
  urls: ["http://127.0.0.1:6000"],
  connections: 2,
  method: "POST",
  paths: ["/a", "/b"],
  weight: 1,
};

const ANSWER = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nx: y\r\n\r\nhello";

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}

describe("latencies", () => {
  it("are known to one percent, at any share", () => {
    const histogram = new Histogram();
    for (let ms = 1; ms <= 1_000; ms++) histogram.record(ms);
    for (const [share, ms] of [
      [0.5, 500],
      [0.99, 990],
      [0.999, 999],
    ] as const) {
      expect(histogram.percentile(share)).toBeGreaterThanOrEqual(ms);
      expect(histogram.percentile(share)).toBeLessThanOrEqual(ms * 1.011);
    }
    expect(histogram.figures().max).toBe(1_000);
    expect(histogram.count).toBe(1_000);
  });

  it("are not made up where there are none", () => {
    expect(new Histogram().figures()).toEqual({});
    expect(new Histogram().percentile(0.5)).toBeNaN();
  });

  it("may be as short or as long as they like", () => {
    const histogram = new Histogram();
    for (const ms of [0, 1e-9, 1e9]) histogram.record(ms);
    expect(histogram.percentile(0.5)).toBeLessThan(0.0011);
    expect(histogram.percentile(1)).toBe(1e9);
  });
});

describe("a caller of HTTP", () => {
  it("asks for one path after the other, callers not in step", () => {
    const [first, second] = [new HttpCaller(WORK, 0), new HttpCaller(WORK, 1)];
    const lines = [first, first, first, second].map((caller) => textOf(caller.request()).split("\r\n")[0]);
    expect(lines).toEqual(["POST /a HTTP/1.1", "POST /b HTTP/1.1", "POST /a HTTP/1.1", "POST /b HTTP/1.1"]);
    expect(textOf(first.request())).toMatch(/\r\nContent-Length: 0\r\n\r\n$/);
  });

  it("sends a body with its length in bytes", () => {
    expect(textOf(new HttpCaller({ ...WORK, body: '"é"' }, 0).request())).toMatch(
      /Content-Type: application\/json\r\nContent-Length: 4\r\n\r\n"é"$/,
    );
  });

  it("gives each request a key of its own", () => {
    const work: HttpWork = { ...WORK, paths: ["/a"], numbered: { kind: "key", prefix: "k" } };
    const callers = [new HttpCaller(work, 0), new HttpCaller(work, 1)];
    const keys = callers.flatMap((caller) =>
      [1, 2].map(() => /Idempotency-Key: (\S+)/.exec(textOf(caller.request()))?.[1]),
    );
    expect(new Set(keys).size).toBe(4);
    expect(keys).not.toContain(undefined);
  });

  it("counts on in the session of its own", () => {
    const caller = new HttpCaller(
      { ...WORK, paths: ["/a"], numbered: { kind: "session", sessions: [7, 8] } },
      1,
    );
    const places = [1, 2].map(() => /Raftally-Session: ([^\r]*)/.exec(textOf(caller.request()))?.[1]);
    expect(places).toEqual(["id=8, seq=1, first=1", "id=8, seq=2, first=2"]);
  });

  it("knows where an answer ends, however it is cut", () => {
    for (let cut = 1; cut < ANSWER.length; cut++) {
      const caller = new HttpCaller(WORK, 0);
      expect(caller.hear(Buffer.from(ANSWER.slice(0, cut)))).toBe("wait");
      expect(caller.hear(Buffer.from(ANSWER.slice(cut)))).toBe("done");
    }
  });

  it.each([
    ["a redirect", ANSWER.replace("200 OK", "307 Temporary Redirect")],
    ["a refusal", ANSWER.replace("200 OK", "503 Service Unavailable")],
    ["an answer without a length", ANSWER.replace("Content-Length: 5", "Transfer-Encoding: chunked")],
    ["more than was asked", ANSWER + ANSWER],
  ])("does not take %s for an answer", (_, answer) => {
    expect(() => new HttpCaller(WORK, 0).hear(Buffer.from(answer))).toThrow(/answered/);
  });
});

describe("a caller of Redis", () => {
  const commands = [
    ["INCR", "key"],
    ["WAIT", "1", "0"],
  ];
  const caller = (): RespCaller => new RespCaller(commands, (replicas) => replicas >= 1);

  it("sends its commands together", () => {
    expect(respOf("INCR", "é")).toBe("*2\r\n$4\r\nINCR\r\n$2\r\né\r\n");
    expect(textOf(caller().request())).toBe(respOf("INCR", "key") + respOf("WAIT", "1", "0"));
  });

  it("waits for all answers, however they are cut", () => {
    const answer = ":12\r\n:2\r\n";
    for (let cut = 1; cut < answer.length; cut++) {
      const one = caller();
      one.request();
      expect(one.hear(Buffer.from(answer.slice(0, cut)))).toBe("wait");
      expect(one.hear(Buffer.from(answer.slice(cut)))).toBe("done");
    }
  });

  it("does not count what no replica has, nor an error", () => {
    const [none, error] = [caller(), caller()];
    for (const one of [none, error]) one.request();
    expect(() => none.hear(Buffer.from(":12\r\n:0\r\n"))).toThrow("not enough");
    expect(() => error.hear(Buffer.from("-ERR no\r\n"))).toThrow("ERR no");
  });
});

describe("Protocol Buffers", () => {
  it("come back as they went", () => {
    const message = new Decoded(
      encode([
        [1, 300],
        [2, "text"],
        [3, [[4, 2n ** 40n]]],
        [17, 0],
      ]),
    );
    expect([message.number(1), message.number(17), message.number(9)]).toEqual([300, 0, 0]);
    expect(message.bytes(2)?.toString()).toBe("text");
    expect(message.message(3)?.number(4)).toBe(2 ** 40);
    expect(message.message(9)).toBeUndefined();
  });

  it("are written as the format's own documentation has them", () => {
    expect(encode([[1, 150]]).toString("hex")).toBe("089601");
    expect(encode([[2, "testing"]]).toString("hex")).toBe("120774657374696e67");
    expect(encode([[3, [[1, 150]]]]).toString("hex")).toBe("1a03089601");
  });

  it("skip numbers of fixed width, and refuse what is cut off", () => {
    const fixed = Buffer.from([0x09, 1, 2, 3, 4, 5, 6, 7, 8, 0x15, 1, 2, 3, 4, 0x18, 5]);
    expect(new Decoded(fixed).number(3)).toBe(5);
    expect(() => new Decoded(Buffer.from([0x12, 0x07, 0x74]))).toThrow(RangeError);
    expect(() => new Decoded(Buffer.from([0x08, 0x96]))).toThrow(RangeError);
  });
});

describe("calls to etcd", () => {
  /** The answer to a transaction, as etcd's protocol has it. */
  const swapped = (revision: number): Buffer =>
    encode([
      [1, [[3, revision]]],
      [2, 1],
    ]);
  const changed = (value: string, modRevision: number): Buffer => {
    const kv = [
      [3, modRevision],
      [5, value],
    ] as const;
    return encode([
      [1, [[3, 99]]],
      [3, [[1, [[2, kv]]]]],
    ]);
  };
  /** What an attempt believes, and what it would write. */
  const attempt = (calls: Increments): readonly [number | undefined, string | undefined] => {
    const request = new Decoded(Buffer.from(calls.request()));
    return [request.message(1)?.number(6), request.message(2)?.message(2)?.bytes(2)?.toString()];
  };

  it("add 1 to what they know, and learn from a failed attempt", () => {
    const calls = new Increments(["k"], 0);
    expect(attempt(calls)).toEqual([0, "1"]);
    expect(calls.hear(changed("41", 7))).toBe("again");
    expect(attempt(calls)).toEqual([7, "42"]);
    expect(calls.hear(swapped(8))).toBe("done");
    expect(attempt(calls)).toEqual([8, "43"]);
  });

  it("keep to a key until it is done, and then take the next", () => {
    const calls = new Increments(["a", "b"], 1);
    const key = (): string | undefined =>
      new Decoded(Buffer.from(calls.request())).message(1)?.bytes(3)?.toString();
    expect(key()).toBe("b");
    calls.hear(changed("1", 2));
    expect(key()).toBe("b");
    calls.hear(swapped(3));
    expect(key()).toBe("a");
  });

  it("write and read the key that they are given", () => {
    const [put, read] = [new Puts(["a", "b"], 1), new Reads("r")];
    const keyOf = (bytes: Uint8Array): string | undefined =>
      new Decoded(Buffer.from(bytes)).bytes(1)?.toString();
    expect([keyOf(put.request()), keyOf(put.request()), keyOf(read.request())]).toEqual(["b", "a", "r"]);
    expect(read.hear(encode([[2, [[5, "1"]]]]))).toBe("done");
    expect(() => read.hear(encode([[1, [[3, 9]]]]))).toThrow("not found");
  });
});
