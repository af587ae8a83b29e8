/** The form of what server-sent events carry in `data`, as zod schemas: what answer-schemas.ts is for other answers. */

import { z } from "zod";
import { ANSWER_SCHEMAS } from "./answer-schemas.ts";

const whole = z.int().nonnegative().meta({ maximum: undefined });
const int64 = z
  .custom((value) => typeof value === "bigint" || Number.isSafeInteger(value))
  .meta({ type: "integer", format: "int64" });
const ms = z.number().nonnegative();

const opened = z.object({
  revision: whole.meta({ description: "The watch begins after it" }),
  index: whole.meta({
    description: "List with this `minIndex` to have the state that the watch goes on from",
  }),
  term: whole,
  value: int64.meta({ description: "With `key=`: its value there, 0 if it does not exist" }).optional(),
  exists: z.boolean().meta({ description: "With `key=`: whether it does" }).optional(),
});
const change = z.object({
  key: z.string(),
  value: int64.meta({ description: "After its latest change; 0 if it was deleted" }),
  revision: whole.meta({ description: "The number of that change" }),
  from: whole.meta({
    description: "The first revision that the event covers: one more than the last event's `to`",
  }),
  to: whole.meta({ description: "The last one: this change, and the `id` of the event" }),
  deleted: z.boolean(),
});
const resync = z.object({
  revision: whole.meta({ description: "Read again, then go on after it" }),
  index: whole,
  term: whole,
  reason: z.string(),
});

const clusterEvent = z.object({
  seq: whole.meta({ description: "Counts up from 1 since the process started" }),
  atMs: whole.meta({ description: "By the node's clock, Unix ms; for people only" }),
  node: z.string(),
  kind: z
    .string()
    .meta({ description: "election, role, leader, configuration, snapshot, link, disk, alarm, …" }),
  term: whole,
  peer: z.string().meta({ description: "The other node concerned, if any" }).optional(),
  text: z.string().meta({ description: "One sentence" }),
});
const clusterResync = z.object({ reason: z.string() });

const spread = z.object({ count: whole, p50: ms, p99: ms, max: ms }).meta({ description: "ms" });
const picture = z.looseObject({
  status: ANSWER_SCHEMAS["NodeStatus"] ?? z.unknown(),
  atMs: whole.meta({ description: "By the node's clock, Unix ms" }),
  checks: z.array(z.object({ name: z.string(), ok: z.boolean(), detail: z.string() })),
  election: z
    .object({ elapsedMs: ms, timeoutMs: ms })
    .meta({ description: "How long the node has waited for word of a leader, and for how long it will" })
    .optional(),
  tail: z
    .array(z.object({ index: whole, term: whole, kind: z.enum(["command", "noop", "configuration"]) }))
    .meta({ description: "The end of the log, oldest first" }),
  stable: whole.meta({ description: "The last entry that is on this node's disk" }),
  commitLatency: spread.optional(),
  fsync: spread.optional(),
  apply: spread.optional(),
  eventLoopDelay: spread.optional(),
  messages: z.array(z.looseObject({ to: z.string(), kind: z.string(), count: whole })),
  digests: z.array(z.object({ index: whole, digest: z.number() })),
  memoryBytes: whole,
});

/** By the names that they have under components/schemas. */
export const EVENT_SCHEMAS: Readonly<Record<string, z.ZodType>> = {
  WatchOpened: opened,
  WatchChange: change,
  WatchResync: resync,
  ClusterEvent: clusterEvent,
  ClusterResync: clusterResync,
  NodePicture: picture,
};
