/** What is said of a route: the form in which the other openapi files describe each, for the document and the pages. */

import { z } from "zod";
import type { ErrorCode } from "../base/index.ts";
import type { Method } from "./route.ts";

/** The chapters of the interface, in the order in which they are shown. */
export type Tag =
  | "Counting"
  | "Reading"
  | "Watching"
  | "Cluster"
  | "Health and metrics"
  | "Forms of other services"
  | "Pages";

export interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly description: string;
  readonly schema: z.ZodType;
  readonly required?: true;
  readonly example?: string | number;
  /** `?verbose` says it all without a value. */
  readonly allowEmptyValue?: true;
}

/** A value in JSON, with what it is an example of. */
export type Examples = Readonly<Record<string, unknown>>;

export interface RequestBody {
  /** Under components/schemas: one of BODY_SCHEMAS. */
  readonly schema: string;
  readonly required: boolean;
  readonly examples: Examples;
}

export interface Content {
  /** Under components/schemas; absent for bytes. */
  readonly schema?: string;
  /** Of text that is no JSON. */
  readonly text?: z.ZodType;
  readonly examples?: Examples;
  /** Of a stream: what `data` holds, by the name of the event; under components/schemas. */
  readonly events?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly description: string;
  /** Names in components/headers, beside those that every answer may have. */
  readonly headers?: readonly string[];
  /** By media type; absent if there is no body. */
  readonly content?: Readonly<Record<string, Content>>;
}

/** How a route that keeps to the form of another service says no, where the handler itself does. */
export interface ErrorForm {
  /** Under components/schemas. */
  readonly schema: string;
  readonly examples: Examples;
  /** Statuses that this route gives instead of those of the table. */
  readonly instead?: Readonly<Record<number, number>>;
}

export interface Operation {
  readonly method: Method;
  /** As in the table of routes: a segment that begins with `:` is a parameter. */
  readonly path: string;
  /** For generated clients. */
  readonly id: string;
  readonly tag: Tag;
  /** One line, without a full stop. */
  readonly summary: string;
  /** Sentences. `code` in backticks, paragraphs apart by an empty line. */
  readonly description: string;
  readonly parameters: readonly Parameter[];
  readonly body?: RequestBody;
  /** By status; those of refusals follow from `refusals`. */
  readonly answers: Readonly<Record<number, Answer>>;
  readonly refusals: readonly ErrorCode[];
  /** Absent: problem documents, as on most routes. */
  readonly errors?: ErrorForm;
  /** Arguments of curl behind which the URL of a node and `target` are put. */
  readonly curl: { readonly options?: string; readonly target: string };
  /** How it is switched on, if it is not there by default. */
  readonly needs?: string;
  /** Set where HEAD is no cheap form of GET. */
  readonly noHead?: true;
}

/** An answer in JSON. */
export function json(schema: string, examples: Examples): Readonly<Record<string, Content>> {
  return { "application/json": { schema, examples } };
}

/** An answer in plain text. */
export function plain(text: z.ZodType, example: string): Readonly<Record<string, Content>> {
  return { "text/plain": { text, examples: { text: example } } };
}

/** Text of any form. */
export const someText: z.ZodType = z.string();

/** Refusals that any route may answer with, but for those that no limit holds. */
export const ANY_REFUSALS: readonly ErrorCode[] = ["INVALID_QUERY", "TOO_MANY_REQUESTS", "INTERNAL"];

/** Refusals of routes that read a JSON body. */
export const BODY_REFUSALS: readonly ErrorCode[] = [
  "INVALID_JSON",
  "INVALID_BODY",
  "BODY_TOO_LARGE",
  "UNSUPPORTED_MEDIA_TYPE",
];

/** Refusals of whatever changes something. */
export const CHANGE_REFUSALS: readonly ErrorCode[] = [
  "INVALID_HEADER",
  "FOREIGN_ORIGIN",
  "NOT_LEADER",
  "NO_LEADER",
  "OVERLOADED",
  "SHUTTING_DOWN",
  "STATE_DIVERGED",
  "OUTCOME_UNKNOWN",
];

/** Refusals of writes that may bring a key or a place in a session. */
export const ONCE_REFUSALS: readonly ErrorCode[] = [
  "IDEMPOTENCY_KEY_REUSED",
  "IDEMPOTENCY_CAPACITY",
  "SESSION_EXPIRED",
];

/** Refusals of reads. */
export const READ_REFUSALS: readonly ErrorCode[] = [
  "NO_LEADER",
  "OVERLOADED",
  "SHUTTING_DOWN",
  "READ_TIMEOUT",
  "STATE_DIVERGED",
];
