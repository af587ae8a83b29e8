import { describe, expect, it } from "vitest";
import { type DiscoveryOptions, discovery } from "../../src/cli/discovery.ts";

const A = { host: "10.0.0.1", port: 4100 };
const B = { host: "10.0.0.2", port: 4100 };
const PEERS = { name: "peers", port: 4100 };

function finder(options: Partial<DiscoveryOptions>): () => Promise<readonly string[]> {
  const nothing = { join: [], discover: undefined, own: [], interfaces: () => [] };
  return discovery({ ...nothing, ...options });
}

describe("the addresses that a joining node asks", () => {
  it("are those that it was told, once each, in their order", async () => {
    expect(await finder({ join: [B, A, B] })()).toEqual(["10.0.0.2:4100", "10.0.0.1:4100"]);
  });

  it("are all addresses of a name, with the port that was told, IPv6 ones in brackets", async () => {
    const lookup = async () => ["10.0.0.1", "fd00::2"];
    expect(await finder({ discover: PEERS, lookup })()).toEqual(["10.0.0.1:4100", "[fd00::2]:4100"]);
  });

  it("are looked up anew each time", async () => {
    const answers = [["10.0.0.1"], ["10.0.0.1", "10.0.0.2"]];
    const find = finder({ discover: PEERS, lookup: async () => answers.shift() ?? [] });
    expect(await find()).toEqual(["10.0.0.1:4100"]);
    expect(await find()).toEqual(["10.0.0.1:4100", "10.0.0.2:4100"]);
  });

  it("do not include the node's own, by whichever address of this machine it is known", async () => {
    const lookup = async () => ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
    const everywhere = { host: "0.0.0.0", port: 4100 };
    const interfaces = () => ["127.0.0.1", "10.0.0.2"];
    const find = finder({ discover: PEERS, lookup, interfaces, own: [everywhere] });
    expect(await find()).toEqual(["10.0.0.1:4100", "10.0.0.3:4100"]);
    expect(await finder({ discover: PEERS, lookup, own: [B] })()).toEqual(["10.0.0.1:4100", "10.0.0.3:4100"]);
  });

  it("include another node of the same machine, at another port or another address", async () => {
    const own = [{ host: "127.0.0.1", port: 4103 }];
    const interfaces = () => ["127.0.0.1"];
    const join = [
      { host: "127.0.0.1", port: 4100 },
      { host: "127.0.0.2", port: 4103 },
    ];
    expect(await finder({ join, own, interfaces })()).toEqual(["127.0.0.1:4100", "127.0.0.2:4103"]);
  });

  it("are found by the system's own way of resolving names", async () => {
    const find = finder({ discover: { name: "localhost", port: 4100 } });
    expect(await find()).toContain("127.0.0.1:4100");
  });

  it("are only the known ones while the name cannot be looked up, and a failure if there are none", async () => {
    const lookup = () => Promise.reject(Object.assign(new Error("getaddrinfo"), { code: "ENOTFOUND" }));
    expect(await finder({ join: [A], discover: PEERS, lookup })()).toEqual(["10.0.0.1:4100"]);
    await expect(finder({ discover: PEERS, lookup })()).rejects.toThrow(
      "peers of --discover cannot be looked up (ENOTFOUND)",
    );
  });
});
