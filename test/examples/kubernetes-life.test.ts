/**
 * The runbooks of examples/kubernetes, played with real nodes that have the settings of its pods; only the names of
 * pods are replaced by addresses of this machine, and the look-up of all of them by a list.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { freePortRange } from "../../chaos/index.ts";
import { RaftallyClient } from "../../src/client/index.ts";
import { type Ended, eventually, type Running, run, start } from "../cli/processes.ts";
import { requires } from "../support/capability.ts";
import { expand, manifestsOf, type StatefulSet } from "./manifests.ts";

const PODS = 4;
const PATIENT_MS = 240_000;
const set = manifestsOf("raftally.yaml").find(({ kind }) => kind === "StatefulSet") as StatefulSet;

let volumes = "";
let port = 0;
const pods = new Map<number, Running>();

beforeEach(async () => {
  volumes = mkdtempSync(join(tmpdir(), "raftally-pods-"));
  port = await freePortRange(PODS);
});

afterEach(async () => {
  for (const { child } of pods.values()) child.kill("SIGKILL");
  await Promise.all([...pods.values()].map(({ ended }) => ended));
  pods.clear();
  rmSync(volumes, { recursive: true, maxRetries: 5 });
});

const url = (ordinal: number): string => `http://127.0.0.1:${port + ordinal}`;
const peer = (ordinal: number): string => `127.0.0.1:${port + 100 + ordinal}`;
const ordinals = Array.from({ length: PODS }, (_, ordinal) => ordinal);
const everyone = (): string => ordinals.map(url).join(",");

function environmentOf(ordinal: number): Record<string, string> {
  const found: Record<string, string> = { POD_NAME: `raftally-${ordinal}` };
  const here = (text: string): string =>
    text
      .replace(/http:\/\/raftally-(\d)\.raftally-peers:4000/g, (_, at: string) => url(Number(at)))
      .replace(/raftally-(\d)\.raftally-peers:4100/g, (_, at: string) => peer(Number(at)));
  for (const { name, value } of set.spec.template.spec.containers[0]?.env ?? [])
    if (value !== undefined) found[name] = here(expand(value, found));
  const { RAFTALLY_DISCOVER: discover, ...others } = found;
  expect(discover).toBe("dns:raftally-peers:4100");
  return {
    ...others,
    RAFTALLY_JOIN: ordinals.map(peer).join(","),
    RAFTALLY_LISTEN: new URL(url(ordinal)).host,
    RAFTALLY_LISTEN_PEER: peer(ordinal),
    RAFTALLY_DATA: join(volumes, String(ordinal)),
    RAFTALLY_SECRET: "only-for-this-test-and-its-pods",
  };
}

/** Starts a pod under the id that the ConfigMap gives it, or its name. */
function startPod(ordinal: number, id = `raftally-${ordinal}`): Running {
  const pod = start(["serve", "--id", id], { env: environmentOf(ordinal) });
  pods.set(ordinal, pod);
  return pod;
}

async function ready(...wanted: readonly number[]): Promise<void> {
  for (const ordinal of wanted) {
    await eventually(
      async () => {
        const answer = await fetch(`${url(ordinal)}/readyz`).catch(() => undefined);
        await answer?.body?.cancel();
        return answer?.status === 200;
      },
      `pod ${ordinal} is ready: ${pods.get(ordinal)?.text()}`,
    );
  }
}

async function stopPod(ordinal: number): Promise<Ended> {
  const pod = pods.get(ordinal);
  if (pod === undefined) throw new Error(`pod ${ordinal} does not run`);
  pod.child.kill("SIGTERM");
  pods.delete(ordinal);
  return await pod.ended;
}

/** As `kubectl exec raftally-0 -- node bin/raftally.js member …` does. */
async function member(...argv: readonly string[]): Promise<string> {
  const ended = await run(["member", ...argv, "--url", everyone()]);
  expect(ended, ended.error).toMatchObject({ exitCode: 0 });
  return ended.out;
}

/** Ids of the voters, as a list. */
async function voters(): Promise<readonly string[]> {
  const list = await member("list");
  return [...list.matchAll(/^(raftally-\S+) +voter/gm)].map(([, id = ""]) => id).sort();
}

it(
  "grows, shrinks, and takes back a pod that lost its volume, as its README says",
  async (context) => {
    requires(context, "patience");
    for (const ordinal of [0, 1, 2]) startPod(ordinal);
    await ready(0, 1, 2);
    const client = new RaftallyClient({ urls: ordinals.map(url) });
    expect((await client.increment("visits")).value).toBe(1n);

    // More nodes: the fourth pod joins by itself, with the settings of all.
    startPod(3);
    await ready(3);
    await eventually(async () => (await voters()).length === 4, "raftally-3 has a vote");

    // An update: every pod is started again with the same settings, first member or not.
    for (const ordinal of [3, 2, 1, 0]) {
      expect((await stopPod(ordinal)).exitCode).toBe(0);
      startPod(ordinal);
      await ready(ordinal);
    }
    expect((await client.increment("visits")).value).toBe(2n);

    // A lost volume. Under its old id the pod does no harm, and says what is wrong.
    await stopPod(1);
    rmSync(join(volumes, "1"), { recursive: true });
    const lost = await startPod(1).ended;
    pods.delete(1);
    expect(lost.exitCode).toBe(2);
    expect(lost.out + lost.error).toMatch(/wiped or replaced since .+ `raftally member replace OLD NEW`/);
    rmSync(join(volumes, "1"), { recursive: true, force: true });
    startPod(1, "raftally-1b");
    await member("replace", "raftally-1", "raftally-1b");
    await ready(1);
    expect(await voters()).toEqual(["raftally-0", "raftally-1b", "raftally-2", "raftally-3"]);

    // Fewer nodes: first the cluster is told. The pod ends, and is started again in vain until it is scaled away.
    await member("remove", "raftally-3");
    expect((await pods.get(3)?.ended)?.exitCode).toBe(2);
    const again = await startPod(3).ended;
    pods.delete(3);
    expect(again.exitCode).toBe(2);
    expect(await voters()).toEqual(["raftally-0", "raftally-1b", "raftally-2"]);

    for (const ordinal of [0, 1, 2]) {
      const reading = await new RaftallyClient({ urls: [url(ordinal)] }).get("visits");
      expect(reading?.value).toBe(2n);
    }
  },
  PATIENT_MS,
);
