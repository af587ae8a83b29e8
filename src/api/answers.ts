/**
 * Answers as text. Values are bigint and keys are short, so the JSON is put together by hand: nothing is
 * rounded, and the common answers cost no more than a string.
 */

import type { Changed, CounterRow } from "../counter/index.ts";
import type { MemberStatus, MembershipPlan, MembershipResult, NodeStatus } from "../node/index.ts";

/** Which entry of the log an answer belongs to. */
export interface Position {
  readonly index: number;
  readonly term: number;
}

/** Nearly all keys: JSON has them as they are. */
const PLAIN = /^[ !#-[\]-~]*$/;

function quoted(key: string): string {
  return PLAIN.test(key) ? `"${key}"` : JSON.stringify(key);
}

function fieldsOf(row: CounterRow): string {
  return `"key":${quoted(row.key)},"value":${row.value},"revision":${row.revision}`;
}

function placeOf(at: Position): string {
  return `"index":${at.index},"term":${at.term}`;
}

/** Of an increment, a set and a delete. */
export function changedText(changed: Changed, at: Position): string {
  return `{${fieldsOf(changed)},"changed":${changed.changed},${appliedText(changed)}${placeOf(at)}}`;
}

/** Of an add that saturates. */
function appliedText({ applied }: Changed): string {
  return applied === undefined ? "" : `"applied":${applied},`;
}

/** Of handing out numbers: the last `count` of them up to the counter's value are the caller's alone. */
export function allocatedText({ key, value, revision }: Changed, count: bigint, at: Position): string {
  const range = `"from":${value - count + 1n},"to":${value},"count":${count}`;
  return `{"key":${JSON.stringify(key)},${range},"value":${value},"revision":${revision},${placeOf(at)}}`;
}

/**
 * Of a batch. A thousand results are put together piece by piece: templates within a template, or texts joined
 * afterwards, take half as long again until the whole is flat.
 */
export function batchText(results: readonly Changed[], at: Position): string {
  const beginnings = new Map<string, string>();
  let list = "";
  for (const { key, value, revision, changed, applied } of results) {
    let beginning = beginnings.get(key);
    if (beginning === undefined) {
      beginning = `{"key":${quoted(key)},"value":`;
      beginnings.set(key, beginning);
    }
    if (list !== "") list += ",";
    list += beginning;
    list += digitsOf(value);
    list += ',"revision":';
    list += revision;
    list += changed ? ',"changed":true' : ',"changed":false';
    if (applied !== undefined) list += `,"applied":${applied}`;
    list += "}";
  }
  return `{"results":[${list}],${placeOf(at)}}`;
}

/** Most values are exact in a double, whose digits are found sooner. */
function digitsOf(value: bigint): string {
  const small = Number(value);
  return Number.isSafeInteger(small) ? `${small}` : `${value}`;
}

/** Of reading one counter. @param ageMs for a stale read, and if it is known. */
export function counterText(row: CounterRow, at: Position, ageMs: number | undefined): string {
  return `{${fieldsOf(row)},${placeOf(at)}${ageText(ageMs)}}`;
}

export interface Page {
  readonly rows: readonly CounterRow[];
  /** The cursor of the next page. */
  readonly next: string | undefined;
  /** For a stale read, and if it is known. */
  readonly ageMs: number | undefined;
}

/** Of listing counters. */
export function pageText(page: Page, at: Position): string {
  const list = page.rows.map((row) => `{${fieldsOf(row)}}`);
  const next = page.next === undefined ? "" : `"next":${JSON.stringify(page.next)},`;
  return `{"counters":[${list.join(",")}],${next}${placeOf(at)}${ageText(page.ageMs)}}`;
}

export interface Sum {
  readonly total: GroupSum;
  readonly groups: readonly GroupSum[];
  readonly more: boolean;
}

/** Any prefix that ends a group, or none: the sum is exact and may leave the range of a counter. */
export interface GroupSum {
  readonly prefix: string;
  readonly sum: bigint;
  readonly counters: number;
}

/** Of summing up. */
export function sumText({ total, groups, more }: Sum, at: Position, ageMs: number | undefined): string {
  const list = groups.map((group) => `{${groupFields(group)}}`).join(",");
  return `{${groupFields(total)},"groups":[${list}],"more":${more},${placeOf(at)}${ageText(ageMs)}}`;
}

function groupFields({ prefix, sum, counters }: GroupSum): string {
  return `"prefix":${JSON.stringify(prefix)},"sum":${sum},"counters":${counters}`;
}

export interface Selection {
  readonly rows: readonly CounterRow[];
  readonly more: boolean;
}

/** Of an expression. `more` is only there if counters are missing. */
export function selectionText({ rows, more }: Selection, at: Position, ageMs: number | undefined): string {
  const list = rows.map((row) => `{${fieldsOf(row)}}`).join(",");
  return `{"counters":[${list}],${more ? '"more":true,' : ""}${placeOf(at)}${ageText(ageMs)}}`;
}

/** Of opening a session. */
export function sessionText(session: number, at: Position): string {
  return `{"session":${session},${placeOf(at)}}`;
}

/** Of GET /v1/cluster: what is not known is left out. */
export function statusText(status: NodeStatus): string {
  return JSON.stringify(status);
}

function ageText(ageMs: number | undefined): string {
  return ageMs === undefined ? "" : `,"ageMs":${Math.round(ageMs)}`;
}

/** Of GET /v1/cluster/members. What is not known is left out. */
export function membersText(members: readonly MemberStatus[], { id, leader }: NodeStatus): string {
  return JSON.stringify({ members, seenBy: id, leader });
}

/** Of a change of the membership that is in force. */
export function changeText({ index, configuration }: Extract<MembershipResult, { kind: "changed" }>): string {
  return JSON.stringify({ index, configuration });
}

/** Of `?dryRun=true`. */
export function planText({ before, after, refusal }: MembershipPlan): string {
  const { code, detail, retryAfterMs } = refusal ?? {};
  return JSON.stringify({
    dryRun: true,
    before,
    after,
    refusal: refusal === undefined ? undefined : { code, detail, retryAfterMs },
  });
}

/** Of handing over leadership. */
export function transferText(id: string, url: string): string {
  return JSON.stringify({ leader: { id, url } });
}
