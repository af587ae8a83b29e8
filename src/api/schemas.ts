/**
 * The form of every body, as zod schemas; the OpenAPI document describes these same objects. Integers are
 * checked as they were written (see json.ts), so that nothing is rounded before it is judged.
 */

import { z } from "zod";
import {
  BATCH_MAX,
  type ExpectedRevision,
  INT64_MAX,
  INT64_MIN,
  KEY_BYTES_MAX,
  keyProblem,
  memberProblem,
} from "../counter/index.ts";
import { isNodeId } from "../node/index.ts";
import { baseUrlOf, NODE_ID_FORM, peerAddressOf } from "./address.ts";
import { describeJson, NumberToken } from "./json.ts";

/** What an increment takes beside its key. */
export interface IncrementBody {
  readonly by?: bigint | undefined;
  readonly min?: bigint | undefined;
  readonly max?: bigint | undefined;
  /** What becomes of an add that would pass a bound: refused, as without it, or only as much as fits. */
  readonly onLimit?: "reject" | "saturate" | undefined;
  readonly once?: string | undefined;
}

/** What setting a counter takes beside its key. */
export interface SetBody {
  readonly value: bigint;
}

/** What handing out a range of numbers takes. */
export interface AllocateBody {
  readonly count: bigint;
  readonly max?: bigint | undefined;
}

export interface IncrementOperation extends IncrementBody {
  readonly op?: "increment" | undefined;
  readonly key: string;
}

export interface SetOperation {
  readonly op: "set";
  readonly key: string;
  readonly value: bigint;
  readonly ifRevision?: ExpectedRevision | undefined;
}

export interface DeleteOperation {
  readonly op: "delete";
  readonly key: string;
  readonly ifRevision?: ExpectedRevision | undefined;
}

export interface BatchBody {
  readonly operations: readonly (IncrementOperation | SetOperation | DeleteOperation)[];
}

const WHOLE = /^-?[0-9]+$/;

/** A whole number in [low, high]. A refusal reads as the end of a sentence that begins with the field's name. */
function integer(low: bigint, high: bigint): z.ZodType<bigint> {
  return z.unknown().transform((value, context): bigint => {
    const exact = exactInteger(value);
    if (exact !== undefined && exact >= low && exact <= high) return exact;
    const whole = exact !== undefined || (value instanceof NumberToken && WHOLE.test(value.source));
    const got = describeJson(value);
    const message = whole
      ? `must be between ${low} and ${high}; got ${got}`
      : `must be an integer; got ${got}`;
    context.issues.push({
      code: "custom",
      input: value,
      message: value === undefined ? "is missing" : message,
    });
    return z.NEVER;
  });
}

function exactInteger(value: unknown): bigint | undefined {
  if (typeof value === "bigint") return value;
  return typeof value === "number" ? BigInt(value) : undefined;
}

const int64 = integer(INT64_MIN, INT64_MAX).meta({ type: "integer", format: "int64" });

/** What `If-Match` and `If-None-Match` say of one counter, in a batch. */
const expected: z.ZodType<ExpectedRevision> = z
  .unknown()
  .transform((value, context): ExpectedRevision => {
    if (value === "any") return value;
    const exact = exactInteger(value);
    if (exact !== undefined && exact >= 0n && exact <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(exact);
    const message = `must be a revision, 0 or "any"; got ${describeJson(value)}`;
    context.issues.push({ code: "custom", input: value, message });
    return z.NEVER;
  })
  .meta({
    oneOf: [{ type: "integer", minimum: 0 }, { const: "any" }],
    description: 'A revision; 0: the counter must not exist; "any": it must exist',
  });

/** Text under a rule of the counters; `code` is what its refusal is called. */
function ruled(problemOf: (text: string) => string | undefined, code: string): z.ZodType<string> {
  return z.string().superRefine((text, context) => {
    const message = problemOf(text);
    if (message !== undefined) context.addIssue({ code: "custom", message, params: { code } });
  });
}

/** One of a few words. */
function oneOf<const Word extends string>(words: readonly Word[]): z.ZodType<Word> {
  const wanted = words.map((word) => JSON.stringify(word)).join(" or ");
  return z
    .unknown()
    .transform((value, context): Word => {
      const found = words.find((word) => word === value);
      if (found !== undefined) return found;
      const message = `must be ${wanted}; got ${describeJson(value)}`;
      context.issues.push({ code: "custom", input: value, message });
      return z.NEVER;
    })
    .meta({ type: "string", enum: [...words] });
}

const key = ruled(keyProblem, "INVALID_KEY").meta({ description: "1 to 512 bytes of UTF-8" });
const member = ruled(memberProblem, "INVALID_BODY").meta({ description: "1 to 512 bytes of UTF-8" });

const increment = {
  by: int64.optional(),
  min: int64.optional(),
  max: int64.optional(),
  onLimit: oneOf(["reject", "saturate"]).optional(),
  once: member.optional(),
};

function refuseEmptyRange(body: IncrementBody, context: z.RefinementCtx): void {
  if (body.onLimit === "saturate" && body.min === undefined && body.max === undefined) {
    const message = "saturate needs a bound: give min, max or both";
    context.addIssue({ code: "custom", path: ["onLimit"], message });
  }
  if (body.min === undefined || body.max === undefined || body.min <= body.max) return;
  context.addIssue({ code: "custom", path: ["min"], message: `must not be above max; got ${body.min}` });
}

/** Of POST /v1/counters/{key}/increment. */
export const incrementBody: z.ZodType<IncrementBody> = z
  .strictObject(increment)
  .superRefine(refuseEmptyRange);

const set = { value: int64 };

/** Of PUT /v1/counters/{key}. */
export const setBody: z.ZodType<SetBody> = z.strictObject(set);

/** Numbers that one request can be handed out. */
export const ALLOCATE_MAX = 1_000_000_000;

const allocate = {
  count: integer(1n, BigInt(ALLOCATE_MAX)).meta({ type: "integer", minimum: 1, maximum: ALLOCATE_MAX }),
  max: int64.optional(),
};

/** Of POST /v1/counters/{key}/allocate. */
export const allocateBody: z.ZodType<AllocateBody> = z.strictObject(allocate);

/** Of POST /v1/batch. That there are 1 to {@link BATCH_MAX} operations is checked before each is looked at. */
export const batchBody: z.ZodType<BatchBody> = z.strictObject({
  operations: z
    .array(
      z.discriminatedUnion("op", [
        z
          .strictObject({ op: z.literal("increment").optional(), key, ...increment })
          .superRefine(refuseEmptyRange),
        z.strictObject({ op: z.literal("set"), key, value: int64, ifRevision: expected.optional() }),
        z.strictObject({ op: z.literal("delete"), key, ifRevision: expected.optional() }),
      ]),
    )
    .meta({ minItems: 1, maxItems: BATCH_MAX }),
});

/** A counter and what to add to it: the forms of compat.ts, which pass over fields that they do not know. */
export interface KeyValueBody {
  readonly key: string;
  readonly value: bigint;
}

/** Things that count once for each tenant. */
export type ItemsBody = readonly { readonly id: string; readonly tenant: string }[];

/** Counters to which the same is added. */
export interface LabelsBody {
  readonly labels: readonly string[];
  readonly increment: bigint;
}

/** The counter of a tenant's items. */
export function itemsKey(tenant: string): string {
  return `items:${tenant}`;
}

/** An item's id: text, or a whole number, which is the same as its digits. */
const itemId: z.ZodType<string> = z
  .unknown()
  .transform((value, context): string => {
    const text = typeof value === "string" ? value : exactInteger(value)?.toString();
    const got =
      value === undefined ? "is missing" : `must be a string or an integer; got ${describeJson(value)}`;
    const message = text === undefined ? got : memberProblem(text);
    if (text !== undefined && message === undefined) return text;
    context.issues.push({ code: "custom", input: value, message: message ?? got });
    return z.NEVER;
  })
  .meta({ oneOf: [{ type: "string" }, { type: "integer" }], description: "1 to 512 bytes of UTF-8" });

const tenant = ruled((text) => {
  if (text === "") return "must not be empty";
  const problem = keyProblem(itemsKey(text));
  return problem === undefined ? undefined : `cannot be counted as ${itemsKey("…")}: a key ${problem}`;
}, "INVALID_BODY").meta({ description: `1 to ${KEY_BYTES_MAX - itemsKey("").length} bytes of UTF-8` });

/** Of POST /increment and POST /api/v1/increment. */
export const keyValueBody: z.ZodType<KeyValueBody> = z.object({ key, value: int64 });

/** Of POST /items. That there are at most {@link BATCH_MAX} is checked before each is looked at. */
export const itemsBody: z.ZodType<ItemsBody> = z
  .array(z.object({ id: itemId, tenant }))
  .meta({ maxItems: BATCH_MAX });

/** Of POST /metrics. */
export const labelsBody: z.ZodType<LabelsBody> = z.object({
  labels: z.array(key).min(1, "must not be empty").max(BATCH_MAX, `must be at most ${BATCH_MAX}`),
  increment: int64,
});

/** A member of the cluster as it is named to be added. */
export interface AddMemberBody {
  readonly id: string;
  readonly incarnation: string;
  readonly peer: string;
  readonly api: string;
}

export interface ReplaceMemberBody {
  readonly by: string;
}

/** At least one of the two. */
export interface MoveMemberBody {
  readonly peer?: string | undefined;
  readonly api?: string | undefined;
}

/** At most one of the two. */
export interface TransferBody {
  readonly to?: string | undefined;
  readonly from?: string | undefined;
}

/** Text that `read` understands. @param wanted what it should have been, as the end of a sentence. */
function written(read: (text: string) => string | undefined, wanted: string): z.ZodType<string> {
  return z.string().transform((text, context): string => {
    const found = read(text);
    if (found !== undefined) return found;
    const message = `must be ${wanted}; got ${describeJson(text)}`;
    context.issues.push({ code: "custom", input: text, message });
    return z.NEVER;
  });
}

const INCARNATION = /^[0-9a-f]{32}$/;

const nodeName = written((text) => (isNodeId(text) ? text : undefined), NODE_ID_FORM);
const incarnation = written(
  (text) => (INCARNATION.test(text) ? text : undefined),
  "the 32 hex digits that GET /v1/cluster of the new node shows",
);
const peer = written(peerAddressOf, "host:port with a port from 1 to 65535, such as 10.0.0.4:4100");
const api = written(baseUrlOf, "a URL such as http://10.0.0.4:4000, without query, fragment or credentials");

const addMember = { id: nodeName, incarnation, peer, api };
const replaceMember = { by: nodeName };
const moveMember = { peer: peer.optional(), api: api.optional() };
const transfer = { to: nodeName.optional(), from: nodeName.optional() };

/** Of POST /v1/cluster/members. */
export const addMemberBody: z.ZodType<AddMemberBody> = z.strictObject(addMember);
/** Of POST /v1/cluster/members/{id}/replace. */
export const replaceMemberBody: z.ZodType<ReplaceMemberBody> = z.strictObject(replaceMember);
/** Of PATCH /v1/cluster/members/{id}. */
export const moveMemberBody: z.ZodType<MoveMemberBody> = z
  .strictObject(moveMember)
  .superRefine((body, context) => {
    if (body.peer !== undefined || body.api !== undefined) return;
    context.addIssue({ code: "custom", message: "must name a new peer address, a new api URL, or both" });
  });
/** Of POST /v1/cluster/transfer. */
export const transferBody: z.ZodType<TransferBody> = z.strictObject(transfer).superRefine((body, context) => {
  if (body.to === undefined || body.from === undefined) return;
  context.addIssue({
    code: "custom",
    path: ["from"],
    message: "does not go together with to; leave one out",
  });
});

/** What the bodies, and the operations of a batch, are called here. */
export type BodyName =
  | "increment"
  | "setCounter"
  | "allocate"
  | "keyValue"
  | "items"
  | "labels"
  | "batch"
  | "add"
  | "set"
  | "delete"
  | "addMember"
  | "replaceMember"
  | "moveMember"
  | "transfer";

/** The fields that a body of each kind may have, for the refusals of those it may not. */
export const FIELDS: Readonly<Record<BodyName, readonly string[]>> = {
  increment: Object.keys(increment),
  setCounter: Object.keys(set),
  allocate: Object.keys(allocate),
  keyValue: ["key", "value"],
  items: ["id", "tenant"],
  labels: ["labels", "increment"],
  batch: ["operations"],
  add: ["op", "key", ...Object.keys(increment)],
  set: ["op", "key", "value", "ifRevision"],
  delete: ["op", "key", "ifRevision"],
  addMember: Object.keys(addMember),
  replaceMember: Object.keys(replaceMember),
  moveMember: Object.keys(moveMember),
  transfer: Object.keys(transfer),
};
