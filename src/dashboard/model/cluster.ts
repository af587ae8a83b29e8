/** Puts together what the nodes say: who belongs to the cluster, who leads, who reaches whom. No clock, no document. */

import type { ClusterEvent, NodePicture, PictureConfiguration } from "../../client/index.ts";
import { Ledger } from "./promises.ts";
import { judge } from "./verdict.ts";
import {
  type ClusterView,
  EVENTS_MAX,
  type FeedEvent,
  type LinkState,
  type Membership,
  type NodeView,
  STALE_MS,
} from "./view.ts";

/** What is known of one node. */
interface Known {
  readonly id: string;
  readonly url: string;
  readonly picture: NodePicture;
  readonly heardAtMs: number;
  readonly pictures: number;
  /** Worst fsync times of late. */
  readonly fsync: readonly { readonly atMs: number; readonly ms: number }[];
}

/** Line by line: how the page stands with one URL. */
interface Line {
  readonly state: LinkState;
  /** When the page first asked there, Unix ms. */
  readonly askedAtMs: number;
  /** When it broke, Unix ms; undefined while it stands, and if it never did. */
  readonly brokeAtMs: number | undefined;
}

/** A slow fsync is spoken of for so long, ms. */
const FSYNC_MEMORY_MS = 5_000;
/** A node that is no member and is not heard is forgotten after so long, ms. */
const FORMER_MS = 60_000;
/** A node that lacks what was committed so long ago does not keep up, ms. */
const BEHIND_MS = 1_000;

/** All that the page has heard. Each method is told the time, Unix ms by the browser's clock. */
export class ClusterModel {
  readonly #homeUrl: string;
  readonly #startedAtMs: number;
  #homeId: string | undefined;
  #clusterId: string | undefined;
  readonly #known = new Map<string, Known>();
  readonly #lines = new Map<string, Line>();
  #configuration: PictureConfiguration | undefined;
  /** Newest last; of the last {@link BEHIND_MS} and the one before. */
  #commits: { readonly atMs: number; readonly commit: number }[] = [];
  #ledger: Ledger = new Ledger();
  #events: readonly FeedEvent[] = [];
  readonly #eventKeys = new Set<string>();

  constructor(homeUrl: string, nowMs: number) {
    this.#homeUrl = homeUrl;
    this.#startedAtMs = nowMs;
  }

  /** Where pictures should be asked for: the page's own origin first. */
  wanted(): readonly string[] {
    const others = (this.#configuration?.members ?? [])
      .filter(({ id }) => id !== this.#homeId)
      .map(({ api }) => api);
    return [...new Set([this.#homeUrl, ...others])];
  }

  line(url: string, state: LinkState, nowMs: number): void {
    const before = this.#lines.get(url);
    const broke = before?.state === "live" ? nowMs : before?.brokeAtMs;
    const brokeAtMs = state === "live" ? undefined : broke;
    this.#lines.set(url, { state, askedAtMs: before?.askedAtMs ?? nowMs, brokeAtMs });
  }

  /** A URL that is not asked any more. */
  forget(url: string): void {
    this.#lines.delete(url);
  }

  heard(url: string, picture: NodePicture, nowMs: number): void {
    const { id, clusterId } = picture.status;
    if (clusterId !== "" && clusterId !== this.#clusterId) this.#meet(clusterId);
    this.#ledger.heard(picture);
    if (url === this.#homeUrl) this.#homeId = id;
    this.line(url, "live", nowMs);
    const before = this.#known.get(id);
    const recent = (before?.fsync ?? []).filter(({ atMs }) => nowMs - atMs < FSYNC_MEMORY_MS);
    const fsync = picture.fsync === undefined ? recent : [...recent, { atMs: nowMs, ms: picture.fsync.p99 }];
    const pictures = (before?.pictures ?? 0) + 1;
    this.#known.set(id, { id, url, picture, heardAtMs: nowMs, pictures, fsync });
    this.#configuration = this.#newestConfiguration(nowMs) ?? this.#configuration;
    this.#forgetFormer(nowMs);
    this.#note(picture.status.commit, nowMs);
  }

  /** @param run of the node's process, from the id of the event. */
  happened(event: ClusterEvent, run: string, nowMs: number): void {
    const key = `${event.node}/${run}/${event.seq}`;
    if (this.#eventKeys.has(key)) return;
    this.#eventKeys.add(key);
    const all = [...this.#events, { ...event, key, heardAtMs: nowMs }];
    // Nodes tell of what they remember when they are heard first, and their clocks may differ.
    if (all.length > 1 && event.atMs < (all.at(-2)?.atMs ?? 0)) all.sort((a, b) => a.atMs - b.atMs);
    for (const gone of all.slice(0, -EVENTS_MAX)) this.#eventKeys.delete(gone.key);
    this.#events = all.slice(-EVENTS_MAX);
  }

  view(nowMs: number): ClusterView {
    const facts = this.#facts(nowMs);
    const verdict = judge({ ...facts, waitedMs: nowMs - this.#startedAtMs });
    return { ...facts, verdict };
  }

  #facts(nowMs: number): Omit<ClusterView, "verdict"> {
    const present = [...this.#known.values()].filter((known) => this.#isFresh(known, nowMs));
    const term = Math.max(0, ...present.map(({ picture }) => picture.status.term));
    const claimants = present.filter(({ picture }) => picture.status.role === "leader");
    const highest = Math.max(0, ...claimants.map(({ picture }) => picture.status.term));
    const claimant = claimants.find(({ picture }) => picture.status.term === highest)?.id;
    const seen = this.#ids(nowMs).map((id) => this.#nodeView(id, { nowMs, present, leads: claimant }));
    const leads = claimant ?? saidToLead(seen, term);
    const nodes = seen.map((node) => (node.id === leads ? { ...node, leads: true } : node));
    const leader = nodes.find(({ id }) => id === leads);
    const home = this.#lines.get(this.#homeUrl);
    const homeKnown = this.#homeId === undefined ? undefined : this.#known.get(this.#homeId);
    return {
      nowMs,
      nodes,
      configuration: this.#configuration,
      leader,
      promises: this.#ledger.promises(
        leader?.fresh === true ? leader.picture?.status.revision : undefined,
        nowMs,
      ),
      term,
      commit: this.#commits.at(-1)?.commit ?? 0,
      events: this.#events,
      home: {
        id: this.#homeId,
        url: this.#homeUrl,
        answers: home?.state === "live" && homeKnown !== undefined && this.#isFresh(homeKnown, nowMs),
      },
    };
  }

  #nodeView(
    id: string,
    {
      nowMs,
      present,
      leads,
    }: { readonly nowMs: number; readonly present: readonly Known[]; readonly leads: string | undefined },
  ): NodeView {
    const known = this.#known.get(id);
    const url = this.#urlOf(id) ?? known?.url ?? "";
    const fresh = known !== undefined && this.#isFresh(known, nowMs);
    const others = present.filter((other) => other.id !== id);
    const line = this.#lines.get(url);
    // A picture that is older than the break of the page's own line does not say that the node lives.
    const lostAtMs = fresh ? 0 : (line?.brokeAtMs ?? 0);
    const sees = (other: Known): boolean | undefined => {
      const reachable = other.picture.status.peers.find((peer) => peer.id === id)?.reachable;
      return reachable === true && other.heardAtMs < lostAtMs ? undefined : reachable;
    };
    const applied = known?.picture.status.applied;
    const commit = this.#commits.at(-1)?.commit;
    const fsync = (known?.fsync ?? []).filter(({ atMs }) => nowMs - atMs < FSYNC_MEMORY_MS);
    return {
      id,
      url,
      membership: membershipOf(id, this.#configuration),
      link: this.#linkOf(url, fresh),
      picture: known?.picture,
      pictures: known?.pictures ?? 0,
      askedMs: line === undefined ? 0 : nowMs - line.askedAtMs,
      ageMs: known === undefined ? undefined : Math.max(0, nowMs - known.heardAtMs),
      fresh,
      reachedBy: others.filter((other) => sees(other) === true).map((other) => other.id),
      missedBy: others.filter((other) => sees(other) === false).map((other) => other.id),
      leads: id === leads,
      lag: applied === undefined || commit === undefined ? undefined : Math.max(0, commit - applied),
      behind: fresh && (applied ?? 0) < this.#commitAt(nowMs - BEHIND_MS),
      fsyncWorstMs: fsync.length === 0 ? undefined : Math.max(...fsync.map(({ ms }) => ms)),
      served: id === this.#homeId,
    };
  }

  #linkOf(url: string, fresh: boolean): LinkState {
    if (fresh) return "live";
    const state = this.#lines.get(url)?.state ?? "connecting";
    return state === "live" ? "silent" : state;
  }

  #urlOf(id: string): string | undefined {
    if (id === this.#homeId) return this.#homeUrl;
    return this.#configuration?.members.find((member) => member.id === id)?.api;
  }

  /** Members, and whoever else answered just now: a node that joins, or one that was removed and does not know. */
  #ids(nowMs: number): readonly string[] {
    const members = (this.#configuration?.members ?? []).map(({ id }) => id);
    const guests = [...this.#known.values()]
      .filter((known) => this.#isFresh(known, nowMs))
      .map(({ id }) => id);
    return [...new Set([...members, ...guests])].sort();
  }

  #isFresh({ url, heardAtMs }: Known, nowMs: number): boolean {
    return nowMs - heardAtMs < STALE_MS && this.#lines.get(url)?.state === "live";
  }

  /** Nodes that were replaced, and of which nothing was heard for long: a page may be open for days. */
  #forgetFormer(nowMs: number): void {
    const members = this.#configuration?.members ?? [];
    for (const [id, { heardAtMs }] of this.#known) {
      if (nowMs - heardAtMs > FORMER_MS && !members.some((member) => member.id === id))
        this.#known.delete(id);
    }
  }

  /** That of whoever leads, else of the longest log in the highest term. */
  #newestConfiguration(nowMs: number): PictureConfiguration | undefined {
    const rank = ({ picture: { status } }: Known): readonly number[] => [
      status.role === "leader" ? 1 : 0,
      status.term,
      status.last,
    ];
    const running = [...this.#known.values()].filter(
      (known) => this.#isFresh(known, nowMs) && known.picture.status.configuration.members.length > 0,
    );
    running.sort((a, b) => compare(rank(b), rank(a)));
    return running[0]?.picture.status.configuration;
  }

  /** Another cluster answers at the same addresses: what was known of the former one says nothing of it. */
  #meet(clusterId: string): void {
    if (this.#clusterId !== undefined) {
      this.#known.clear();
      this.#ledger = new Ledger();
      this.#commits = [];
      this.#configuration = undefined;
    }
    this.#clusterId = clusterId;
  }

  #note(commit: number, nowMs: number): void {
    if (commit <= (this.#commits.at(-1)?.commit ?? -1)) return;
    this.#commits.push({ atMs: nowMs, commit });
    const old = this.#commits.findLastIndex(({ atMs }) => atMs <= nowMs - BEHIND_MS);
    if (old > 0) this.#commits = this.#commits.slice(old);
  }

  /** What was known to be committed at that time. */
  #commitAt(atMs: number): number {
    return this.#commits.findLast((one) => one.atMs <= atMs)?.commit ?? 0;
  }
}

function membershipOf(id: string, configuration: PictureConfiguration | undefined): Membership {
  if (configuration === undefined) return "outside";
  const { voters, outgoing, learners } = configuration;
  if (learners.includes(id)) return "learner";
  if (voters.includes(id)) return outgoing.length > 0 && !outgoing.includes(id) ? "joining" : "voter";
  return outgoing.includes(id) ? "leaving" : "outside";
}

/** A leader that the page cannot hear, by the word of a node that follows it in the newest term and reaches it. */
function saidToLead(nodes: readonly NodeView[], term: number): string | undefined {
  const words = nodes.filter(({ fresh, picture }) => fresh && picture?.status.term === term);
  return nodes.find(
    ({ id, fresh, reachedBy }) =>
      !fresh && words.some((node) => node.picture?.status.leader?.id === id && reachedBy.includes(node.id)),
  )?.id;
}

function compare(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, position) => value !== b[position]);
  return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}
