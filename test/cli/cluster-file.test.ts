import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ClusterPlan, planCluster, savePlan } from "../../src/cli/cluster-file.ts";
import { parseCommandLine } from "../../src/cli/index.ts";
import { StartRefusal } from "../../src/cli/refusal.ts";

let data = "";
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), "raftally-file-"));
});
afterEach(() => rmSync(data, { recursive: true }));

function plan(...flags: readonly string[]): ClusterPlan {
  const request = parseCommandLine(["cluster", "--data", data, ...flags], {});
  if (request.kind !== "run") throw new Error("expected a command to run");
  return planCluster(request.parsed);
}

function refusal(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof StartRefusal) return error.message.replaceAll(data, "DATA");
    throw error;
  }
  return "it was accepted";
}

describe("cluster.json", () => {
  it("is planned from the flags: peers 100 above the ports for clients", () => {
    expect(plan("--nodes", "2", "--port", "7000").members).toEqual([
      { id: "n1", peer: "127.0.0.1:7100", api: "http://127.0.0.1:7000" },
      { id: "n2", peer: "127.0.0.1:7101", api: "http://127.0.0.1:7001" },
    ]);
  });

  it("gives every cluster an id and a secret of its own", () => {
    expect(plan().clusterId).not.toBe(plan().clusterId);
    expect(plan().secret).toMatch(/^[0-9a-f]{48}$/);
  });

  it("comes back as it was saved, whatever the defaults are", () => {
    const made = plan("--nodes", "5", "--port", "7000");
    savePlan(data, made);
    expect(plan()).toEqual({ ...made, existed: true });
    expect(plan("--nodes", "5", "--port", "7000")).toEqual({ ...made, existed: true });
  });

  it("says whether its nodes have ever answered", () => {
    savePlan(data, plan());
    const stored = plan();
    expect(stored).toMatchObject({ existed: true, founding: true });
    savePlan(data, { ...stored, founding: false });
    expect(plan()).toEqual({ ...stored, founding: false });
    expect(readFileSync(join(data, "cluster.json"), "utf8")).not.toContain("founding");
  });

  it("remembers who took whose place, and whether that is done", () => {
    const made = plan();
    expect(made.newcomers).toEqual([]);
    savePlan(data, made);
    expect(readFileSync(join(data, "cluster.json"), "utf8")).not.toContain("newcomers");
    const newcomers = [
      { id: "n4", replaces: "n2", done: true },
      { id: "n5", replaces: "n4", done: false },
    ];
    savePlan(data, { ...made, newcomers });
    expect(plan()).toEqual({ ...made, newcomers, existed: true });
    const stored = JSON.parse(readFileSync(join(data, "cluster.json"), "utf8")) as object;
    for (const wrong of ["n4", [7], [{ id: "n4" }], [{ id: "../n4", replaces: "n2", done: true }]]) {
      writeFileSync(join(data, "cluster.json"), JSON.stringify({ ...stored, newcomers: wrong }));
      expect(refusal(plan)).toMatch(/cluster\.json is damaged \(fields are missing\)/);
    }
  });

  it("can be read by its owner only, for it holds the secret", () => {
    savePlan(data, plan());
    expect(statSync(join(data, "cluster.json")).mode & 0o777).toBe(0o600);
  });

  it("refuses another number of nodes or another port than it was made with", () => {
    savePlan(data, plan());
    expect(refusal(() => plan("--nodes", "5"))).toBe(
      "DATA holds a cluster of 3 nodes, and 5 were asked for: leave --nodes out, or choose another --data.",
    );
    expect(refusal(() => plan("--port", "4001"))).toBe(
      "DATA holds a cluster whose ports begin at 4000, and 4001 was asked for: leave --port out, " +
        "or choose another --data.",
    );
  });

  it("refuses a newer format, and says which program can read it", () => {
    writeFileSync(join(data, "cluster.json"), '{"format":2}');
    expect(refusal(() => plan())).toBe(
      "DATA/cluster.json has format 2, and this version reads 1: it was written by a newer version of " +
        "raftally, so start that one.",
    );
  });

  it.each([["{"], ["{}"], ['{"format":1,"clusterId":"c","secret":"s","members":[{}]}'], ["[]"]])(
    "refuses the damaged content %s",
    (content) => {
      writeFileSync(join(data, "cluster.json"), content);
      expect(refusal(() => plan())).toMatch(/^DATA\/cluster\.json is damaged \(.+\): restore it, or choose/);
    },
  );

  it("refuses a directory with nodes in it and no file", () => {
    mkdirSync(join(data, "n1"));
    expect(refusal(() => plan())).toBe(
      "DATA holds n1 but no cluster.json, so it is not a local cluster's: choose another --data.",
    );
  });

  it("says why a directory cannot be written", () => {
    const file = join(data, "file");
    writeFileSync(file, "");
    expect(refusal(() => savePlan(join(file, "below"), plan()))).toBe(
      "the data directory DATA/file/below cannot be written: a part of the path is a file, not a directory.",
    );
    expect(readFileSync(file, "utf8")).toBe("");
  });

  it("makes every missing directory above it", () => {
    const deep = join(data, "a", "b");
    savePlan(deep, plan());
    expect(existsSync(join(deep, "cluster.json"))).toBe(true);
  });

  it("gives up where nothing can be made although the parent exists", (context) => {
    context.skip(!existsSync("/proc/self"), "needs /proc, a directory in which nobody can make one");
    expect(refusal(() => savePlan("/proc/raftally", plan()))).toMatch(
      /^the data directory \/proc\/raftally cannot be written: .+\.$/,
    );
  });
});
