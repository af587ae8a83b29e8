import { execFile } from "node:child_process";
import { createServer } from "node:net";
import { promisify } from "node:util";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { nodeId } from "../../src/raft/index.ts";
import { isLoopback, parseAddress } from "../../src/transport/address.ts";
import { openTransport, TransportError, type TransportOptions } from "../../src/transport/index.ts";
import { type Heard, World } from "./nodes.ts";

const world = await World.of("n1", "n2");
afterAll(() => world.close());

function options(changes: Partial<TransportOptions> = {}): TransportOptions {
  const heard: Heard = {
    packets: [],
    links: [],
    upAtMs: [],
    versions: new Map(),
    contacts: [],
    refusals: [],
    notices: [],
  };
  return { ...world.optionsOf("n1", {}, heard), ...changes };
}

async function refusalOf(changes: Partial<TransportOptions>): Promise<[string, string]> {
  try {
    const transport = await openTransport(options(changes));
    await transport.close();
    return ["opened", ""];
  } catch (error) {
    if (!(error instanceof TransportError)) throw error;
    return [error.code, error.message];
  }
}

describe("opening a transport", () => {
  it("refuses to do without a secret as soon as any address can be reached from outside", async () => {
    const exposed = { id: nodeId("n2"), address: "10.0.0.7:4100", incarnation: undefined };
    const [code, message] = await refusalOf({ secret: "", peers: [exposed] });
    expect(code).toBe("secretRequired");
    expect(message).toMatch(
      /^A cluster secret is required, because "10\.0\.0\.7" is not a loopback address: .*\.$/,
    );
    expect((await refusalOf({ secret: "", listen: { host: "0.0.0.0", port: 0 } }))[0]).toBe("secretRequired");
    expect((await refusalOf({ secret: "", listen: { host: "", port: 0 } }))[0]).toBe("secretRequired");
    const self = { id: nodeId("n1"), incarnation: "1".repeat(32), address: "10.0.0.7:4100" };
    expect((await refusalOf({ secret: "", self }))[0]).toBe("secretRequired");
    expect((await refusalOf({ secret: "" }))[0]).toBe("opened");
  });

  it.each<[string, Partial<TransportOptions>, RegExp]>([
    ["an empty cluster id", { clusterId: "" }, /cluster id/],
    ["an incarnation that is none", { self: { id: nodeId("n1"), incarnation: "x" } }, /32 hex digits/],
    [
      "an own address that is none",
      { self: { id: nodeId("n1"), incarnation: "1".repeat(32), address: "here" } },
      /this node, "here"/,
    ],
    [
      "an address without a port",
      { peers: [{ id: nodeId("n2"), address: "there", incarnation: undefined }] },
      /host:port/,
    ],
    [
      "a peer with the own id",
      { peers: [{ id: nodeId("n1"), address: "127.0.0.1:1", incarnation: undefined }] },
      /twice/,
    ],
    [
      "a peer's incarnation that is none",
      { peers: [{ id: nodeId("n2"), address: "127.0.0.1:1", incarnation: "z" }] },
      /n2/,
    ],
    ["a ceiling below its floor", { settings: { reconnectMsMin: 10, reconnectMsMax: 9 } }, /reconnectMsMax/],
    ["a setting that is not positive", { settings: { keepaliveMs: 0 } }, /keepaliveMs/],
    ["a port beyond all ports", { listen: { host: "127.0.0.1", port: 70_000 } }, /not a port/],
  ])("refuses %s with a sentence", async (_title, changes, sentence) => {
    const [code, message] = await refusalOf(changes);
    expect(code).toBe("invalidOptions");
    expect(message).toMatch(sentence);
    expect(message).toMatch(/^[A-Z"0-9].*\.$/);
  });

  it("says so in a sentence when the port is in use, or not there to be listened on", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const refusal = await refusalOf({ listen: { host: "127.0.0.1", port } });
    expect(refusal).toEqual([
      "addressInUse",
      `Cannot listen for peers on 127.0.0.1:${port}: it is in use by another process.`,
    ]);
    await new Promise((resolve) => server.close(resolve));
    expect((await refusalOf({ listen: { host: "192.0.2.1", port: 0 } }))[0]).toBe("cannotListen");
  });

  it("tells loopback from everything else", () => {
    for (const host of ["127.0.0.1", "127.8.9.10", "::1", "localhost"]) expect(isLoopback(host)).toBe(true);
    for (const host of [
      "0.0.0.0",
      "::",
      "",
      "10.0.0.1",
      "localhost.example.org",
      "127.0.0.1.example.org",
      "node1",
    ]) {
      expect(isLoopback(host)).toBe(false);
    }
  });

  it("reads every host and port, also of IPv6, and nothing else", () => {
    expect(parseAddress("[::1]:4100")).toEqual({ host: "::1", port: 4100 });
    fc.assert(
      fc.property(fc.domain(), fc.integer({ min: 1, max: 65_535 }), (host, port) => {
        expect(parseAddress(`${host}:${port}`)).toEqual({ host, port });
      }),
    );
    for (const address of [
      "",
      ":1",
      "a",
      "a:",
      "a:0",
      "a:65536",
      "a:1:2",
      "a b:1",
      "http://a:1",
      "::1:80",
      "a:1x",
    ]) {
      expect(parseAddress(address)).toBeUndefined();
    }
  });
});

describe("closing a transport", () => {
  it("leaves nothing behind that would keep the process alive", async () => {
    const script = new URL("./open-and-close.ts", import.meta.url).pathname;
    // The limit is the assertion: a handle that is left would keep the child alive beyond it.
    const { stdout } = await promisify(execFile)(process.execPath, [script], { timeout: 8000 });
    expect(stdout).toBe("a packet arrived, a snapshot and a join were under way, all are closed\n");
  });
});
