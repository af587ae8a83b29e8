/** The alerts in examples/prometheus: accepted by Prometheus, raised by what they are for, made of metrics that exist. */

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { nodeId } from "../../src/raft/index.ts";
import { type Family, parseExposition } from "../api/exposition.ts";
import { get, makeBench, post } from "../api/kit.ts";
import { requires } from "../support/capability.ts";

const ROOT = join(import.meta.dirname, "../..");
const FOLDER = join(ROOT, "examples/prometheus");

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string };
}

interface RuleTest {
  readonly alertname: string;
  readonly exp_alerts: readonly unknown[];
}

function fileIn(folder: string, name: string): string {
  return readFileSync(join(folder, name), "utf8");
}

const RULES = (
  parse(fileIn(FOLDER, "raftally.rules.yaml")) as { groups: readonly { rules: readonly Rule[] }[] }
).groups.flatMap(({ rules }) => rules);
const TESTS = (
  parse(fileIn(FOLDER, "raftally.rules.test.yaml")) as {
    tests: readonly { alert_rule_test: readonly RuleTest[] }[];
  }
).tests.flatMap(({ alert_rule_test: tests }) => tests);
const OPERATIONS = fileIn(join(ROOT, "docs"), "operations.md");
const METRICS = fileIn(join(ROOT, "docs"), "metrics.md");

function promtool(...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync("promtool", args, { cwd: FOLDER, encoding: "utf8" });
  return status === 0 ? "" : `${stdout}${stderr}`;
}

/** What a leader of three gives, with everything that is there only now and then. */
async function realOutput(): Promise<string> {
  const bench = makeBench({ exportCounters: true });
  const peer = { api: "http://127.0.0.1:4001", peer: "127.0.0.1:4101", reachable: true, roundTripMs: 1 };
  bench.service.about = {
    peers: [{ ...peer, id: nodeId("n2"), match: 1, state: "replicate" }],
  };
  await post(bench, "/v1/counters/hits/increment");
  return await (await get(bench, "/metrics")).text();
}

async function realFamilies(): Promise<ReadonlyMap<string, Family>> {
  return parseExposition(await realOutput());
}

describe("the alerts", () => {
  it("and the configuration that loads them are accepted by Prometheus", (context) => {
    requires(context, "promtool");
    expect(promtool("check", "rules", "raftally.rules.yaml")).toBe("");
    expect(promtool("check", "config", "prometheus.yaml")).toBe("");
  });

  it("are raised by what they are for, after their time, and by nothing else", (context) => {
    requires(context, "promtool");
    expect(promtool("test", "rules", "raftally.rules.test.yaml")).toBe("");
  });

  it.each(RULES.map(({ alert }) => alert))(
    "%s is tested on what raises it, before, and on a healthy cluster",
    (name) => {
      const tests = TESTS.filter(({ alertname }) => alertname === name);
      expect(tests.map(({ exp_alerts: raised }) => raised.length > 0)).toEqual([false, false, true]);
    },
  );

  it("are made of metrics that a node gives", async () => {
    const families = await realFamilies();
    const known = new Set(["up"]);
    for (const { name, type } of families.values()) {
      known.add(name);
      if (type === "histogram") for (const end of ["bucket", "sum", "count"]) known.add(`${name}_${end}`);
    }
    for (const { alert, expr } of RULES) {
      const names = expr.match(/\b(?:up|(?:raftally|nodejs|process)_\w+)\b(?!")/g) ?? [];
      expect(names.length, alert).toBeGreaterThan(0);
      for (const name of names) expect(known, alert).toContain(name);
    }
  });

  it("are all explained: how bad, what it means, what to do", () => {
    const explained = [
      ...OPERATIONS.matchAll(/^### (Raftally\w+)\n\n\*(\w+)\.\* ([\s\S]+?)\n\n\*\*Do\.\*\* /gm),
    ];
    expect(explained.map(([, name, severity]) => [name, severity])).toEqual(
      RULES.map(({ alert, labels }) => [alert, labels.severity]),
    );
  });
});

describe("the list of metrics", () => {
  it("is what a node gives, both ways", async () => {
    const families = [...(await realFamilies()).values()].filter(({ name }) => name.startsWith("raftally_"));
    const listed = [...METRICS.matchAll(/^\| `(raftally_\w+)` \| (\w+) \| (.*?) \| (.*) \|$/gm)];
    expect(listed.map(([, name, type]) => `${name} ${type}`).sort()).toEqual(
      families.map(({ name, type }) => `${name} ${type}`).sort(),
    );
    for (const [, name, , labels = "", help = ""] of listed) {
      const family = families.find((candidate) => candidate.name === name);
      expect(help.startsWith(family?.help ?? "?"), name).toBe(true);
      const names = new Set((family?.samples ?? []).flatMap((sample) => Object.keys(sample.labels)));
      names.delete("le");
      const described = new Set([...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label));
      if (family?.samples.length) expect(described, name).toEqual(names);
    }
  });

  it("leads from etcd's names only to metrics that a node gives", async () => {
    const names = new Set([...(await realFamilies()).keys()]);
    const table = METRICS.slice(METRICS.indexOf("| in etcd | here |"), METRICS.indexOf("## Raft and peers"));
    const targets = [...table.matchAll(/\| `etcd_\w+`.*? \| .*?`(raftally_\w+)/g)].map(
      ([, name = ""]) => name,
    );
    expect(targets.length).toBe(table.match(/^\| `etcd_/gm)?.length);
    for (const name of targets) expect(names).toContain(name);
  });

  it("follows Prometheus' own rules for names", async (context) => {
    requires(context, "promtool");
    const text = await realOutput();
    const own = text
      .split("\n")
      .filter((line) => /^(?:# (?:HELP|TYPE) )?raftally_/.test(line))
      .join("\n");
    const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], {
      input: `${own}\n`,
      encoding: "utf8",
    });
    // The one name that users are promised as it is.
    const complaint = "raftally_counter metric name should not include type 'counter'";
    expect(`${stdout}${stderr}`.trim()).toBe(complaint);
    expect(status).toBe(3);
  });
});
