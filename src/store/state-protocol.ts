/** What the loop and the two kinds of worker say to each other, and how errors cross between threads. */

import { InvariantViolation } from "../base/index.ts";
import type { Totals } from "../counter/index.ts";
import type { Configuration, Entry, SnapshotMeta } from "../raft/index.ts";
import { BackupError, CorruptionError, IdentityError, NewerFormatError, StorageFailure } from "./errors.ts";
import type { PackedOutcomes } from "./packed-outcomes.ts";
import type { Applied, Query, QueryAnswers, ScanQuery, SnapshotManifest, StateDigest } from "./types.ts";

/** What the worker of state.db is told when it starts. */
export interface StateWorkerOptions {
  /** The path of state.db. */
  readonly path: string;
  readonly clusterId: string;
  /** The configuration at index 0, for a state that begins now. */
  readonly initial: Configuration;
  /** Bytes of SQLite's WAL beyond which a checkpoint is made between two applies. */
  readonly walBytesMax: number;
}

type CommandEntry = Extract<Entry, { kind: "command" }>;

/** An entry whose payload lies in the packed bytes, after those of the entries before it. */
export type PackedEntry =
  | Exclude<Entry, CommandEntry>
  | (Omit<CommandEntry, "data"> & { readonly length: number });

/** Entries ready to cross: all payloads in one buffer, which is handed over instead of copied. */
export interface PackedEntries {
  readonly entries: readonly PackedEntry[];
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** What an apply has done, ready to cross. */
export type PackedApplied = Omit<Applied, "outcomes"> & { readonly outcomes: PackedOutcomes };

/** Each request to the worker of state.db, with its answer. */
export interface StateCalls {
  readonly apply: { readonly entries: PackedEntries; readonly wantOutcomes: boolean };
  readonly query: { readonly queries: readonly Query[] };
  readonly totals: object;
  readonly digests: object;
  /** Ends when all that was applied before is in the file. */
  readonly commit: object;
  /** Makes a checkpoint if one is due. */
  readonly checkpoint: object;
  readonly restore: { readonly file: string; readonly manifest: SnapshotManifest };
  readonly close: object;
}

export interface StateReplies {
  readonly apply: PackedApplied;
  readonly query: QueryAnswers;
  readonly totals: Totals;
  readonly digests: readonly StateDigest[];
  readonly commit: undefined;
  readonly checkpoint: undefined;
  readonly restore: Applied;
  readonly close: undefined;
}

export type StateCall = keyof StateCalls;

export type StateRequest = {
  readonly [Kind in StateCall]: { readonly id: number; readonly kind: Kind } & StateCalls[Kind];
}[StateCall];

/** The first message of the worker has id 0 and carries the position at open. */
export type StateMessage =
  | { readonly id: number; readonly value: StateReplies[StateCall] | SnapshotMeta }
  | { readonly id: number; readonly error: PlainError };

/** What the thread of the scans is told when it starts. */
export interface ScanWorkerOptions {
  /** The path of state.db. */
  readonly path: string;
  readonly clusterId: string;
  /** One 32-bit number: no scan goes on once it is not 0. */
  readonly stop: SharedArrayBuffer;
}

/** `release`: let go of the file, which may be replaced. Each is answered before the next is asked. */
export type ScanRequest =
  | { readonly id: number; readonly kind: "scan"; readonly query: ScanQuery; readonly limitMs: number }
  | { readonly id: number; readonly kind: "release" | "close" };

export type ScanMessage =
  | { readonly id: number; readonly value: QueryAnswers | undefined }
  | { readonly id: number; readonly error: PlainError };

/** One job of a snapshot worker, which ends with it. */
export type SnapshotJob =
  /** Copies state.db at `source` to the new file `target`. */
  | { readonly kind: "take"; readonly source: string; readonly target: string }
  /** Compares a received file with its manifest. */
  | { readonly kind: "verify"; readonly file: string; readonly manifest: SnapshotManifest };

export type SnapshotJobResult =
  | { readonly kind: "taken"; readonly manifest: SnapshotManifest }
  /** `mismatch`: in what way the file differs from its manifest, as a clause; undefined if it does not. */
  | { readonly kind: "verified"; readonly mismatch: string | undefined }
  | { readonly kind: "failed"; readonly error: PlainError };

/** An error as it crosses between threads: structured cloning would lose its class. */
export interface PlainError {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly file: string;
  readonly code: string;
}

/** Copies the payloads of `entries` into one buffer. Views on larger buffers would cross with all of these. */
export function packEntries(entries: readonly Entry[]): PackedEntries {
  let total = 0;
  for (const entry of entries) if (entry.kind === "command") total += entry.data.length;
  const bytes = new Uint8Array(total);
  let at = 0;
  const packed = entries.map((entry): PackedEntry => {
    if (entry.kind !== "command") return entry;
    const { data, ...head } = entry;
    bytes.set(data, at);
    at += data.length;
    return { ...head, length: data.length };
  });
  return { entries: packed, bytes };
}

/** The entries that {@link packEntries} packed; their payloads are views on its bytes. */
export function unpackEntries({ entries, bytes }: PackedEntries): Entry[] {
  let at = 0;
  return entries.map((entry): Entry => {
    if (entry.kind !== "command") return entry;
    const { length, ...head } = entry;
    const data = bytes.subarray(at, at + length);
    at += length;
    return { ...head, data };
  });
}

/** An error made ready to cross. */
export function plainError(error: unknown): PlainError {
  if (!(error instanceof Error)) {
    return { name: "Error", message: String(error), stack: undefined, file: "", code: "" };
  }
  const file = error instanceof CorruptionError || error instanceof NewerFormatError ? error.file : "";
  const code = error instanceof IdentityError ? error.code : "";
  return { name: error.name, message: error.message, stack: error.stack, file, code };
}

/** The error that {@link plainError} took apart, of its own class if that is one of the store's. */
export function reviveError(plain: PlainError): Error {
  const error = emptyError(plain);
  error.message = plain.message;
  if (plain.stack !== undefined) error.stack = plain.stack;
  return error;
}

function emptyError({ name, file, code }: PlainError): Error {
  switch (name) {
    case "CorruptionError":
      return new CorruptionError({ file, found: "" });
    case "NewerFormatError":
      return new NewerFormatError(file, "");
    case "IdentityError":
      return new IdentityError(code === "otherCluster" ? "otherCluster" : "unreadable", "");
    case "StorageFailure":
      return new StorageFailure("", undefined);
    case "InvariantViolation":
      return new InvariantViolation("");
    default:
      return new Error();
  }
}

/** `error` if it is one of the store's own, and otherwise a {@link StorageFailure} because of it. */
export function failureOf(doing: string, error: unknown): Error {
  const own = [
    BackupError,
    CorruptionError,
    IdentityError,
    InvariantViolation,
    NewerFormatError,
    StorageFailure,
  ];
  for (const kind of own) if (error instanceof kind) return error;
  return new StorageFailure(doing, error);
}

/** Where a worker's module lies: as TypeScript in the repository, as JavaScript in an installed package. */
export function workerUrl(name: string): URL {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  return new URL(`./${name}.${extension}`, import.meta.url);
}
