/** What breaks a local cluster, part by part: links, groups, and who may ask for it. */

import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer, request } from "node:http";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { freePorts } from "../../chaos/index.ts";
import { type ControlServer, openControlServer } from "../../src/cli/local/control-server.ts";
import { waysBetween } from "../../src/cli/local/groups.ts";
import { LinkProxies } from "../../src/cli/local/link-proxies.ts";
import { readLinks, readTarget } from "../../src/cli/local/requests.ts";
import { freshId } from "../../src/cli/local/wipe-check.ts";
import { eventually } from "./processes.ts";

describe("the links between groups", () => {
  const ids = ["n1", "n2", "n3"];
  const shown = (groups: readonly (readonly string[])[], oneWay = false): string => {
    const ways = waysBetween(groups, { ids, oneWay });
    return typeof ways === "string" ? ways : ways.map(({ from, to }) => `${ids[from]}>${ids[to]}`).join(" ");
  };

  it("are those between nodes of different groups, in both directions or one", () => {
    expect(shown([["n1"], ["n2", "n3"]])).toBe("n1>n2 n1>n3 n2>n1 n3>n1");
    expect(shown([["n1"], ["n2", "n3"]], true)).toBe("n1>n2 n1>n3");
    expect(shown([["n2", "n3"], ["n1"]], true)).toBe("n2>n1 n3>n1");
    expect(shown([["n1"], ["n2"], ["n3"]])).toBe("n1>n2 n1>n3 n2>n1 n2>n3 n3>n1 n3>n2");
  });

  it("leave a node alone that is in no group, unless there is one group only", () => {
    expect(shown([["n1"], ["n2"]])).toBe("n1>n2 n2>n1");
    expect(shown([["n2"]])).toBe("n2>n1 n2>n3 n1>n2 n3>n2");
    expect(shown([["n2"]], true)).toBe("n2>n1 n2>n3");
    expect(shown([])).toBe("");
  });

  it("are refused for groups that make no sense", () => {
    expect(shown([["n1"], ["n9"]])).toBe("There is no node n9 in this cluster: it has n1, n2, n3.");
    expect(shown([["n1"], ["n2", "n1"]])).toBe("n1 is named twice: a node belongs to one group.");
    expect(shown([["n1"], []])).toBe("A group without a node cannot be cut off.");
  });
});

describe("what is asked of a launcher", () => {
  it("names a node, or the leader, and an action", () => {
    expect(readTarget("/v1/local/nodes/n1/kill")).toEqual({ node: "n1", action: "kill" });
    expect(readTarget("/v1/local/leader/kill")).toEqual({ node: "leader", action: "kill" });
    for (const path of [
      "/v1/local/nodes/n1",
      "/v1/local/nodes/n1/burn",
      "/v1/local/nodes/../kill",
      "/kill",
    ]) {
      expect(readTarget(path)).toBeUndefined();
    }
  });

  it("holds groups of links, and nothing else", () => {
    expect(readLinks('{"groups":[["n1"],["n2"]]}')).toEqual({ groups: [["n1"], ["n2"]], oneWay: false });
    expect(readLinks('{"groups":[],"oneWay":true}')).toEqual({ groups: [], oneWay: true });
    for (const body of [
      "",
      "7",
      "null",
      "{}",
      '{"groups":"n1"}',
      '{"groups":[[1]]}',
      '{"groups":[],"x":1}',
    ]) {
      expect(readLinks(body)).toMatch(/the body must be \{"groups":\[\["n1"\],\["n2","n3"\]\]\}/);
    }
    expect(readLinks(undefined)).toMatch(/^The body is too long/);
  });
});

describe("the id of a newcomer", () => {
  it("is none that the cluster ever knew, nor one whose files lie about", async () => {
    const removed = { configuration: { members: [{ id: "n1" }, { id: "n7" }], removed: [{ id: "n9" }] } };
    const known = createHttpServer((_, answer) => void answer.end(JSON.stringify(removed)));
    known.listen(0, "127.0.0.1");
    await once(known, "listening");
    const { port } = known.address() as AddressInfo;
    const data = mkdtempSync(join(tmpdir(), "raftally-fresh-"));
    const member = (id: string) => ({ id, peer: "127.0.0.1:1", api: "http://127.0.0.1:1" });
    const plan = {
      ...{ clusterId: "c", secret: "s", existed: true, founding: false },
      members: ["n1", "n4", "n3"].map(member),
      newcomers: [{ id: "n4", replaces: "n2", done: true }],
    };
    expect(await freshId({ plan, urls: ["http://127.0.0.1:1"] }, data)).toBe("n5");
    expect(await freshId({ plan, urls: ["http://127.0.0.1:1", `http://127.0.0.1:${port}`] }, data)).toBe(
      "n10",
    );
    writeFileSync(join(data, "n12.log"), "");
    expect(await freshId({ plan, urls: [] }, data)).toBe("n13");
    rmSync(data, { recursive: true });
    known.close();
  });
});

describe("a link", () => {
  const servers: Server[] = [];
  const sockets: Socket[] = [];
  let links: LinkProxies | undefined;
  afterEach(() => {
    links?.close();
    for (const socket of sockets.splice(0)) socket.destroy();
    for (const server of servers.splice(0)) server.close();
  });

  /** Answers what it is told, with its own name before it. */
  async function echo(name: string, port: number): Promise<void> {
    const server = createServer((socket) => {
      sockets.push(socket);
      socket.on("error", () => undefined);
      socket.on("data", (chunk) => socket.write(`${name}:${chunk.toString()}`));
    });
    servers.push(server);
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
  }

  /** Two places, and where the first dials the second. */
  async function pair(): Promise<{ readonly port: number; readonly target: number }> {
    const [a = 0, b = 0] = await freePorts(2);
    links = await LinkProxies.open([`127.0.0.1:${a}`, `127.0.0.1:${b}`]);
    const [known = "", way = ""] = (links.detours(0) ?? "").split("=");
    expect(known).toBe(`127.0.0.1:${b}`);
    return { port: Number(way.split(":")[1]), target: b };
  }

  async function dial(port: number): Promise<{ readonly socket: Socket; heard(): string; ended(): boolean }> {
    const socket = connect(port, "127.0.0.1");
    sockets.push(socket);
    const state = { heard: "", ended: false };
    socket.on("data", (chunk) => {
      state.heard += chunk.toString();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      state.ended = true;
    });
    await once(socket, "connect").catch(() => undefined);
    return { socket, heard: () => state.heard, ended: () => state.ended };
  }

  it("passes bytes both ways, and counts what was said", async () => {
    const { port, target } = await pair();
    await echo("b", target);
    const { socket, heard } = await dial(port);
    socket.write("hello");
    await eventually(() => heard() === "b:hello", "the echo");
    expect(links?.passed({ from: 0, to: 1 })).toBe(5);
    expect(links?.passed({ from: 1, to: 0 })).toBe(0);
    socket.destroy();
    await eventually(() => sockets[1]?.destroyed === true, "the far side ends too");
    expect(links?.passed({ from: 0, to: 1 })).toBe(5);
  });

  it("once cut breaks what stands and lets nothing through, until it is healed", async () => {
    const { port, target } = await pair();
    await echo("b", target);
    const standing = await dial(port);
    standing.socket.write("x");
    await eventually(() => standing.heard() === "b:x", "the echo");
    links?.cut([{ from: 0, to: 1 }]);
    expect([links?.isCut({ from: 0, to: 1 }), links?.isCut({ from: 1, to: 0 })]).toEqual([true, false]);
    await eventually(standing.ended, "the connection is broken");
    const refused = await dial(port);
    refused.socket.write("y");
    await eventually(refused.ended, "a new one is refused");
    expect(refused.heard()).toBe("");
    expect(links?.passed({ from: 0, to: 1 })).toBe(1);
    links?.cut([]);
    const healed = await dial(port);
    healed.socket.write("z");
    await eventually(() => healed.heard() === "b:z", "the echo after healing");
  });

  it("ends at once where nobody listens", async () => {
    const { port } = await pair();
    const { ended, heard } = await dial(port);
    await eventually(ended, "the connection ends");
    expect(heard()).toBe("");
  });
});

describe("the control server", () => {
  const open: ControlServer[] = [];
  afterEach(async () => {
    for (const server of open.splice(0)) await server.close();
  });

  async function opened(): Promise<ControlServer> {
    const [port = 0] = await freePorts(1);
    const apis = ["http://127.0.0.1:4000", "http://127.0.0.1:4001"];
    const server = await openControlServer({ apis, basePort: port - 200, chaos: () => undefined });
    open.push(server);
    return server;
  }

  interface Answer {
    readonly status: number | undefined;
    readonly type: string | undefined;
    readonly origin: string | undefined;
    readonly text: string;
  }

  /** Unlike fetch, it may send any Host and Origin. */
  function ask(
    url: string,
    headers: Readonly<Record<string, string>>,
    { method = "GET", path = "/v1/local" } = {},
  ): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const asked = request(`${url}${path}`, { method, headers, agent: false }, (answer) => {
        let text = "";
        answer.on("data", (chunk: Buffer) => {
          text += chunk.toString();
        });
        answer.on("end", () => {
          const { "content-type": type, "access-control-allow-origin": origin } = answer.headers;
          resolve({ status: answer.statusCode, type, origin, text });
        });
      });
      asked.once("error", reject).end();
    });
  }

  it("refuses whoever has no token, or a wrong one, with a sentence", async () => {
    const { url, token } = await opened();
    expect(token).toMatch(/^[0-9a-f]{32}$/);
    for (const authorization of [
      "",
      "Bearer",
      `Bearer ${token}0`,
      `Bearer ${token.replace(/.$/, "!")}`,
      token,
    ]) {
      const { status, type, text } = await ask(url, { Authorization: authorization });
      expect([status, type]).toEqual([401, "application/problem+json"]);
      expect((JSON.parse(text) as { detail: string }).detail).toMatch(
        /^The token of this start is missing or wrong/,
      );
    }
    // Not in the URL either, where it would be written down.
    expect((await ask(url, {}, { path: `/v1/local?token=${token}` })).status).toBe(401);
    expect(
      (await ask(url, {}, { path: `/v1/local/nodes/n1/kill?token=${token}`, method: "POST" })).status,
    ).toBe(401);
    expect((await ask(url, {}, { path: `/v1/local/events?token=${token}` })).status).toBe(401);
    expect((await ask(url, { Authorization: `Bearer ${token}` })).status).toBe(409);
  });

  it("refuses a Host that is not this machine, whatever else is right", async () => {
    const { url, token } = await opened();
    const { port } = new URL(url);
    const asking = (host: string): Promise<Answer> =>
      ask(url, { Authorization: `Bearer ${token}`, Host: host });
    for (const host of [
      "evil.example",
      `evil.example:${port}`,
      "127.0.0.1.evil.example",
      "localhost.evil.example",
    ]) {
      expect((await asking(host)).status).toBe(403);
    }
    for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, "[::1]:1"]) {
      expect((await asking(host)).status).toBe(409);
    }
  });

  it("lets in pages of the nodes only, and says so to their browsers", async () => {
    const { url, token } = await opened();
    const asking = (origin: string, method = "GET"): Promise<Answer> =>
      ask(url, { Authorization: `Bearer ${token}`, Origin: origin }, { method });
    for (const origin of ["http://127.0.0.1:4000", "http://localhost:4001"]) {
      expect(await asking(origin)).toMatchObject({ status: 409, origin });
      // A browser asks this first, without the token.
      expect(await ask(url, { Origin: origin }, { method: "OPTIONS" })).toMatchObject({
        status: 204,
        origin,
      });
    }
    for (const origin of ["http://127.0.0.1:4002", "https://127.0.0.1:4000", "http://evil.example", "null"]) {
      expect(await asking(origin)).toMatchObject({ status: 403, origin: undefined });
      expect((await asking(origin, "OPTIONS")).status).toBe(403);
    }
  });

  it("takes the next port where its own is taken", async () => {
    const [port = 0] = await freePorts(1);
    const taken = createServer();
    taken.listen(port, "127.0.0.1");
    await once(taken, "listening");
    const apis = ["http://127.0.0.1:4000"];
    const server = await openControlServer({ apis, basePort: port - 200, chaos: () => undefined });
    open.push(server);
    expect(Number(new URL(server.url).port)).toBeGreaterThan(port);
    taken.close();
  });
});
