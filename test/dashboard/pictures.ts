/** Pictures of nodes, as short as a test wants them, and a page that hears them. */

import type { NodePicture, NodeRole, PictureConfiguration } from "../../src/client/index.ts";
import { ClusterModel, type ClusterView } from "../../src/dashboard/index.ts";

export function urlOf(id: string): string {
  return `http://${id}.test:4000`;
}

/** What a test says of one node; the rest is that of a healthy follower. */
export interface Sketch {
  readonly role?: NodeRole;
  readonly term?: number;
  /** Whom it follows. */
  readonly leader?: string;
  readonly commit?: number;
  readonly applied?: number;
  readonly digest?: number;
  readonly digests?: NodePicture["digests"];
  readonly alarm?: string;
  readonly state?: "joining" | "forming" | "running";
  /** Whom it does not reach. */
  readonly misses?: readonly string[];
  readonly fsyncMs?: number;
  readonly checks?: NodePicture["checks"];
  readonly configuration?: PictureConfiguration;
  readonly clusterId?: string;
  readonly matches?: Readonly<Record<string, number>>;
  readonly tally?: Partial<NodePicture["tally"]>;
  readonly revision?: number;
  readonly uptimeMs?: number;
}

export function configurationOf(
  voters: readonly string[],
  {
    outgoing = [],
    learners = [],
  }: { readonly outgoing?: readonly string[]; readonly learners?: readonly string[] } = {},
): PictureConfiguration {
  const members = [...new Set([...voters, ...outgoing, ...learners])].sort();
  return {
    voters,
    outgoing,
    learners,
    members: members.map((id) => ({ id, incarnation: "", peer: `${id}:1`, api: urlOf(id) })),
  };
}

export function pictureOf(id: string, configuration: PictureConfiguration, sketch: Sketch = {}): NodePicture {
  const own = sketch.configuration ?? configuration;
  const { commit = 100, term = 7, misses = [], fsyncMs, matches = {} } = sketch;
  const status: NodePicture["status"] = {
    id,
    clusterId: sketch.clusterId ?? "c",
    apiUrl: urlOf(id),
    state: sketch.state ?? "running",
    version: "0.1.0",
    role: sketch.role ?? "follower",
    term,
    commit,
    applied: sketch.applied ?? commit,
    last: commit,
    first: 1,
    snapshot: 0,
    revision: sketch.revision ?? commit,
    counters: 1,
    digest: sketch.digest ?? commit * 31,
    configuration: own,
    peers: own.members
      .filter((member) => member.id !== id)
      .map((member) => ({
        id: member.id,
        api: member.api,
        reachable: !misses.includes(member.id),
        ...(matches[member.id] === undefined ? {} : { match: matches[member.id] ?? 0 }),
      })),
    uptimeMs: sketch.uptimeMs ?? 60_000,
    ...(sketch.leader === undefined ? {} : { leader: { id: sketch.leader, url: urlOf(sketch.leader) } }),
    ...(sketch.alarm === undefined ? {} : { alarm: sketch.alarm }),
  };
  const tally = {
    acknowledgedWrites: 0,
    acknowledgedChanges: 0,
    replays: 0,
    reads: 0,
    refused: 0,
    unknown: 0,
    revisionAtStart: 0,
  };
  return {
    status,
    atMs: 0,
    checks: sketch.checks ?? [],
    tail: [],
    stable: commit,
    messages: [],
    digests: sketch.digests ?? [],
    tally: { ...tally, ...sketch.tally },
    memoryBytes: 1,
    ...(fsyncMs === undefined ? {} : { fsync: { count: 1, p50: fsyncMs, p99: fsyncMs, max: fsyncMs } }),
  };
}

/** The time of the browser at which a test begins, Unix ms. */
export const START: number = 1_000_000;

export interface Scene {
  /** Whom the page came from; the first node by default. */
  readonly home?: string;
  readonly configuration: PictureConfiguration;
  /** What each node that is heard says. */
  readonly nodes: Readonly<Record<string, Sketch>>;
  /** Nodes that were heard once, and are not any more: how long ago, ms. */
  readonly gone?: Readonly<Record<string, number>>;
  /** Nodes that the page has asked for so long only, ms. */
  readonly asked?: Readonly<Record<string, number>>;
  /** Nodes that the page is not allowed to ask. */
  readonly blocked?: readonly string[];
}

/** A page that has listened to this cluster for a while. */
export function sceneView({
  configuration,
  nodes,
  gone = {},
  asked = {},
  blocked = [],
  home,
}: Scene): ClusterView {
  const [first = "n1"] = [...Object.keys(nodes), ...Object.keys(gone)].sort();
  const model = new ClusterModel(urlOf(home ?? first), START);
  const now = START + 100_000;
  for (const { id } of configuration.members) {
    model.line(urlOf(id), "connecting", now - (asked[id] ?? 100_000));
  }
  for (const [id, ago] of Object.entries(gone)) {
    model.heard(urlOf(id), pictureOf(id, configuration, { commit: 90 }), now - ago);
    model.line(urlOf(id), "connecting", now - ago);
  }
  for (const id of blocked) model.line(urlOf(id), "blocked", START);
  // Twice: what a node lacked a second ago already it does not just lack for a moment.
  for (const atMs of [now - 1_200, now]) {
    for (const [id, sketch] of Object.entries(nodes)) {
      model.heard(urlOf(id), pictureOf(id, configuration, sketch), atMs);
    }
  }
  return model.view(now);
}
