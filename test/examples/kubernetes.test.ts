/** No Kubernetes is needed: the files are read and held against the program's own tables and against each other. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { NODE_FLAGS } from "../../src/base/index.ts";
import { OPTIONS, parseCommandLine } from "../../src/cli/index.ts";
import { type Parsed, strayVariables } from "../../src/cli/parse.ts";
import { type ServeConfig, serveConfig } from "../../src/cli/serve-config.ts";
import { get, makeBench } from "../api/kit.ts";
import { onlyText, parseDockerfile, textsOf } from "../cli/dockerfile.ts";
import {
  type Budget,
  type ConfigMap,
  expand,
  manifestsOf,
  runShell,
  type Secret,
  type Service,
  type StatefulSet,
  textOf,
} from "./manifests.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const SECRET = "a secret of more than sixteen characters";
const image = parseDockerfile(readFileSync(`${ROOT}/Dockerfile`, "utf8")).at(-1) ?? [];

const manifests = manifestsOf("raftally.yaml");
/** The one object of a kind, or of a kind and a name. */
function find<T>(kind: string, name?: string): T {
  const found = manifests.filter(
    (each) => each.kind === kind && (name ?? each.metadata.name) === each.metadata.name,
  );
  if (found.length !== 1) throw new Error(`expected one ${kind} ${name}, found ${found.length}`);
  return found[0] as T;
}

const set = find<StatefulSet>("StatefulSet");
const { spec: pod, metadata: podMetadata } = set.spec.template;
const [container] = pod.containers;
if (container === undefined) throw new Error("the pod has a container");
const peers = find<Service>("Service", set.spec.serviceName);
const clients = find<Service>("Service", "raftally");
const [secret] = manifestsOf("secret.yaml") as readonly Secret[];

function podName(ordinal: number): string {
  return `${set.metadata.name}-${ordinal}`;
}

/** What a pod's container finds set. */
function environmentOf(name: string, secretText = SECRET): Record<string, string> {
  const found: Record<string, string> = Object.fromEntries(
    textsOf(image, "ENV").map((text) => {
      const [key = "", ...value] = text.split("=");
      return [key, value.join("=")];
    }),
  );
  for (const { name: key, value, valueFrom } of container?.env ?? []) {
    if (valueFrom?.fieldRef?.fieldPath === "metadata.name") found[key] = name;
    else if (valueFrom?.secretKeyRef !== undefined) found[key] = secretText;
    else if (value !== undefined) found[key] = expand(value, found);
    else throw new Error(`${key} has no value`);
  }
  return found;
}

/** What a pod runs, as the program itself understands it; `ids` is the content of the ConfigMap. */
function parsedOf(name: string, ids: Readonly<Record<string, string>> = {}): Parsed {
  const environment = environmentOf(name);
  const command = container?.command.map((word) => expand(word, environment)) ?? [];
  const { calls, exitCode, error } = runShell(command, { environment, ids });
  expect({ exitCode, error, calls: calls.length }).toEqual({ exitCode: 0, error: "", calls: 1 });
  const [program, ...words] = calls[0] ?? [];
  expect(program).toBe("node");
  const [script, ...argv] = words.slice(words.findIndex((word) => !NODE_FLAGS.includes(word)));
  expect(existsSync(`${ROOT}/${script}`)).toBe(true);
  const request = parseCommandLine(argv, environment);
  if (request.kind !== "run") throw new Error("expected a command to run");
  expect(request.parsed.command.name).toBe("serve");
  return request.parsed;
}

function configOf(name: string, ids: Readonly<Record<string, string>> = {}): ServeConfig {
  return serveConfig(parsedOf(name, ids).values, name);
}

describe("the nodes of examples/kubernetes", () => {
  const founders = Array.from({ length: set.spec.replicas }, (_, at) => podName(at));

  it("make a cluster of the first pods, under the names that the headless service gives them", () => {
    expect(founders.length).toBe(3);
    for (const name of founders) {
      const { id, members, join, clusterId, listen, listenPeer } = configOf(name);
      expect({ id, join, clusterId }).toEqual({ id: name, join: undefined, clusterId: "kubernetes" });
      expect(members).toEqual(
        founders.map((each) => ({
          id: each,
          peer: `${each}.${peers.metadata.name}:${listenPeer.port}`,
          api: `http://${each}.${peers.metadata.name}:${listen.port}`,
        })),
      );
    }
  });

  it("join that cluster as voters if the list does not name them, through the same service", () => {
    const name = podName(3);
    const { values } = parsedOf(name);
    const { id, members, join } = configOf(name);
    expect(id).toBe(name);
    expect(join).toMatchObject({ as: "voter", told: `dns:${peers.metadata.name}` });
    expect(values.discover).toEqual({ name: peers.metadata.name, port: values.listenPeer.port });
    const host = `${name}.${peers.metadata.name}`;
    expect(members).toEqual([
      { id, peer: `${host}:${values.listenPeer.port}`, api: `http://${host}:${values.listen.port}` },
    ]);
  });

  it("join under another id, at the same address, where the ConfigMap says so for a pod that lost its volume", () => {
    const { id, join, members } = configOf("raftally-1", { "raftally-1": "raftally-1b" });
    expect(id).toBe("raftally-1b");
    expect(join).toBeDefined();
    expect(members[0]?.peer).toBe("raftally-1.raftally-peers:4100");
    expect(configOf("raftally-0", { "raftally-1": "raftally-1b" })).toMatchObject({
      id: "raftally-0",
      join: undefined,
    });
  });

  it("take writes wherever they arrive", () => {
    expect(parsedOf(podName(0)).values.writes).toBe("forward");
  });

  it("find only variables set that the program knows, and that are its own", () => {
    const environment = environmentOf(podName(0));
    expect(strayVariables(environment)).toEqual([]);
    const set = Object.keys(environment).filter((name) => name.startsWith("RAFTALLY_"));
    const known = Object.values(OPTIONS).flatMap(({ env }) => env ?? []);
    expect(set.length).toBeGreaterThan(8);
    for (const name of set) expect(known).toContain(name);
    expect(pod.enableServiceLinks).toBe(false);
  });

  it("get their secret from the Secret, and do not start with the one that lies in the file", () => {
    const reference = container.env.find(({ name }) => name === "RAFTALLY_SECRET")?.valueFrom?.secretKeyRef;
    expect(reference?.name).toBe(secret?.metadata.name);
    const placeholder = secret?.stringData[reference?.key ?? ""];
    expect(placeholder).toBeDefined();
    const request = parseCommandLine(["serve", "--id", podName(0)], environmentOf(podName(0), placeholder));
    if (request.kind !== "run") throw new Error("expected a command to run");
    const { values } = request.parsed;
    expect(() => serveConfig(values)).toThrow("the secret must have at least 16 characters");
  });
});

describe("the objects of examples/kubernetes", () => {
  it("select the pods, all of them", () => {
    const { labels } = podMetadata;
    const selectors = [
      set.spec.selector.matchLabels,
      peers.spec.selector,
      clients.spec.selector,
      find<Budget>("PodDisruptionBudget").spec.selector.matchLabels,
      ...pod.topologySpreadConstraints.map(({ labelSelector }) => labelSelector.matchLabels),
    ];
    expect(selectors.length).toBe(5);
    for (const selector of selectors) {
      expect(Object.keys(selector).length).toBeGreaterThan(0);
      expect(labels).toMatchObject(selector);
    }
  });

  it("are told apart by their names, and recognised by their label", () => {
    const all = [...manifests, ...manifestsOf("secret.yaml")];
    const names = all.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
    expect(new Set(names).size).toBe(names.length);
    for (const { metadata } of all) expect(metadata.labels).toEqual({ app: "raftally" });
    expect(Object.fromEntries(all.map(({ kind, apiVersion }) => [kind, apiVersion]))).toEqual({
      Service: "v1",
      Secret: "v1",
      ConfigMap: "v1",
      PodDisruptionBudget: "policy/v1",
      StatefulSet: "apps/v1",
    });
  });

  it("let pods be found before they are ready, and clients find only those that are", () => {
    expect(peers.spec).toMatchObject({ clusterIP: "None", publishNotReadyAddresses: true });
    expect(clients.spec.clusterIP).toBeUndefined();
    expect(clients.spec.publishNotReadyAddresses).toBeUndefined();
    // The first start waits for all of them.
    expect(set.spec.podManagementPolicy).toBe("Parallel");
  });

  it("lead to the ports on which a node listens", () => {
    const { listen, listenPeer } = parsedOf(podName(0)).values;
    const named = Object.fromEntries(container.ports.map(({ name, containerPort }) => [name, containerPort]));
    expect(named).toEqual({ api: listen.port, peer: listenPeer.port });
    expect([listen.host, listenPeer.host]).toEqual(["0.0.0.0", "0.0.0.0"]);
    for (const { port, targetPort } of [...peers.spec.ports, ...clients.spec.ports])
      expect(named[targetPort]).toBe(port);
    expect(clients.spec.ports.map(({ targetPort }) => targetPort)).toEqual(["api"]);
  });

  it("never let a majority be taken away at once", () => {
    const { maxUnavailable } = find<Budget>("PodDisruptionBudget").spec;
    expect(maxUnavailable).toBe(1);
    expect(set.spec.replicas - maxUnavailable).toBeGreaterThan(set.spec.replicas / 2);
  });

  it("mount a volume of its own where a node keeps its data, and the ConfigMap where its id is looked up", () => {
    const mounts = Object.fromEntries(container.volumeMounts.map(({ name, mountPath }) => [name, mountPath]));
    const claims = set.spec.volumeClaimTemplates.map(({ metadata }) => metadata.name);
    expect(claims.map((name) => mounts[name])).toEqual([parsedOf(podName(0)).values.data]);
    const [ids] = pod.volumes;
    expect(ids?.configMap).toEqual({ name: find<ConfigMap>("ConfigMap").metadata.name, optional: true });
    expect(container.command.at(-1)).toContain(`"${mounts[ids?.name ?? ""]}/$POD_NAME"`);
    expect(Object.keys(mounts).length).toBe(claims.length + pod.volumes.length);
  });

  it("run as the user to whom the image gives its data", () => {
    expect(onlyText(image, "USER")).toBe("node");
    expect(textOf("raftally.yaml")).toMatch(/# The user "node" of the image\.\n +runAsUser: 1000\n/);
  });
});

describe("the life of a pod", () => {
  it("is watched by probes that a node answers, each for what it is there for", async () => {
    const { startupProbe, livenessProbe, readinessProbe } = container;
    const bench = makeBench();
    for (const { httpGet } of [startupProbe, livenessProbe, readinessProbe]) {
      expect((await get(bench, httpGet.path)).status, httpGet.path).toBe(200);
      expect(container.ports.map(({ name }) => name)).toContain(httpGet.port);
      expect(httpGet.port).toBe("api");
    }
    expect([startupProbe, livenessProbe].map(({ httpGet }) => httpGet.path)).toEqual(["/livez", "/livez"]);
    expect(readinessProbe.httpGet.path).toBe("/readyz");
  });

  const preStop = container.lifecycle.preStop.exec.command;

  it("ends, for a leader, with handing over, and for everybody with a while in which it still answers", () => {
    const leader = runShell(preStop, { answers: { node: [0, 0] } });
    expect(leader).toMatchObject({ exitCode: 0, error: "" });
    expect(leader.calls.map(([name]) => name)).toEqual(["node", "node", "sleep"]);
    const [, script = "", ...argv] = leader.calls[1] ?? [];
    expect(existsSync(`${ROOT}/${script}`)).toBe(true);
    const request = parseCommandLine(argv, environmentOf(podName(0)));
    if (request.kind !== "run") throw new Error("expected a command to run");
    expect(request.parsed.command.name).toBe("member transfer");
    const port = container.ports.find(({ name }) => name === "api")?.containerPort;
    expect(request.parsed.values.url).toEqual([`http://127.0.0.1:${port}`]);

    const follower = runShell(preStop, { answers: { node: [1] } });
    expect(follower).toMatchObject({ exitCode: 0, error: "" });
    expect(follower.calls.map(([name]) => name)).toEqual(["node", "sleep"]);

    // A transfer that fails is no reason not to stop.
    const failed = runShell(preStop, { answers: { node: [0, 1] } });
    expect(failed).toMatchObject({ exitCode: 0, error: "" });
  });

  it("lasts as long as all of that may take", () => {
    const { calls } = runShell(preStop, { answers: { node: [0, 0] } });
    const sleepMs = Number(calls.at(-1)?.[1]) * 1_000;
    const request = parseCommandLine(calls[1]?.slice(2) ?? [], {});
    if (request.kind !== "run") throw new Error("expected a command to run");
    const { stopTimeout } = parsedOf(podName(0)).values;
    const neededMs = sleepMs + request.parsed.values.timeout + stopTimeout;
    expect(neededMs).toBeGreaterThan(15_000);
    // Starting Node.js twice takes time as well.
    expect(neededMs + 5_000).toBeLessThan(pod.terminationGracePeriodSeconds * 1_000);
  });

  it("asks the node itself whether it leads", async () => {
    const { calls } = runShell(preStop, { answers: { node: [1] } });
    const [, flag = "", script = ""] = calls[0] ?? [];
    const port = container.ports.find(({ name }) => name === "api")?.containerPort;
    const url = `http://127.0.0.1:${port}/readyz?leader`;
    expect(script).toContain(url);
    expect((await get(makeBench(), "/readyz?leader")).status).not.toBe(400);
    let status = 200;
    const server = createServer((_asked, answer) => answer.writeHead(status).end()).listen(0, "127.0.0.1");
    await once(server, "listening");
    const moved = script.replace(
      url,
      `http://127.0.0.1:${(server.address() as AddressInfo).port}/readyz?leader`,
    );
    const exitCode = async (): Promise<unknown> => {
      const child = spawn(process.execPath, [flag, moved], { stdio: "ignore" });
      return ((await once(child, "exit")) as [number | null])[0];
    };
    expect(await exitCode()).toBe(0);
    status = 503;
    expect(await exitCode()).toBe(1);
    server.close();
    server.closeAllConnections();
    expect(await exitCode()).toBe(1);
  });
});

describe("the README of examples/kubernetes", () => {
  const text = textOf("README.md");

  it("says that none of it was ever applied to a real cluster", () => {
    expect(text).toContain("**has never been applied to a real cluster**");
  });

  it("gives only command lines that the program takes, in pods that are there", () => {
    const lines = [...text.matchAll(/^kubectl exec (\S+) -- (.+)$/gm)];
    expect(lines.length).toBeGreaterThan(4);
    for (const [, name = "", line = ""] of lines) {
      expect(name).toBe(podName(0));
      const [program, script = "", ...argv] = line.split(" ");
      if (program === "rm") continue;
      expect([program, existsSync(`${ROOT}/${script}`)]).toEqual(["node", true]);
      expect(parseCommandLine(argv, {}).kind).toBe("run");
    }
  });

  it("names the objects as they are called", () => {
    expect(text).toContain(`kubectl create secret generic ${secret?.metadata.name} --from-literal=secret=`);
    expect(text).toContain(`kubectl patch configmap ${find<ConfigMap>("ConfigMap").metadata.name} `);
    const claim = set.spec.volumeClaimTemplates[0]?.metadata.name;
    expect(text).toContain(`kubectl delete pvc ${claim}-${podName(4)}`);
    expect(text).toContain(`statefulset ${set.metadata.name}`);
  });
});
