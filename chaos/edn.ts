/** Histories as Jepsen writes them: one EDN map a line, for Knossos, Elle, Porcupine and the like. */

import type { HistoryLine, Note, Operation } from "./history.ts";

type ClientLine = Exclude<HistoryLine, Note>;

/**
 * One line of a history as an EDN map.
 *
 *     {:index 0, :time 10, :process 0, :type :invoke, :f :add, :value ["visits" [1 nil]]}
 *     {:index 1, :time 40, :process 0, :type :ok, :f :add, :value ["visits" [1 5]], :revision 9, …}
 *
 * The value of an add is `[by result]`, that of a write or a read the value; `nil` is what is not known. With `key`, only
 * the operations of that counter are given, and values are not paired with their key; without it they are, as by
 * `jepsen.independent`. Undefined for a line that is about another counter.
 */
export function toEdn(line: HistoryLine, key?: string): string | undefined {
  if (line.p === "nemesis") return map({ ...placeOf(line), ":process": ":nemesis", ...noteOf(line) });
  if (key !== undefined && line.op.key !== key) return undefined;
  const value = toldOf(line);
  return map({
    ...placeOf(line),
    ":process": String(line.p),
    ":type": `:${line.type}`,
    ":f": functionOf(line.op),
    ":value": key === undefined ? `[${text(line.op.key)} ${value}]` : value,
    ...boundsOf(line.op),
    ...answerOf(line),
    ...(line.id === undefined ? {} : { ":id": text(line.id) }),
  });
}

type Fields = Readonly<Record<string, string>>;

function map(fields: Fields): string {
  const pairs = Object.entries(fields).map(([name, value]) => `${name} ${value}`);
  return `{${pairs.join(", ")}}`;
}

function placeOf({ i, t }: HistoryLine): Fields {
  return { ":index": String(i), ":time": String(t) };
}

function functionOf(op: Operation): string {
  if (op.f === "read") return op.stale === true ? ":stale-read" : ":read";
  return op.f === "set" ? ":write" : ":add";
}

function toldOf(line: ClientLine): string {
  const told = line.type === "ok" ? line.value : "nil";
  if (line.op.f === "add") return `[${line.op.by} ${told}]`;
  return line.op.f === "set" ? line.op.value : told;
}

function boundsOf(op: Operation): Fields {
  if (op.f !== "add") return {};
  return {
    ...(op.min === undefined ? {} : { ":min": op.min }),
    ...(op.max === undefined ? {} : { ":max": op.max }),
  };
}

function answerOf(line: ClientLine): Fields {
  if (line.type === "invoke") return {};
  if (line.type !== "ok") return { ":error": keyword(line.error) };
  const { revision, index, term, node, replayed, changed } = line;
  return {
    ":revision": String(revision),
    ":log-index": String(index),
    ":term": String(term),
    ...(node === undefined ? {} : { ":node": text(node) }),
    ...(replayed === undefined ? {} : { ":replayed": "true" }),
    ...(changed === undefined ? {} : { ":changed": "false" }),
  };
}

function noteOf({ type, f, phase, nodes, detail }: Note): Fields {
  return {
    ":type": `:${type}`,
    ":f": keyword(f),
    ":value": `[${nodes.map(text).join(" ")}]`,
    ":phase": keyword(phase),
    ...(detail === undefined ? {} : { ":detail": text(detail) }),
  };
}

/** `LIMIT_REACHED` is `:limit-reached`. */
function keyword(name: string): string {
  return `:${name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-")}`;
}

/** Whatever JSON escapes, EDN escapes the same way. */
function text(value: string): string {
  return JSON.stringify(value);
}
