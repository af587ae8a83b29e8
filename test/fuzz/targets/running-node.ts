/** A real node, attacked over real sockets on both its ports. Afterwards it must answer, know every count, and stop. */

import { connect, type Socket } from "node:net";
import type { Prng } from "../../../src/base/index.ts";
import { FrameReader, frameOf } from "../../../src/transport/frame.ts";
import { encodeJson, seal } from "../../../src/transport/handshake.ts";
import { decodePacket, encodePacket } from "../../../src/transport/index.ts";
import { incarnationOf } from "../../transport/nodes.ts";
import { mutateBytes, randomBytes } from "../bytes.ts";
import { GROWTH_BYTES_MAX } from "../fuzz.ts";
import { json, msgpack, Pool } from "../pool.ts";
import { accepted, demand, refused, type Subject, type Target, type Verdict } from "../target.ts";
import { REQUEST } from "./handshake-words.ts";
import { draw as drawHttp } from "./http-wire.ts";
import { NODE_SECRET, NodeProcess } from "./node-process.ts";
import { drawnPackets } from "./peer-packets.ts";
import { converse, converseHttp, hasSuccess, statusesIn } from "./raw.ts";
import { mutateRequest, REQUESTS } from "./requests.ts";

/** What an input does; its first byte. */
const HTTP = 0;
const PEER = 1;
const UPGRADED = 2;
const GUEST = 3;
const JOINING = 4;
const LARGE = 5;
const SLOW = 6;

/** Inputs between two looks at the node. */
const LOOK_EVERY = 64;
/** Looks before its memory is measured for the first time. */
const LOOKS_BEFORE = 4;
/** Looks of which the least counts. */
const LOOKS_TOGETHER = 8;
/** Connections that are held open and say a byte now and then. */
const SLOW_MAX = 48;
const COUNTED = 42;
/** A request has 30 s to arrive, and the node looks every second; the rest is for a busy machine. */
const HANG_UP_MS_MAX = 60_000;
/** After so many inputs it is worth waiting for that. */
const FED_FOR_PATIENCE = 1_000;

export const runningNode: Target = {
  name: "running-node",
  about:
    "a real node attacked on both ports (garbage, half handshakes, slow and huge): it answers and knows every count",
  inputs: 3_000,
  sample: 66,
  msMax: 20_000,
  open: async (seed): Promise<Subject> => {
    const node = await NodeProcess.start();
    try {
      const attack = new Attack(node, seed);
      await attack.prepare();
      return attack;
    } catch (error) {
      await node.dispose();
      throw error;
    }
  },
};

class Attack implements Subject {
  readonly #node: NodeProcess;
  readonly #http: Pool = new Pool(REQUESTS, mutateRequest);
  readonly #requests: Pool = new Pool([encodeJson({ ...REQUEST, ask: "wait" })], json);
  readonly #packets: readonly Buffer[];
  readonly #slow: Socket[] = [];
  #incarnation = "";
  #fed = 0;
  #looks = 0;
  #resident: number | undefined;
  readonly #recent: number[] = [];
  /** As the node said them last. */
  #revision = 0;
  #mayHaveCounted = false;

  constructor(node: NodeProcess, seed: number) {
    this.#node = node;
    this.#packets = drawnPackets(seed, 3, "n9", "n1").map((packet) => Buffer.from(encodePacket(packet)));
  }

  /** Counts something that must still be there at the end. */
  async prepare(): Promise<void> {
    const body = JSON.stringify({ by: COUNTED });
    const headers = { "Content-Type": "application/json" };
    const counted = await this.#ask("/v1/counters/kept/increment", { method: "POST", body, headers });
    demand(counted["value"] === COUNTED, "node: it does not count");
    this.#incarnation = String((await this.#ask("/v1/cluster"))["incarnation"]);
    this.#revision = Number(counted["revision"]);
  }

  draw(prng: Prng): Buffer {
    const kind = prng.pick([
      HTTP,
      HTTP,
      HTTP,
      PEER,
      PEER,
      UPGRADED,
      UPGRADED,
      GUEST,
      GUEST,
      JOINING,
      LARGE,
      SLOW,
    ]);
    return Buffer.concat([Buffer.from([kind]), this.#drawOf(kind, prng)]);
  }

  #drawOf(kind: number, prng: Prng): Buffer {
    const packet = prng.pick(this.#packets);
    switch (kind) {
      case HTTP:
        return drawHttp(prng, this.#http);
      case PEER: {
        const token = prng.pick(["AAAAAAAAAAAAAAAAAAAAAA", "", "..%2f..%2fstate.db", "__proto__"]);
        const line = prng.pick([
          "GET /raft/link",
          "GET /raft/join",
          `GET /raft/snapshots/${token}`,
          "POST /",
          "PRI *",
        ]);
        const upgrade = "Connection: Upgrade\r\nUpgrade: raftally/1";
        const request = Buffer.from(
          `${line} HTTP/1.1\r\nHost: x\r\nRange: bytes=0-\r\n${prng.chance(0.5) ? upgrade : ""}\r\n\r\n`,
        );
        return prng.chance(0.8) ? mutateBytes(request, prng, packet) : randomBytes(prng, 400);
      }
      case UPGRADED:
        return prng.chance(0.5) ? randomBytes(prng, 300) : mutateBytes(frameOf(packet), prng, packet);
      case GUEST:
        return msgpack(packet, prng, prng.pick(this.#packets));
      case JOINING:
        return this.#requests.draw(prng).subarray(0, 3_000);
      default:
        return Buffer.from([prng.between(0, 5), prng.next() & 0xff]);
    }
  }

  async feed(input: Buffer): Promise<Verdict> {
    const verdict = await this.#carryOut(input[0] ?? 0, input.subarray(1));
    this.#node.demandAlive();
    if (++this.#fed % LOOK_EVERY === 0) await this.#look();
    return verdict;
  }

  async #carryOut(kind: number, bytes: Buffer): Promise<Verdict> {
    const { port, peerPort } = this.#node;
    switch (kind) {
      case HTTP: {
        const { answer, isOver } = await converseHttp(port, bytes);
        const statuses = statusesIn(answer);
        // The last success may be that of the request that ends the conversation, which only asks.
        const asked = answer.subarray(-6).toString("latin1") === "\r\n\r\nok" ? 1 : 0;
        this.#mayHaveCounted ||= !isOver || statuses.filter((status) => status < 300).length > asked;
        return hasSuccess(statuses) ? accepted("http") : refused(`http ${statuses.join(" ") || "closed"}`);
      }
      case PEER: {
        const { answer } = await converse(peerPort, bytes);
        return refused(`peer ${answer.toString("latin1", 0, 12)}`);
      }
      case UPGRADED: {
        await converse(peerPort, Buffer.concat([Buffer.from(upgradeTo("/raft/link")), bytes]));
        return refused("upgraded");
      }
      case GUEST:
        return await this.#visit(bytes);
      case JOINING:
        return await introduce(peerPort, {
          path: "/raft/join",
          role: "join",
          word: bytes,
          rest: Buffer.alloc(0),
        });
      case LARGE:
        return await this.#sendLarge(bytes[0] ?? 0);
      default:
        return this.#beSlow(bytes);
    }
  }

  /** As a guest who knows the secret, and then says what no node says. What a node might say would be obeyed. */
  async #visit(payload: Buffer): Promise<Verdict> {
    const content = decodePacket(payload);
    const hello = {
      min: 1,
      max: 2,
      clusterId: "c1",
      from: "n9",
      fromIncarnation: incarnationOf("n9"),
      to: "n1",
      toIncarnation: this.#incarnation,
      nonce: "0".repeat(32),
      keepaliveMs: 1_000,
      address: "127.0.0.1:9",
    };
    const rest = content.kind === "undecodable" ? frameOf(payload) : frameOf(payload).subarray(0, -1);
    const said = { path: "/raft/link", role: "hello", word: encodeJson(hello), rest } as const;
    return await introduce(this.#node.peerPort, said);
  }

  async #sendLarge(which: number): Promise<Verdict> {
    const { port, peerPort } = this.#node;
    const large = Buffer.alloc(2_000_000, "1");
    const post = "POST /v1/batch HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
    const claim = Buffer.from([0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
    switch (which % 6) {
      case 0:
        await converse(
          port,
          Buffer.concat([Buffer.from(`${post}Content-Length: ${large.length}\r\n\r\n`), large]),
        );
        break;
      case 1: {
        const chunk = Buffer.concat([
          Buffer.from(`${large.length.toString(16)}\r\n`),
          large,
          Buffer.from("\r\n"),
        ]);
        await converse(
          port,
          Buffer.concat([Buffer.from(`${post}Transfer-Encoding: chunked\r\n\r\n`), chunk, chunk]),
        );
        break;
      }
      case 2:
        await converse(port, Buffer.from(`GET /${"a".repeat(200_000)} HTTP/1.1\r\nHost: x\r\n\r\n`));
        break;
      case 3:
        await converse(port, Buffer.from(`GET / HTTP/1.1\r\nHost: x\r\n${"A: b\r\n".repeat(50_000)}\r\n`));
        break;
      case 4:
        await converse(peerPort, Buffer.concat([Buffer.from(upgradeTo("/raft/link")), claim, large]));
        break;
      default:
        await converse(peerPort, Buffer.concat([Buffer.from(upgradeTo("/raft/join")), frameOf(large)]));
    }
    return refused(`large ${which % 6}`);
  }

  /** Opens another connection that comes to nothing, and lets all of them say one more byte. */
  #beSlow([which = 0, byte = 0]: Buffer): Verdict {
    const beginnings = [
      "GET / HTTP/1.1\r\nHost: ",
      "POST /v1/batch HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n{",
      "",
    ];
    const isPeer = which % 2 === 1;
    const socket = connect(isPeer ? this.#node.peerPort : this.#node.port, "127.0.0.1");
    socket.on("error", () => undefined);
    socket.on("data", () => undefined);
    socket.write(isPeer ? upgradeTo("/raft/link").slice(0, 20 + byte) : (beginnings[which % 3] ?? ""));
    this.#slow.push(socket);
    for (const one of this.#slow) if (!one.destroyed && one.writable) one.write(Buffer.from([0x61]));
    while (this.#slow.length > SLOW_MAX) this.#slow.shift()?.destroy();
    return refused(isPeer ? "slow peer" : "slow http");
  }

  /** What the node says now, and what it has in memory. */
  async #look(): Promise<void> {
    const kept = await this.#ask("/v1/counters/kept");
    demand(kept["value"] === COUNTED, `state: what was counted is ${kept["value"]} and not ${COUNTED}`);
    const revision = Number((await this.#ask("/v1/cluster"))["revision"]);
    demand(
      this.#mayHaveCounted || revision === this.#revision,
      "state: something was counted though all was refused",
    );
    this.#revision = revision;
    this.#mayHaveCounted = false;
    const resident = this.#node.residentBytes();
    this.#looks += 1;
    if (this.#looks === LOOKS_BEFORE) this.#resident = resident;
    if (resident === undefined || this.#resident === undefined) return;
    // Garbage that was not collected yet comes and goes; what stays is in the least of several looks.
    this.#recent.push(resident);
    if (this.#recent.length < LOOKS_TOGETHER) return;
    const grown = Math.min(...this.#recent.slice(-LOOKS_TOGETHER)) - this.#resident;
    demand(grown <= GROWTH_BYTES_MAX, `memory: the node has grown by ${Math.round(grown / 1_048_576)} MiB`);
  }

  async #ask(path: string, init: RequestInit = {}): Promise<Readonly<Record<string, unknown>>> {
    const response = await fetch(`http://127.0.0.1:${this.#node.port}${path}`, init);
    demand(response.ok, `node: ${path} is answered with status ${response.status}`);
    return (await response.json()) as Readonly<Record<string, unknown>>;
  }

  /** Nobody may hold a connection for ever by saying little: the node hangs up on all of them by itself. */
  async #outlastTheSlow(): Promise<void> {
    const deadline = performance.now() + HANG_UP_MS_MAX;
    while (this.#slow.some((socket) => !socket.destroyed)) {
      demand(performance.now() < deadline, "slow: the node still holds connections that come to nothing");
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }

  async close(): Promise<void> {
    try {
      if (this.#fed >= FED_FOR_PATIENCE) await this.#outlastTheSlow();
      for (const socket of this.#slow) socket.destroy();
      this.#node.demandAlive();
      await this.#look();
      const again = await this.#ask("/v1/counters/kept/increment", { method: "POST" });
      demand(again["value"] === COUNTED + 1, "node: it no longer counts");
      await this.#node.stop();
    } finally {
      await this.#node.dispose();
    }
  }
}

function upgradeTo(path: string): string {
  return `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: raftally/1\r\n\r\n`;
}

interface Said {
  readonly path: string;
  readonly role: "hello" | "join";
  readonly word: Buffer;
  /** What follows after an answer. */
  readonly rest: Buffer;
}

/** Proves that it knows the secret, says its word, and waits until the node hangs up or has answered. */
function introduce(port: number, { path, role, word, rest }: Said): Promise<Verdict> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const reader = new FrameReader(300_000);
    let head: Buffer | undefined = Buffer.alloc(0);
    let answers = 0;
    const onFrames = (chunk: Buffer): void => {
      reader.push(chunk, (payload) => {
        answers += 1;
        const challenge = Buffer.from(payload);
        if (answers === 1) socket.write(frameOf(seal(NODE_SECRET, role, [challenge, word])));
        // A link stays open until something wrong is said on it, so that this is what closes it.
        if (answers === 2) socket.end(rest);
        return true;
      });
    };
    socket.on("data", (chunk: Buffer) => {
      if (head === undefined) return onFrames(chunk);
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf("\r\n\r\n");
      if (end === -1) return;
      const frames = head.subarray(end + 4);
      head = undefined;
      onFrames(frames);
    });
    socket.on("error", () => undefined);
    socket.on("close", () =>
      resolve(answers > 1 ? accepted(`${role} answered`) : refused(`${role} not answered`)),
    );
    socket.write(upgradeTo(path));
  });
}
