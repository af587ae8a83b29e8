import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseCommandLine, UsageError } from "../../src/cli/index.ts";
import { type ServeConfig, serveConfig } from "../../src/cli/serve-config.ts";

let directory = "";
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "raftally-config-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

function config(line: string, environment: Record<string, string> = {}, host = "Host_1"): ServeConfig {
  const request = parseCommandLine(["serve", ...line.split(" ").filter((word) => word !== "")], environment);
  if (request.kind !== "run") throw new Error("expected a command to run");
  return serveConfig(request.parsed.values, host);
}

function refusal(line: string, environment: Record<string, string> = {}): string {
  try {
    config(line, environment);
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  return "it was accepted";
}

const BASE = "--id n1 --cluster-id c";
const LOCAL = `${BASE} --members n1=127.0.0.1:4100@http://127.0.0.1:4000,n2=127.0.0.1:4101@http://127.0.0.1:4001`;
const REMOTE = `${BASE} --members n1=10.0.0.1:4100@http://10.0.0.1:4000,n2=10.0.0.2:4100@http://10.0.0.2:4000`;

describe("the configuration of a node that joins", () => {
  const JOIN = "--join 127.0.0.1:4100 --listen 127.0.0.1:4003 --listen-peer 127.0.0.1:4103";

  it("names only the node itself, and neither needs a cluster id nor members", async () => {
    const { id, clusterId, members, join } = config(`--id n4 ${JOIN}`);
    expect([id, clusterId]).toEqual(["n4", undefined]);
    expect(members).toEqual([{ id: "n4", peer: "127.0.0.1:4103", api: "http://127.0.0.1:4003" }]);
    expect([join?.as, join?.told, await join?.seeds()]).toEqual([
      "learner",
      "127.0.0.1:4100",
      ["127.0.0.1:4100"],
    ]);
  });

  it("takes its name from the first part of the host name", () => {
    expect(config(JOIN, {}, "Raftally-3.raftally.default.svc").id).toBe("raftally-3");
    expect(config("--discover dns:peers:4100", {}, "pod-7").id).toBe("pod-7");
  });

  it("takes its addresses from --advertise and --advertise-peer", () => {
    const line = "--listen 0.0.0.0:4000 --listen-peer 0.0.0.0:4100 --join a:4100 --secret 0123456789abcdef";
    const where = "--advertise http://n4.example:4000 --advertise-peer n4.example:4100";
    expect(config(`--id n4 ${line} ${where}`).members).toEqual([
      { id: "n4", peer: "n4.example:4100", api: "http://n4.example:4000" },
    ]);
  });

  it("makes the cluster where the list of members names it, and joins where it does not", () => {
    expect(config(`${LOCAL} --join 127.0.0.1:4100`).join).toBeUndefined();
    expect(config(`${LOCAL.replace("--id n1", "--id n9")} ${JOIN}`).join).toBeDefined();
  });
});

describe("the configuration of a node", () => {
  it("says in its own row of the members where it is reached now", () => {
    const moved = config(`${LOCAL} --advertise http://127.0.0.1:9 --advertise-peer 127.0.0.1:8`);
    expect(moved.members).toEqual([
      { id: "n1", peer: "127.0.0.1:8", api: "http://127.0.0.1:9" },
      { id: "n2", peer: "127.0.0.1:4101", api: "http://127.0.0.1:4001" },
    ]);
  });

  it("removes nobody by itself unless it is told to", () => {
    expect(config(BASE).autoremoveMs).toBeUndefined();
    const told = config(`${BASE} --autoremove-after 24h --wanted-voters 5`);
    expect([told.autoremoveMs, told.wantedVoters]).toEqual([86_400_000, 5]);
  });

  it("is a cluster of its own without members", () => {
    expect(config(`${BASE} --listen 127.0.0.1:7000 --listen-peer 127.0.0.1:7100`).members).toEqual([
      { id: "n1", peer: "127.0.0.1:7100", api: "http://127.0.0.1:7000" },
    ]);
  });

  it("takes what clients are sent to from --advertise", () => {
    expect(config(`${BASE} --advertise https://count.example/`).members[0]?.api).toBe(
      "https://count.example",
    );
  });

  it("needs no secret on loopback", () => {
    expect(config(LOCAL).secret).toBe("");
  });

  it("reads the secret from a file, without the white space around it", () => {
    const file = join(directory, "secret");
    writeFileSync(file, "  a-long-enough-secret\n");
    expect(config(`${REMOTE} --secret-file ${file}`).secret).toBe("a-long-enough-secret");
    expect(config(REMOTE, { RAFTALLY_SECRET_FILE: file }).secret).toBe("a-long-enough-secret");
  });

  it.each([
    ["", "--id (or RAFTALLY_ID) is needed: the name of this node"],
    [
      "--id n1",
      "--cluster-id (or RAFTALLY_CLUSTER_ID) is needed: the name of the cluster, the same on every member",
    ],
    [LOCAL.replace("--id n1", "--id n9"), "--members must contain this node, n9; it lists n1, n2"],
    [
      "--join 127.0.0.1:4100",
      '--id (or RAFTALLY_ID) is needed: the host name, "Host_1", cannot name a node (1 to 32 of a-z, 0-9 and -)',
    ],
    [
      "--id n4 --join 10.0.0.1:4100 --listen 10.0.0.4:4000 --listen-peer 0.0.0.0:4100",
      "--advertise-peer is needed: no other node can reach one at 0.0.0.0:4100",
    ],
    [
      "--id n4 --join 10.0.0.1:4100 --listen 0.0.0.0:4000 --listen-peer 10.0.0.4:4100",
      "--advertise is needed: nobody can reach a node at 0.0.0.0:4000",
    ],
    [
      "--id n4 --join 127.0.0.1:4101,10.0.0.1:4100",
      "--listen-peer or --advertise-peer must say where 10.0.0.1:4100 reaches this node; 127.0.0.1:4100 is reached " +
        "from this machine only",
    ],
    [
      "--id n4 --join 10.0.0.1:4100 --listen-peer 10.0.0.4:4100",
      "the peer address 10.0.0.4:4100 can be reached from elsewhere, so the nodes need a secret: " +
        "set RAFTALLY_SECRET or --secret-file",
    ],
    [
      `${LOCAL} --new-cluster`,
      "--new-cluster is for a cluster of one, and --members lists more: leave --new-cluster out",
    ],
    [
      "--id n4 --join 127.0.0.1:4101 --new-cluster",
      "--new-cluster makes a cluster, and --join or --discover joins one",
    ],
    [`${BASE} --listen 0.0.0.0:4000`, "--advertise is needed: nobody can reach a node at 0.0.0.0:4000"],
    [
      `${BASE} --listen 127.0.0.1:4100`,
      "--listen and --listen-peer must differ, and both are 127.0.0.1:4100",
    ],
    [
      REMOTE,
      "the peer address 10.0.0.1:4100 can be reached from elsewhere, so the nodes need a secret: " +
        "set RAFTALLY_SECRET or --secret-file",
    ],
    [
      `${LOCAL} --listen-peer 0.0.0.0:4100`,
      "the peer address 0.0.0.0:4100 can be reached from elsewhere, so the nodes need a secret: " +
        "set RAFTALLY_SECRET or --secret-file",
    ],
    [`${REMOTE} --secret short`, "the secret must have at least 16 characters; it has 5"],
    [
      `${REMOTE} --secret 0123456789abcdef --secret-file /nowhere`,
      "--secret and --secret-file (or their variables) exclude each other",
    ],
    [
      `${REMOTE} --secret-file /nowhere/at/all`,
      "the file /nowhere/at/all of --secret-file cannot be read: it does not exist",
    ],
    [`${LOCAL} --election-timeout 100ms`, "--election-timeout must be at least 3 times --heartbeat-interval"],
  ])("refuses `%s`: %s", (line, sentence) => {
    expect(refusal(line)).toBe(sentence);
  });
});

describe("the ways on which peers are reached", () => {
  it("are pairs of addresses, by flag or variable", () => {
    const ways = "10.0.0.2:4100=192.0.2.1:9100,[::1]:4100=localhost:1";
    const expected = [
      ["10.0.0.2:4100", "192.0.2.1:9100"],
      ["[::1]:4100", "localhost:1"],
    ];
    expect([...config(`${REMOTE} --secret 0123456789abcdef --dial ${ways}`).detours]).toEqual(expected);
    const environment = { RAFTALLY_DIAL: ways, RAFTALLY_SECRET: "0123456789abcdef" };
    expect([...config(REMOTE, environment).detours]).toEqual(expected);
    expect(config(LOCAL).detours.size).toBe(0);
  });

  it.each([
    "10.0.0.2:4100",
    "10.0.0.2:4100=",
    "n2=127.0.0.1:1",
    "127.0.0.1:1=127.0.0.1:2=127.0.0.1:3",
    "127.0.0.1:1=127.0.0.1:2,",
  ])("are not %s", (ways) => {
    expect(refusal(`${LOCAL} --dial ${ways}`)).toMatch(/^--dial must be ADDRESS=WAY, separated by commas/);
  });

  it("are one for each address, and need a secret like any address that others reach", () => {
    expect(refusal(`${LOCAL} --dial 127.0.0.1:1=127.0.0.1:2,127.0.0.1:1=127.0.0.1:3`)).toMatch(
      /^--dial must be a list in which no address has two ways \(127\.0\.0\.1:1 has\)/,
    );
    expect(refusal(`${LOCAL} --dial 127.0.0.1:4101=10.0.0.1:1`)).toMatch(/10\.0\.0\.1:1 can be reached from/);
  });
});
