/** Changes of counters as they happen, and what happens to nodes: streams of typed events. */

import type { Caller } from "./call.ts";
import { checkKey, countText, queryText } from "./checks.ts";
import {
  boolean,
  type Fields,
  int64,
  Malformed,
  number,
  object,
  optional,
  position,
  string,
} from "./decode.ts";
import { Refused } from "./errors.ts";
import { type Json, parseExact } from "./json.ts";
import type { ClusterEvent, NodePicture } from "./pictures.ts";
import type { ServerSentEvent } from "./sse.ts";
import { follow, type StreamOptions } from "./stream.ts";
import type { Consistency, LogPosition } from "./types.ts";

/** What to watch: one counter, those of a prefix, or, with neither, all. */
export interface WatchOptions extends StreamOptions {
  readonly key?: string;
  readonly prefix?: string;
  /** Goes on after this revision, `to` of the last change that was seen; without it, from now on. */
  readonly after?: number;
  /** Of the revision to begin at: `linearizable` by default; `stale`: whatever the asked node has. */
  readonly consistency?: Consistency;
}

/** An event of a watch. */
export type WatchEvent = WatchOpen | WatchChange | WatchResync;

/**
 * The first event of a watch without `after`. To have the state too, list it with `minIndex: index` now: what changes
 * from here on comes as a change.
 */
export interface WatchOpen extends LogPosition {
  readonly kind: "open";
  /** Of the state from which on changes are reported. */
  readonly revision: number;
  /** Of a watch of one key. */
  readonly counter: { readonly value: bigint; readonly exists: boolean } | undefined;
}

/**
 * A counter has changed. Changes of one key that follow each other closely come as one, with the latest value. On one
 * connection the ranges `from` to `to` follow each other without gap or overlap.
 */
export interface WatchChange {
  readonly kind: "change";
  readonly key: string;
  readonly value: bigint;
  /** Of the counter: the number of its latest change. */
  readonly revision: number;
  /** The first revision that this event stands for. */
  readonly from: number;
  /** The last one: `after` of a later watch that is to go on here. */
  readonly to: number;
  readonly deleted: boolean;
}

/** Changes were missed that nobody remembers any more: read again what matters. From here on nothing is missing. */
export interface WatchResync extends LogPosition {
  readonly kind: "resync";
  readonly revision: number;
  readonly reason: string;
}

/** @throws {Refused} INVALID_KEY, INVALID_QUERY; and as `follow` does. */
export function watch(caller: Caller, options: WatchOptions): AsyncGenerator<WatchEvent, void, void> {
  const { key, prefix, after, consistency } = options;
  if (key !== undefined && prefix !== undefined) {
    throw new Refused("INVALID_QUERY", "watch either a key or a prefix, not both", []);
  }
  if (key !== undefined) checkKey(key);
  const path = `/v1/watch${queryText({ key, prefix, consistency })}`;
  const lastId = countText("after", after);
  return follow(caller, { path, lastId, decode: decodeWatchEvent }, options);
}

/** Undefined for an event that means nothing here. @throws {Malformed} */
export function decodeWatchEvent({ name, data }: ServerSentEvent): WatchEvent | undefined {
  const fields = fieldsOf(data);
  switch (name) {
    case "open": {
      const value = optional(fields, "value", int64);
      const exists = optional(fields, "exists", boolean) ?? value !== undefined;
      const counter = value === undefined ? undefined : { value, exists };
      return { kind: "open", revision: number(fields, "revision"), counter, ...position(fields) };
    }
    case "change":
      return {
        kind: "change",
        key: string(fields, "key"),
        value: int64(fields, "value"),
        revision: number(fields, "revision"),
        from: number(fields, "from"),
        to: number(fields, "to"),
        deleted: optional(fields, "deleted", boolean) ?? false,
      };
    case "resync": {
      const reason = optional(fields, "reason", string) ?? "";
      return { kind: "resync", revision: number(fields, "revision"), reason, ...position(fields) };
    }
    default:
      // Of a later version, perhaps.
      return undefined;
  }
}

export interface ClusterEventOptions extends StreamOptions {
  /** Pictures of the node too, as often as this, 50 to 5,000 ms, and at once when its role changes. */
  readonly pictures?: number;
}

/** What one node tells of itself. */
export type ClusterStreamEvent =
  | { readonly kind: "event"; readonly event: ClusterEvent }
  | { readonly kind: "picture"; readonly picture: NodePicture }
  /** Events were missed: the node was started anew, or another one answers, or they were too many. */
  | { readonly kind: "resync" };

/** @throws {Refused} INVALID_QUERY; and as `follow` does. */
export function clusterEvents(
  caller: Caller,
  options: ClusterEventOptions,
): AsyncGenerator<ClusterStreamEvent, void, void> {
  const pictures = countText("pictures", options.pictures);
  const path = `/v1/cluster/events${queryText({ pictures })}`;
  return follow(caller, { path, lastId: undefined, decode: decodeClusterEvent }, options);
}

/** Undefined for an event that means nothing here. @throws {Malformed} */
export function decodeClusterEvent({ name, data }: ServerSentEvent): ClusterStreamEvent | undefined {
  const fields = name === "event" || name === "picture" ? fieldsOf(data) : {};
  switch (name) {
    case "event":
      for (const field of ["node", "kind", "text"]) string(fields, field);
      number(fields, "atMs");
      return { kind: "event", event: fields as unknown as ClusterEvent };
    case "picture":
      string(object(fields["status"], "status"), "id");
      return { kind: "picture", picture: fields as unknown as NodePicture };
    case "resync":
      return { kind: "resync" };
    default:
      return undefined;
  }
}

function fieldsOf(data: string): Fields {
  let json: Json;
  try {
    json = parseExact(data);
  } catch {
    throw new Malformed("an event is not JSON");
  }
  return object(json, "event");
}
