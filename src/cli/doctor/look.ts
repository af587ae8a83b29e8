/** Asks every node of a cluster what there is to know for the doctor. Changes nothing. */

import { setTimeout as sleep } from "node:timers/promises";
import {
  type Json,
  type NodePicture,
  parseExact,
  RaftallyClient,
  RaftallyError,
} from "../../client/index.ts";
import { systemReason } from "../refusal.ts";

type Fields = Readonly<Record<string, Json | undefined>>;

export interface MemberLook {
  readonly id: string;
  readonly incarnation: string;
  readonly peer: string;
  readonly api: string;
}

/** What one node said of itself. */
export interface StatusLook {
  readonly id: string;
  readonly incarnation: string;
  readonly clusterId: string;
  readonly state: string;
  readonly version: string;
  readonly role: string;
  readonly term: number;
  readonly leader: string | undefined;
  readonly commit: number;
  readonly applied: number;
  readonly digest: number | undefined;
  readonly apiUrl: string;
  readonly alarm: string | undefined;
  readonly idempotencyWindowMs: number | undefined;
  readonly voters: readonly string[];
  readonly outgoing: readonly string[];
  readonly learners: readonly string[];
  readonly members: readonly MemberLook[];
  readonly peers: readonly { readonly id: string; readonly reachable: boolean }[];
}

/** One node, as it was asked. */
export interface NodeLook {
  readonly url: string;
  /** Undefined if it gave no answer, and then why. */
  readonly status: StatusLook | undefined;
  readonly reason: string | undefined;
  /** What it said half a second before. */
  readonly before: StatusLook | undefined;
  /** How far its clock is ahead of the one here, ms, and how exactly that is known. */
  readonly clock: { readonly aheadMs: number; readonly exactMs: number } | undefined;
  /** Which conditions of readiness do not hold, in its own words. */
  readonly failing: readonly string[];
  readonly picture: NodePicture | undefined;
  readonly diskSpace: { readonly freeBytes: number; readonly totalBytes: number } | undefined;
}

/** Between the two times that a node is asked: whoever is well has applied by then what was committed before, ms. */
const BETWEEN_MS = 600;
/** An election may be under way: so long it is waited for its end, ms. */
const ELECTION_MS = 3_000;
/** No node that is well takes so long, ms. */
const ANSWER_MS = 3_000;

/** Asks the nodes at these URLs, and all members that they name. */
export async function lookAtCluster(
  urls: readonly string[],
  timeoutMs: number,
): Promise<readonly NodeLook[]> {
  const answerMs = Math.min(timeoutMs, ANSWER_MS);
  const first = await askAll(urls, answerMs);
  if (first.every(({ status }) => status === undefined)) return first.map(unanswered);
  await sleep(BETWEEN_MS);
  const deadline = performance.now() + ELECTION_MS;
  let second = await askAll(
    first.map(({ url }) => url),
    answerMs,
  );
  while (!second.some(({ status }) => status?.leader !== undefined) && performance.now() < deadline) {
    await sleep(200);
    second = await askAll(
      first.map(({ url }) => url),
      answerMs,
    );
  }
  const looks = second.map(async (asked): Promise<NodeLook> => {
    const { url, status, reason, clock } = asked;
    const before = first.find((one) => one.url === url)?.status;
    if (status === undefined) return { ...unanswered(asked), reason, before };
    const [failing, picture, diskSpace] = await Promise.all([
      failingChecks(url, answerMs),
      pictureOf(url, answerMs),
      diskSpaceOf(url, answerMs),
    ]);
    return { url, status, reason, before, clock, failing, picture, diskSpace };
  });
  return onePerNode(await Promise.all(looks));
}

interface Asked extends Pick<NodeLook, "url" | "status" | "reason" | "clock"> {}

function unanswered({ url, status, reason, clock }: Asked): NodeLook {
  return {
    url,
    status,
    reason,
    clock,
    before: undefined,
    failing: [],
    picture: undefined,
    diskSpace: undefined,
  };
}

/** A node that was asked by one name may be known to the others by another: it counts once. */
function onePerNode(looks: readonly NodeLook[]): readonly NodeLook[] {
  const seen = new Set<string>();
  return looks.filter(({ status }) => {
    if (status === undefined) return true;
    const name = `${status.clusterId}/${status.id}/${status.incarnation}`;
    const isNew = !seen.has(name);
    seen.add(name);
    return isNew;
  });
}

async function askAll(urls: readonly string[], timeoutMs: number): Promise<readonly Asked[]> {
  const given = await Promise.all(urls.map((url) => askStatus(url, timeoutMs)));
  const answered = given.flatMap(({ status }) => status ?? []);
  const known = new Set([...urls, ...answered.map(({ apiUrl }) => apiUrl)]);
  const named = new Set(answered.flatMap(({ members }) => members.map(({ api }) => api)));
  const others = [...named].filter((url) => !known.has(url));
  return [...given, ...(await Promise.all(others.map((url) => askStatus(url, timeoutMs))))];
}

async function askStatus(url: string, timeoutMs: number): Promise<Asked> {
  const before = Date.now();
  const got = await get(`${url}/v1/cluster`, timeoutMs);
  if (typeof got === "string") return { url, status: undefined, reason: got, clock: undefined };
  const status = got.status === 200 ? statusOf(got.text) : undefined;
  const reason =
    status === undefined ? `something else than a node answers there (${got.status})` : undefined;
  return { url, status, reason, clock: status && clockOf(got.date, before, Date.now()) };
}

/** `Date` counts whole seconds, so the clock of the node lies in the second that follows it. */
function clockOf(date: string | undefined, sentMs: number, gotMs: number): NodeLook["clock"] {
  const saidMs = Date.parse(date ?? "");
  if (Number.isNaN(saidMs)) return undefined;
  const aheadMs = saidMs + 500 - (sentMs + gotMs) / 2;
  return { aheadMs, exactMs: 500 + (gotMs - sentMs) / 2 };
}

interface Got {
  readonly status: number;
  readonly text: string;
  readonly date: string | undefined;
}

/** @returns why there is no answer, if there is none. */
async function get(url: string, timeoutMs: number): Promise<Got | string> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs), redirect: "error" });
    const text = await response.text();
    return { status: response.status, text, date: response.headers.get("date") ?? undefined };
  } catch (error) {
    if (error instanceof Error && error.name === "TimeoutError") return `no answer in ${timeoutMs} ms`;
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return systemReason(cause);
  }
}

async function failingChecks(url: string, timeoutMs: number): Promise<readonly string[]> {
  const got = await get(`${url}/readyz?verbose`, timeoutMs);
  if (typeof got === "string") return [];
  return got.text.split("\n").flatMap((line) => /^\[-\](.*)$/.exec(line)?.[1] ?? []);
}

/** The second of two pictures: the first tells of no time. Undefined of a node that gives none. */
async function pictureOf(url: string, timeoutMs: number): Promise<NodePicture | undefined> {
  let latest: NodePicture | undefined;
  try {
    const client = new RaftallyClient({ urls: [url], timeoutMs, discoverMs: 0 });
    const signal = AbortSignal.timeout(timeoutMs);
    let pictures = 0;
    for await (const event of client.clusterEvents({ url, pictures: 400, signal })) {
      if (event.kind !== "picture") continue;
      latest = event.picture;
      if (++pictures >= 2) break;
    }
  } catch (error) {
    // An older node has none.
    if (!(error instanceof RaftallyError)) throw error;
  }
  return latest;
}

/** From the metrics for Prometheus, where the node has them. */
async function diskSpaceOf(url: string, timeoutMs: number): Promise<NodeLook["diskSpace"]> {
  const got = await get(`${url}/metrics`, timeoutMs);
  if (typeof got === "string" || got.status !== 200) return undefined;
  const value = (name: string): number =>
    Number(new RegExp(`^raftally_${name}(?:\\{[^}]*\\})? ([0-9.e+]+)$`, "m").exec(got.text)?.[1]);
  const freeBytes = value("disk_free_bytes");
  const totalBytes = value("disk_size_bytes");
  return Number.isNaN(freeBytes) || Number.isNaN(totalBytes) ? undefined : { freeBytes, totalBytes };
}

/** Undefined if it is not what a node says. */
function statusOf(text: string): StatusLook | undefined {
  const json = tryParse(text);
  if (json === undefined) return undefined;
  const configuration = fieldsIn(json["configuration"]) ?? {};
  const { id, clusterId } = json;
  if (typeof id !== "string" || typeof clusterId !== "string") return undefined;
  return {
    id,
    clusterId,
    incarnation: textIn(json, "incarnation"),
    state: textIn(json, "state") || "running",
    version: textIn(json, "version"),
    role: textIn(json, "role"),
    term: numberIn(json, "term") ?? 0,
    leader: fieldsIn(json["leader"]) === undefined ? undefined : textIn(fieldsIn(json["leader"]) ?? {}, "id"),
    commit: numberIn(json, "commit") ?? 0,
    applied: numberIn(json, "applied") ?? 0,
    digest: numberIn(json, "digest"),
    apiUrl: textIn(json, "apiUrl"),
    alarm: textIn(json, "alarm") || undefined,
    idempotencyWindowMs: numberIn(json, "idempotencyWindowMs"),
    voters: textsIn(configuration, "voters"),
    outgoing: textsIn(configuration, "outgoing"),
    learners: textsIn(configuration, "learners"),
    members: objectsIn(configuration, "members").map((member) => ({
      id: textIn(member, "id"),
      incarnation: textIn(member, "incarnation"),
      peer: textIn(member, "peer"),
      api: textIn(member, "api").replace(/\/+$/, ""),
    })),
    peers: objectsIn(json, "peers").map((peer) => ({
      id: textIn(peer, "id"),
      reachable: peer["reachable"] === true,
    })),
  };
}

function tryParse(text: string): Fields | undefined {
  try {
    return fieldsIn(parseExact(text));
  } catch {
    return undefined;
  }
}

function fieldsIn(json: Json | undefined): Fields | undefined {
  return typeof json === "object" && json !== null && !Array.isArray(json) ? (json as Fields) : undefined;
}

function textIn(fields: Fields, name: string): string {
  const value = fields[name];
  return typeof value === "string" ? value : "";
}

function numberIn(fields: Fields, name: string): number | undefined {
  const value = fields[name];
  return typeof value === "number" ? value : undefined;
}

function objectsIn(fields: Fields, name: string): readonly Fields[] {
  const value = fields[name];
  const items: readonly Json[] = Array.isArray(value) ? value : [];
  return items.map(fieldsIn).filter((item) => item !== undefined);
}

function textsIn(fields: Fields, name: string): readonly string[] {
  const value = fields[name];
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}
