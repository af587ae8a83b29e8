/** The proxies between nodes, without nodes: what they let through, and what they count. */

import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { freePorts } from "../../chaos/index.ts";
import { Splitter } from "../../chaos/network/messages.ts";
import { Proxies } from "../../chaos/network/proxies.ts";
import { until } from "../node/machines.ts";

const HEAD = "GET /raft/link HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: raftally/1\r\n\r\n";
const ANSWER = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: raftally/1\r\n\r\n";

function message(text: string): Buffer {
  const payload = Buffer.from(text);
  const head = Buffer.alloc(8);
  head.writeUInt32BE(payload.length, 0);
  return Buffer.concat([head, payload]);
}

/** The messages that were put together again from what has arrived, after the head. */
function textsOf(bytes: Buffer): string[] {
  const parts = new Splitter().push(bytes);
  return parts.filter((part) => part.message !== undefined).map((part) => part.bytes.subarray(8).toString());
}

/** One who listens at the end of the way, and keeps what arrives. */
class Far {
  arrived: Buffer = Buffer.alloc(0);
  readonly sockets: Socket[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    server.on("connection", (socket: Socket) => {
      this.sockets.push(socket);
      socket.on("error", () => undefined);
      socket.on("data", (chunk: Buffer) => {
        this.arrived = Buffer.concat([this.arrived, chunk]);
      });
    });
  }

  static async listen(port: number): Promise<Far> {
    const server = createServer().listen(port, "127.0.0.1");
    await once(server, "listening");
    return new Far(server);
  }

  texts(): string[] {
    return textsOf(this.arrived);
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy();
    this.#server.close();
  }
}

let proxies: Proxies;
let far: Far;
let near: Socket;
let port = 0;
let faults: string[] = [];

beforeEach(async () => {
  const [proxyPort = 0, farPort = 0] = await freePorts(2);
  port = proxyPort;
  faults = [];
  proxies = new Proxies(1, (sentence) => faults.push(sentence));
  await proxies.serve("b", port, farPort);
  far = await Far.listen(farPort);
});

afterEach(() => {
  near.destroy();
  far.close();
  proxies.close();
});

/** This process connects, as node `a` if it is known to be that. */
async function dial(known = true): Promise<void> {
  if (known) proxies.started("a", process.pid);
  near = connect(port, "127.0.0.1");
  near.on("error", () => undefined);
  await once(near, "connect");
}

async function link(): Promise<void> {
  await dial();
  near.write(HEAD);
  // Two messages that introduce, and always pass.
  near.write(Buffer.concat([message('{"from":"a"}'), message("second")]));
  await until(() => far.texts().length === 2, "the introduction has passed");
}

function send(count: number, from = 0): void {
  for (let at = from; at < from + count; at++) near.write(message(`m${at}`));
}

function names(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, at) => `m${from + at}`);
}

const later = (): string[] => far.texts().slice(2);

describe("a way between two nodes", () => {
  it("carries messages whole and in order, in both directions, and counts them", async () => {
    await link();
    send(50);
    await until(() => later().length === 50, "all have arrived");
    expect(later()).toEqual(names(50));
    let back = Buffer.alloc(0);
    near.on("data", (chunk: Buffer) => {
      back = Buffer.concat([back, chunk]);
    });
    far.sockets[0]?.write(Buffer.concat([Buffer.from(ANSWER), message("pong")]));
    await until(() => textsOf(back).length === 1, "the answer has arrived");
    expect(textsOf(back)).toEqual(["pong"]);
    expect(proxies.passed("a", "b")).toMatchObject({ bytes: far.arrived.length, messages: 52, held: 0 });
    expect(proxies.passed("b", "a")).toMatchObject({ bytes: back.length, messages: 1, held: 0 });
    expect(faults).toEqual([]);
  });

  it("lets no byte through a cut, and everything in order once it is over", async () => {
    await link();
    proxies.trouble("a", "b", { cut: true });
    const { bytes } = proxies.passed("a", "b");
    send(20);
    await until(() => proxies.passed("a", "b").held >= 20 * message("m00").length - 10, "they are held back");
    // The other direction shows that the proxy is at work, and passes what comes.
    far.sockets[0]?.write(ANSWER);
    await once(near, "data");
    expect(proxies.passed("a", "b").bytes).toBe(bytes);
    expect(later()).toEqual([]);
    proxies.trouble("a", "b", {});
    await until(() => later().length === 20, "all have arrived");
    expect(later()).toEqual(names(20));
  });

  it("does not even let anybody connect through a cut", async () => {
    proxies.trouble("a", "b", { cut: true });
    await dial();
    near.write(HEAD);
    await until(() => proxies.passed("a", "b").held > 0, "the attempt is seen");
    expect(far.sockets).toEqual([]);
    proxies.trouble("a", "b", {});
    await until(() => far.arrived.length === HEAD.length, "the head has arrived");
  });

  it("holds back the end of a connection as well", async () => {
    await link();
    const ended = once(far.sockets[0] ?? near, "end");
    let hasEnded = false;
    void ended.then(() => {
      hasEnded = true;
    });
    proxies.trouble("a", "b", { cut: true });
    send(1);
    near.end();
    await until(() => proxies.passed("a", "b").held > 0, "the message is held back");
    expect(hasEnded).toBe(false);
    proxies.trouble("a", "b", {});
    await ended;
    expect(later()).toEqual(["m0"]);
  });

  it("loses, doubles and damages whole messages, never parts, and counts which", async () => {
    await link();
    proxies.trouble("a", "b", { loss: 0.3, duplication: 0.3 });
    send(400);
    await until(() => {
      const { messages, lost, doubled } = proxies.passed("a", "b");
      return messages + lost - doubled === 402;
    }, "all have been seen");
    proxies.trouble("a", "b", {});
    near.write(message("last"));
    await until(() => later().at(-1) === "last", "all that will arrive have arrived");
    const { lost, doubled } = proxies.passed("a", "b");
    const texts = later().slice(0, -1);
    expect(lost).toBeGreaterThan(0);
    expect(doubled).toBeGreaterThan(0);
    expect(texts.length).toBe(400 - lost + doubled);
    expect([...texts]).toEqual([...texts].sort((a, b) => Number(a.slice(1)) - Number(b.slice(1))));
    proxies.trouble("a", "b", { damage: 1 });
    near.write(message("intact"));
    await until(() => proxies.passed("a", "b").damaged === 1, "it has been damaged");
    await until(() => far.texts().at(-1) !== "last", "it has arrived");
    expect(far.texts().at(-1)).not.toBe("intact");
    expect(far.texts().at(-1)?.length).toBeGreaterThan(0);
  });

  it("takes the time that it was told, keeps the order, and keeps to the rate", async () => {
    await link();
    proxies.trouble("a", "b", { delayMs: 80, jitterMs: 40 });
    const began = performance.now();
    send(10);
    await until(() => later().length === 10, "all have arrived");
    expect(performance.now() - began).toBeGreaterThan(75);
    expect(later()).toEqual(names(10));
    proxies.trouble("a", "b", { bytesPerSecond: 20_000 });
    const narrowed = performance.now();
    near.write(message("x".repeat(4_000)));
    near.write(message("end"));
    await until(() => later().at(-1) === "end", "both have arrived");
    expect(performance.now() - narrowed).toBeGreaterThan(190);
  });

  it("resets every connection of a pair", async () => {
    await link();
    const broken = new Promise((resolve) => near.once("close", resolve));
    expect(proxies.reset("b", "a")).toBe(1);
    await broken;
    expect(proxies.reset("a", "b")).toBe(0);
  });
});

describe("who has connected", () => {
  it("is asked of the system, and a process that is nobody's is turned away", async () => {
    await dial(false);
    await once(near, "close");
    expect(far.sockets).toEqual([]);
  });

  it("is doubted when somebody else introduces himself", async () => {
    await dial();
    near.write(HEAD);
    near.write(message('{"from":"c"}'));
    await until(() => faults.length > 0, "the doubt is said");
    expect(faults).toEqual(["a connection was taken for that of a, and c spoke on it"]);
  });
});

describe("what is cut into messages", () => {
  it("does not depend on how the bytes come", () => {
    const whole = Buffer.concat([
      Buffer.from(HEAD),
      message("one"),
      message("two"),
      message("x".repeat(300)),
    ]);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1 }), (sizes) => {
        const splitter = new Splitter();
        const parts = [];
        for (let at = 0, turn = 0; at < whole.length; turn++) {
          const size = sizes[turn % sizes.length] ?? 1;
          parts.push(...splitter.push(whole.subarray(at, at + size)));
          at += size;
        }
        expect(Buffer.concat(parts.map(({ bytes }) => bytes))).toEqual(whole);
        expect(parts.map((part) => part.message)).toEqual([undefined, 0, 1, 2]);
      }),
    );
  });

  it("leaves alone what is no upgrade", () => {
    const plain = Buffer.from("GET /raft/snapshots/x HTTP/1.1\r\nhost: n\r\n\r\n\0\0\0\u0001abcdefgh");
    expect(new Splitter().push(plain).every((part) => part.message === undefined)).toBe(true);
  });
});
