/** What the page knows of the cluster at one moment. Plain data, made anew whenever something was heard. */

import type { ClusterEvent, NodePicture, PictureConfiguration } from "../../client/index.ts";
import type { Promises } from "./promises.ts";

/** How the page's own line to a node stands. */
export type LinkState =
  /** Pictures arrive. */
  | "live"
  /** Never heard so far, or broken and being tried again. */
  | "connecting"
  /** Connected or lost: no picture for {@link STALE_MS}. */
  | "silent"
  /** The page may not speak to it: it joined after the page was loaded, on an origin that the page was not allowed. */
  | "blocked";

/** A picture older than this is not the present, ms. Pictures come every 250 ms. */
export const STALE_MS = 1_500;

export type Membership = "voter" | "learner" | "joining" | "leaving" | "outside";

/** One node, as it shows itself and as the others see it. */
export interface NodeView {
  readonly id: string;
  /** Where the page asks it; no trailing slash. */
  readonly url: string;
  /** `joining`, `leaving`: it votes in one half of a joint configuration. `outside`: no member (yet, or any more). */
  readonly membership: Membership;
  readonly link: LinkState;
  /** The last picture, however old; undefined if there never was one. */
  readonly picture: NodePicture | undefined;
  /** Counts the pictures of this node: another number means another picture. */
  readonly pictures: number;
  /** For how long the page has asked it, ms, with or without an answer; 0 before it does. */
  readonly askedMs: number;
  /** Age of the last picture, ms; undefined if there never was one. */
  readonly ageMs: number | undefined;
  /** Whether the picture is the present: only then role, term and so on say how things are. */
  readonly fresh: boolean;
  /** Other nodes, heard just now, that have a link to it, and those that have none. */
  readonly reachedBy: readonly string[];
  readonly missedBy: readonly string[];
  /**
   * Whether it leads, as far as can be told: it says so itself, in the highest term in which any does; or, if the page
   * cannot hear it, a node says so that follows it and reaches it.
   */
  readonly leads: boolean;
  /** Entries that it has not committed and applied and the cluster has; undefined while that cannot be told. */
  readonly lag: number | undefined;
  /** Whether it lacks entries that the cluster had committed a second ago: it does not keep up. */
  readonly behind: boolean;
  /** The worst 99th percentile of its fsync times in the last seconds, ms; undefined if there was none. */
  readonly fsyncWorstMs: number | undefined;
  /** Whether the page was loaded from it. */
  readonly served: boolean;
}

/** An event of the feed, with a name that is unique on this page. */
export interface FeedEvent extends ClusterEvent {
  /** Node, run of its process, number. */
  readonly key: string;
  /** When the page heard it, Unix ms. */
  readonly heardAtMs: number;
}

export interface ClusterView {
  /** By the browser's clock, Unix ms. */
  readonly nowMs: number;
  /** In order of id. Members of the newest configuration known, and whoever else answers as part of this cluster. */
  readonly nodes: readonly NodeView[];
  /** The newest that any node tells of. */
  readonly configuration: PictureConfiguration | undefined;
  /** The node that {@link NodeView.leads}. It may be one that the page cannot hear. */
  readonly leader: NodeView | undefined;
  /** The highest term that any node heard just now tells of. */
  readonly term: number;
  /** The furthest commit index that any node ever told of. */
  readonly commit: number;
  readonly verdict: Verdict;
  readonly promises: Promises;
  /** Oldest first; at most {@link EVENTS_MAX}. */
  readonly events: readonly FeedEvent[];
  /** The node that the page came from, and whether it still answers. */
  readonly home: { readonly id: string | undefined; readonly url: string; readonly answers: boolean };
}

export const EVENTS_MAX = 500;

/**
 * `good`: nothing is wrong. `busy`: something is under way that ends well by itself. `warn`: it serves, and somebody
 * should look. `bad`: it does not serve, or is not to be trusted. `none`: nothing is known yet.
 */
export type Tone = "good" | "busy" | "warn" | "bad" | "none";

/** How the cluster is, in words. */
export interface Verdict {
  readonly kind: VerdictKind;
  readonly tone: Tone;
  /** One line: "3 of 3 nodes, n2 leads term 7, can lose 1 more". */
  readonly sentence: string;
  /** What else is to be known, one sentence each; most urgent first. */
  readonly notes: readonly string[];
  /** Nodes that the sentence or a note speaks of. */
  readonly concerns: readonly string[];
}

export type VerdictKind =
  | "unheard"
  | "lost"
  | "forming"
  | "digests"
  | "noQuorum"
  | "electing"
  | "twoLeaders"
  | "healthy"
  | "degraded"
  | "changing";
