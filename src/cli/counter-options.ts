/** The options of the commands that count, read and watch: a part of the table in options.ts. */

import {
  bearerToken,
  choice,
  defaulted,
  duration,
  int64,
  type Option,
  off,
  optional,
  text,
  wholeNumber,
} from "./option.ts";

export interface CounterOptionValues {
  readonly by: bigint;
  readonly min: bigint | undefined;
  readonly max: bigint | undefined;
  readonly onLimit: "reject" | "saturate";
  readonly once: string | undefined;
  readonly ifRevision: number | undefined;
  readonly ifAbsent: boolean;
  readonly ifExists: boolean;
  readonly idempotencyKey: string | undefined;
  readonly token: string | undefined;
  readonly consistency: "linearizable" | "stale";
  readonly minIndex: number | undefined;
  readonly prefix: string;
  readonly match: string | undefined;
  readonly order: "key" | "value" | "-value";
  readonly depth: number;
  readonly limit: number | undefined;
  readonly after: number | undefined;
  readonly interval: number;
  readonly justOnce: boolean;
}

type CounterOptionTable = { readonly [Name in keyof CounterOptionValues]: Option<CounterOptionValues[Name]> };

export const COUNTER_OPTIONS: CounterOptionTable = {
  by: defaulted("by", 1n, {
    placeholder: "N",
    shown: "1",
    help: "How much to add; negative to take away.",
    read: int64,
  }),
  min: optional("min", { placeholder: "N", help: "Refuse if the result would be below N.", read: int64 }),
  max: optional("max", { placeholder: "N", help: "Refuse if the result would be above N.", read: int64 }),
  onLimit: defaulted("on-limit", "reject", {
    placeholder: "WHAT",
    shown: "reject",
    help: "What --min and --max do. reject: refuse. saturate: add only as much as they allow.",
    read: choice("reject", "saturate"),
  }),
  once: optional("once", {
    placeholder: "MEMBER",
    help: "Count only the first time that MEMBER is seen for this key: a visitor, say.",
    read: text,
  }),
  ifRevision: optional("if-revision", {
    placeholder: "N",
    help: "Refuse unless this is the revision of the counter, as raftally get --json shows it. 0: it must not exist.",
    read: wholeNumber(0, 999_999_999_999_999),
  }),
  ifAbsent: off("if-absent", "Refuse if the counter exists."),
  ifExists: off("if-exists", "Refuse unless the counter exists."),
  idempotencyKey: optional("idempotency-key", {
    placeholder: "KEY",
    help: "Makes running the command again harmless: for 10 minutes it counts once. Made up if not given.",
    read: text,
  }),
  token: optional("token", {
    env: "RAFTALLY_TOKEN",
    placeholder: "TOKEN",
    help: "A bearer token to ask with, which has a share of its own where nodes run with --rate-limit.",
    read: bearerToken,
  }),
  consistency: defaulted("consistency", "linearizable", {
    placeholder: "WHICH",
    shown: "linearizable",
    help:
      "linearizable: sees every write acknowledged before. stale: what the asked node has right now; works " +
      "without a majority.",
    read: choice("linearizable", "stale"),
  }),
  minIndex: optional("min-index", {
    placeholder: "N",
    help:
      "Wait for a node that has applied entry N of the log, the `index` that a write prints with --json: so that a " +
      "stale read shows your own write, too.",
    read: wholeNumber(0, 999_999_999_999_999),
  }),
  prefix: defaulted("prefix", "", {
    placeholder: "TEXT",
    shown: "every key",
    help: "Only keys that begin with TEXT.",
    read: text,
  }),
  match: optional("match", {
    placeholder: "GLOB",
    help: "Only keys that match GLOB as a whole: * any text, ? one character, [a-z] one of these, \\ takes the next as it is.",
    read: text,
  }),
  order: defaulted("order", "key", {
    placeholder: "ORDER",
    shown: "key",
    help: "key: by the bytes of the keys. value: the least first. -value: the greatest first.",
    read: choice("key", "value", "-value"),
  }),
  depth: defaulted("depth", 0, {
    placeholder: "N",
    shown: "0",
    help: "Group by the next N segments of the keys, parted by colons; 0 to 8.",
    read: wholeNumber(0, 8),
  }),
  limit: optional("limit", {
    placeholder: "N",
    help: "At most N; all of them if not given.",
    read: wholeNumber(1, 1_000_000_000),
  }),
  after: optional("after", {
    placeholder: "N",
    help: "Go on after this revision, the `to` of the last change that was seen.",
    read: wholeNumber(0, 999_999_999_999_999),
  }),
  interval: defaulted("interval", 1_000, {
    placeholder: "TIME",
    shown: "1s",
    help: "The time between two readings, over which the rates are counted.",
    read: duration(100, 3_600_000),
  }),
  justOnce: off("once", "Print once and end, as also where the output is no terminal."),
};
