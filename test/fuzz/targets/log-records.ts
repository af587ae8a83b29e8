/** The records inside a batch whose checksum is right: decodeRecords. */

import { isDeepStrictEqual } from "node:util";
import { InvariantViolation, Prng } from "../../../src/base/index.ts";
import { index, nodeId, term } from "../../../src/raft/index.ts";
import {
  decodeRecords,
  encodeRecord,
  type LogRecord,
  MalformedRecord,
  RECORD_HEADER_BYTES,
  recordBytes,
  UnknownRecordKind,
} from "../../../src/store/record.ts";
import {
  type Contents,
  contentsAfter,
  EMPTY,
  INITIAL_BASE,
  randomWrite,
  type Write,
} from "../../store/log-model.ts";
import { mutateBytes } from "../bytes.ts";
import { mutateJson } from "../json-text.ts";
import { Pool } from "../pool.ts";
import { accepted, demand, refused, type Subject, type Target, type Verdict } from "../target.ts";

export const logRecords: Target = {
  name: "log-records",
  about: "records of a sealed batch into decodeRecords: the same records again after encoding, or a reason",
  inputs: 130_000,
  sample: 3_000,
  msMax: 250,
  open: async (seed): Promise<Subject> => {
    const pool = new Pool(recordedBatches(seed, 200), mutateRecords);
    return { draw: (prng) => pool.draw(prng), feed, close: async () => undefined };
  },
};

function encodeRecords(records: readonly LogRecord[]): Buffer {
  const bytes = Buffer.alloc(records.reduce((sum, record) => sum + recordBytes(record), 0));
  let at = 0;
  for (const record of records) at = encodeRecord(record, bytes, at);
  return bytes;
}

function recordsOf({ hardState, truncateFrom, install, append, compact }: Write): LogRecord[] {
  return [
    ...(hardState === undefined ? [] : [{ kind: "hardState", hardState } as const]),
    ...(truncateFrom === undefined ? [] : [{ kind: "truncate", from: truncateFrom } as const]),
    ...(install === undefined ? [] : [{ kind: "install", base: install } as const]),
    ...append.map((entry) => ({ kind: "entry", entry }) as const),
    ...(compact === undefined ? [] : [{ kind: "compact", base: compact } as const]),
  ];
}

/** Batches as a node writes them, and one with each kind that only opens or ends a segment. */
function recordedBatches(seed: number, count: number): Buffer[] {
  const prng = new Prng(seed);
  const removed = [{ id: nodeId("n9"), incarnation: "9".repeat(32) }];
  const base = { ...INITIAL_BASE, configuration: { ...INITIAL_BASE.configuration, removed } };
  const hardState = { term: term(7), vote: nodeId("n2"), commit: index(3) };
  const batches = [
    encodeRecords([{ kind: "restate", last: { index: index(9), term: undefined }, base, hardState }]),
    encodeRecords([{ kind: "restate", last: { index: index(9), term: term(6) }, base, hardState }]),
    encodeRecords([{ kind: "close" }]),
  ];
  // Configurations are rare in a log, and have the most to get wrong.
  for (let copy = 0; copy < count / 8; copy++) {
    batches.push(
      encodeRecords([
        { kind: "install", base },
        { kind: "truncate", from: index(copy + 1) },
      ]),
    );
    const { configuration } = base;
    const entry = { kind: "configuration", index: index(4), term: term(2), chain: 5, configuration } as const;
    batches.push(encodeRecords([{ kind: "entry", entry }]));
  }
  let log: Contents = EMPTY;
  for (let at = 0; at < count; at++) {
    const write = randomWrite(log, prng);
    log = contentsAfter(log, write);
    batches.push(encodeRecords(recordsOf(write)));
  }
  return batches;
}

interface RawRecord {
  kind: number;
  payload: Buffer;
}

/** Changes records as a program would that writes them wrongly: every length is right. */
export function mutateRecords(bytes: Buffer, prng: Prng, other: Buffer): Buffer {
  const records = split(bytes);
  const others = split(other);
  const changed = prng.pick(records.length === 0 ? [{ kind: 9, payload: Buffer.alloc(0) }] : records);
  switch (prng.between(0, 5)) {
    case 0:
      changed.kind = prng.between(0, 12);
      break;
    case 1:
      changed.payload = mutateText(changed.payload, prng);
      break;
    case 2:
      if (others.length > 0) records.splice(prng.between(0, records.length), 0, prng.pick(others));
      break;
    case 3:
      records.splice(prng.between(0, Math.max(0, records.length - 1)), 1);
      break;
    default:
      changed.payload = mutateBytes(changed.payload, prng, other);
  }
  return join(records);
}

function split(bytes: Buffer): RawRecord[] {
  const records: RawRecord[] = [];
  for (let at = 0; at + RECORD_HEADER_BYTES <= bytes.length; ) {
    const start = at + RECORD_HEADER_BYTES;
    const end = Math.min(bytes.length, start + bytes.readUInt32LE(at + 1));
    records.push({ kind: bytes[at] ?? 0, payload: bytes.subarray(start, end) });
    at = end;
  }
  return records;
}

function join(records: readonly RawRecord[]): Buffer {
  const parts = records.flatMap(({ kind, payload }) => {
    const header = Buffer.alloc(RECORD_HEADER_BYTES, kind);
    header.writeUInt32LE(payload.length, 1);
    return [header, payload];
  });
  return Buffer.concat(parts);
}

/** A configuration stands as JSON at the end of a payload. */
function mutateText(payload: Buffer, prng: Prng): Buffer {
  const at = payload.indexOf('{"voters"');
  if (at === -1) return mutateBytes(payload, prng, payload);
  const text = payload.toString("utf8", at);
  return Buffer.concat([payload.subarray(0, at), Buffer.from(mutateJson(text, prng, text))]);
}

/** What the reader of the log takes for a batch that makes no sense. */
const REFUSALS = [UnknownRecordKind, MalformedRecord, SyntaxError, InvariantViolation];

function feed(input: Buffer): Verdict {
  let records: LogRecord[];
  try {
    records = decodeRecords(input);
  } catch (error) {
    if (REFUSALS.some((kind) => error instanceof kind))
      return refused(error instanceof Error ? error.message : "");
    throw error;
  }
  const again = decodeRecords(encodeRecords(records));
  demand(isDeepStrictEqual(again, records), "round trip: records are others after encoding and decoding");
  return accepted(records[0]?.kind ?? "nothing");
}
