import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Prng } from "../../src/base/index.ts";
import { nodeId } from "../../src/raft/index.ts";
import { realDisk } from "../../src/store/disk.ts";
import { IdentityError, StorageFailure } from "../../src/store/errors.ts";
import { initIdentity, initialBase, loadIdentity } from "../../src/store/identity.ts";
import { IdentityFile } from "../../src/store/identity-file.ts";
import { readLog } from "../../src/store/wal-read.ts";
import { MemoryDisk } from "./memory-disk.ts";
import { temporaryDirectory } from "./real-log.ts";

const MEMBERS = ["n2", "n1", "n3"].map((id, at) => ({
  id: nodeId(id),
  peer: `127.0.0.1:${4100 + at}`,
  api: `http://127.0.0.1:${4000 + at}`,
}));
const OTHER = "0123456789abcdef0123456789abcdef";
const THIRD = "f".repeat(32);

async function meetAll(file: IdentityFile): Promise<void> {
  await file.pinMember(nodeId("n2"), OTHER);
  await file.pinMember(nodeId("n3"), THIRD);
}

let directory: ReturnType<typeof temporaryDirectory>;
let data: string;
beforeEach(() => {
  directory = temporaryDirectory();
  data = join(directory.path, "data");
});
afterEach(() => directory.remove());

const options = (overrides = {}) => ({
  directory: data,
  clusterId: "c1",
  id: nodeId("n1"),
  members: MEMBERS,
  ...overrides,
});

async function refusal(promise: Promise<unknown>): Promise<IdentityError> {
  const error = await promise.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(IdentityError);
  // One sentence: it ends with the only full stop that a space could follow.
  expect((error as Error).message).toMatch(/\.$/);
  expect((error as Error).message).not.toMatch(/\. [A-Z]/);
  return error as IdentityError;
}

describe("the identity of a data directory", () => {
  it("is drawn once and read back", async () => {
    expect(await loadIdentity(data)).toBeUndefined();
    const identity = await initIdentity(options());
    expect(identity.incarnation).toMatch(/^[0-9a-f]{32}$/);
    expect(identity.members.map((member) => [member.id, member.incarnation])).toEqual([
      ["n1", identity.incarnation],
      ["n2", undefined],
      ["n3", undefined],
    ]);
    expect(identity.formed).toBe(false);
    expect(await loadIdentity(data, { clusterId: "c1", id: nodeId("n1") })).toEqual(identity);
    expect(readdirSync(data)).toEqual(["identity.json"]);
    const other = await initIdentity(options({ directory: join(directory.path, "other"), id: nodeId("n2") }));
    expect(other.incarnation).not.toBe(identity.incarnation);
  });

  it("gets a log once all members have met, and never a second one", async () => {
    const drawn = await initIdentity(options());
    const file = new IdentityFile(data, drawn);
    expect(() => initialBase(drawn)).toThrow(/knows the incarnation of every member/);
    await meetAll(file);
    const formed = await file.form();
    expect(formed.formed).toBe(true);
    expect(await file.form()).toBe(formed);
    expect(await loadIdentity(data)).toEqual(formed);
    const log = await readLog(realDisk, data, formed);
    expect(log.shape.base).toEqual(initialBase(formed));
    expect(log.shape.base.configuration.members.map((member) => member.incarnation)).toEqual([
      drawn.incarnation,
      OTHER,
      THIRD,
    ]);
    // An identity.json that was put back from before: the log holds promises, and is not begun anew.
    const segment = join(data, "log", "00000000000000000001.wal");
    await new IdentityFile(data, { ...formed, formed: false }).form();
    writeFileSync(segment, Buffer.concat([readFileSync(segment), Buffer.from("something was promised")]));
    const again = new IdentityFile(data, { ...formed, formed: false });
    await expect(again.form()).rejects.toThrow(
      /there is a log, though identity.json says that it was never begun/,
    );
  });

  it("is refused for another cluster or another node, in a sentence that names both", async () => {
    await initIdentity(options());
    const cluster = await refusal(loadIdentity(data, { clusterId: "c2" }));
    expect(cluster.code).toBe("otherCluster");
    expect(cluster.message).toMatch(/belongs to cluster "c1", not to "c2"/);
    const node = await refusal(loadIdentity(data, { id: nodeId("n2") }));
    expect(node.code).toBe("otherNode");
    expect(node.message).toMatch(/belongs to node "n1", not to "n2"/);
  });

  it("is refused when a newer version wrote it or it cannot be read", async () => {
    await initIdentity(options());
    const path = join(data, "identity.json");
    const text = readFileSync(path, "utf8");
    const cases: [string, string][] = [
      [text.replace('"format": 1', '"format": 2'), "newerFormat"],
      [text.slice(0, -20), "unreadable"],
      ["", "unreadable"],
      ["[]", "unreadable"],
      [text.replace('"format": 1', '"format": "1"'), "unreadable"],
      [text.replace('"id": "n2"', '"id": "N2"'), "unreadable"],
      [text.replace(/"incarnation": "[0-9a-f]/, '"incarnation": "x'), "unreadable"],
      [text.replace('"n1"', '"n9"'), "unreadable"],
    ];
    for (const [content, code] of cases) {
      expect(content).not.toBe(text);
      writeFileSync(path, content);
      expect((await refusal(loadIdentity(data))).code, content).toBe(code);
    }
    rmSync(path);
    mkdirSync(path);
    expect((await refusal(loadIdentity(data))).code).toBe("unreadable");
  });

  it("is never drawn over what another node left", async () => {
    const file = new IdentityFile(data, await initIdentity(options()));
    expect((await refusal(initIdentity(options()))).code).toBe("alreadyInitialised");
    rmSync(join(data, "identity.json"));
    writeFileSync(join(data, "state.db"), "");
    expect((await refusal(initIdentity(options()))).message).toMatch(/other files \(state.db\)/);
    rmSync(join(data, "state.db"));
    await meetAll(file);
    await file.form();
    rmSync(join(data, "identity.json"));
    expect((await refusal(initIdentity(options()))).message).toMatch(
      /lost its identity.json but still has a log/,
    );
  });

  it("names a directory that cannot be written", async () => {
    const file = join(directory.path, "file");
    writeFileSync(file, "");
    const error = await refusal(initIdentity(options({ directory: join(file, "data") })));
    expect(["unwritable", "unreadable"]).toContain(error.code);
  });

  it("makes the name of the directory itself durable before its own file, unless that is not its to do", async () => {
    const disk = new MemoryDisk();
    await initIdentity(options({ directory: "/above/data" }), disk);
    const named = disk.trace.indexOf("rename /above/data/identity.json.tmp /above/data/identity.json");
    expect(disk.trace.indexOf("syncDirectory /above")).toBeGreaterThanOrEqual(0);
    expect(disk.trace.indexOf("syncDirectory /above")).toBeLessThan(named);
    const fails = (code: string) => {
      const other = new MemoryDisk();
      other.before = (operation) => {
        if (operation === "syncDirectory /above") throw Object.assign(new Error(code), { code });
      };
      return initIdentity(options({ directory: "/above/data" }), other);
    };
    expect((await fails("EACCES")).id).toBe("n1");
    expect((await refusal(fails("EIO"))).code).toBe("unwritable");
  });

  it("refuses a member list that is not one", async () => {
    await expect(initIdentity(options({ id: nodeId("n9") }))).rejects.toThrow(RangeError);
    await expect(initIdentity(options({ members: [...MEMBERS, MEMBERS[0]] }))).rejects.toThrow(RangeError);
    await expect(initIdentity(options({ clusterId: "a b" }))).rejects.toThrow(RangeError);
    expect(existsSync(data)).toBe(false);
  });
});

describe("the incarnations of other members", () => {
  it("are learnt once, durably, and never changed", async () => {
    const file = new IdentityFile(data, await initIdentity(options()));
    await Promise.all([
      file.pinMember(nodeId("n2"), OTHER),
      file.pinMember(nodeId("n3"), "f".repeat(32)),
      file.pinMember(nodeId("n2"), OTHER),
    ]);
    const loaded = await loadIdentity(data);
    expect(loaded).toEqual(file.identity);
    expect(loaded?.members.map((member) => member.incarnation)).toEqual([
      file.identity.incarnation,
      OTHER,
      "f".repeat(32),
    ]);
    const error = await refusal(file.pinMember(nodeId("n2"), "e".repeat(32)));
    expect(error.code).toBe("otherIncarnation");
    expect(error.message).toMatch(/node "n2" is known as incarnation 0123.* now appears as eeee/);
    await refusal(file.pinMember(nodeId("stranger"), OTHER));
    await refusal(file.pinMember(nodeId("n2"), "not hex"));
    expect(await loadIdentity(data)).toEqual(loaded);
  });

  it("are not taken for learnt when the disk fails", async () => {
    const disk = new MemoryDisk();
    const file = new IdentityFile("/data", await initIdentity(options({ directory: "/data" }), disk), disk);
    disk.before = (operation) => {
      if (operation.startsWith("sync ")) throw new Error("EIO");
    };
    await expect(file.pinMember(nodeId("n2"), OTHER)).rejects.toThrow(StorageFailure);
    expect(file.identity.members[1]?.incarnation).toBeUndefined();
    disk.before = () => {};
    expect((await loadIdentity("/data", {}, disk))?.members[1]?.incarnation).toBeUndefined();
  });

  it("and the identity itself are whole after a power failure at any operation", async () => {
    const seen = { none: 0, drawn: 0, formed: 0 };
    for (let seed = 0; seed < 400; seed++) {
      const prng = new Prng(seed);
      const disk = new MemoryDisk();
      const end = seed % 30;
      disk.before = (_, count) => {
        if (count >= end) throw new Error("power lost");
      };
      const memory = options({ directory: "/data" });
      let resolved = 0;
      const steps = async (): Promise<void> => {
        const file = new IdentityFile("/data", await initIdentity(memory, disk), disk);
        resolved = 1;
        await meetAll(file);
        resolved = 2;
        await file.form();
        resolved = 3;
      };
      await steps().catch((error: Error) => expect(String(error)).toMatch(/power lost/));
      const after = disk.crash({ kind: "power", prng });
      const loaded = await loadIdentity("/data", {}, after);
      if (resolved > 0) expect(loaded).toBeDefined();
      if (resolved > 1)
        expect(loaded?.members.map((member) => member.incarnation).slice(1)).toEqual([OTHER, THIRD]);
      if (resolved > 2) expect(loaded?.formed).toBe(true);
      seen[loaded === undefined ? "none" : loaded.formed ? "formed" : "drawn"] += 1;
      // Wherever it stopped, the next start can go on from there.
      const file = new IdentityFile("/data", loaded ?? (await initIdentity(memory, after)), after);
      await meetAll(file);
      expect((await readLog(after, "/data", await file.form())).entries).toEqual([]);
    }
    expect(Math.min(seen.none, seen.drawn, seen.formed)).toBeGreaterThan(20);
  });
});
