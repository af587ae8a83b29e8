/** `raftally local`: asks the launcher of a cluster with `--chaos`. */

import { type Json, printExact } from "../../client/index.ts";
import { storedPlan } from "../cluster-file.ts";
import { EXIT } from "../commands.ts";
import { type Column, printable, type Terminal, table } from "../output.ts";
import type { Parsed } from "../parse.ts";
import { StartRefusal } from "../refusal.ts";
import { localDoor } from "../rolling-restart-control.ts";
import type { Action, LocalDone, LocalView } from "./words.ts";

/** Wiping kills a process and deletes its data before it answers. */
const ANSWER_MS = 30_000;

type Runner = (parsed: Parsed, terminal: Terminal) => Promise<number>;

export async function localStatus(parsed: Parsed, terminal: Terminal): Promise<number> {
  const view = await ask<LocalView>(parsed, terminal, { method: "GET", path: "/v1/local" });
  if (view === undefined) return EXIT.failed;
  if (parsed.values.json) terminal.out(printExact(view as unknown as Json, 2));
  else for (const line of showView(view)) terminal.out(line);
  return EXIT.done;
}

export function localAction(action: Action): Runner {
  return async (parsed, terminal) => {
    const [node = ""] = parsed.positionals;
    const path = `/v1/local/nodes/${encodeURIComponent(node)}/${action}`;
    return report(await ask<LocalDone>(parsed, terminal, { method: "POST", path }), parsed, terminal);
  };
}

export async function localCut(parsed: Parsed, terminal: Terminal): Promise<number> {
  const groups = parsed.positionals.map((group) => group.split(",").map((id) => id.trim()));
  return putLinks({ groups, oneWay: parsed.values.oneWay }, parsed, terminal);
}

export async function localHeal(parsed: Parsed, terminal: Terminal): Promise<number> {
  return putLinks({ groups: [] }, parsed, terminal);
}

async function putLinks(links: object, parsed: Parsed, terminal: Terminal): Promise<number> {
  const asked = { method: "PUT", path: "/v1/local/links", body: JSON.stringify(links) };
  return report(await ask<LocalDone>(parsed, terminal, asked), parsed, terminal);
}

function report(done: LocalDone | undefined, { values }: Parsed, { out }: Terminal): number {
  if (done === undefined) return EXIT.failed;
  out(values.json ? printExact({ ...done }) : printable(done.detail));
  return EXIT.done;
}

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly body?: string;
}

/**
 * The launcher's answer; undefined if it refused, which is then told.
 * @throws {StartRefusal} if no launcher runs there, or one without `--chaos`.
 */
async function ask<T>(
  parsed: Parsed,
  { error }: Terminal,
  { method, path, body }: Asked,
): Promise<T | undefined> {
  const { data, json } = parsed.values;
  if (storedPlan(data) === undefined) {
    throw new StartRefusal(`${data} holds no local cluster: name the directory of one with --data.`);
  }
  const { url, token } = localDoor(data);
  let answer: Response;
  try {
    answer = await fetch(`${url}${path}`, {
      method,
      headers: { Authorization: `Bearer ${token}` },
      redirect: "error",
      signal: AbortSignal.timeout(ANSWER_MS),
      ...(body === undefined ? {} : { body }),
    });
  } catch {
    throw notThere(data);
  }
  const text = await answer.text();
  // The file of a launcher that was killed stays behind, and another program may have its port by now.
  if (answer.status === 401) throw notThere(data);
  const content = parse(text);
  if (content === undefined) throw notThere(data);
  if (answer.ok) return content as T;
  error(
    json ? text.trim() : `raftally: ${printable(String(content["detail"] ?? `status ${answer.status}`))}`,
  );
  return undefined;
}

function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const content: unknown = JSON.parse(text);
    return typeof content === "object" && content !== null ? { ...content } : undefined;
  } catch {
    return undefined;
  }
}

function notThere(data: string): StartRefusal {
  return new StartRefusal(
    `no launcher runs the cluster in ${data}: raftally cluster --chaos --data ${data} starts it (and npm start the one in ./data).`,
  );
}

const COLUMNS: readonly Column[] = [
  { title: "node" },
  { title: "process" },
  { title: "pid", align: "right" },
  { title: "url" },
  { title: "" },
];

function showView({ nodes, links }: LocalView): readonly string[] {
  const rows = nodes.map(({ id, state, pid, api, backInMs, replaces, progress }) => {
    const back = backInMs === undefined ? [] : [`started again in ${Math.ceil(backInMs / 1_000)} s`];
    const exchange = replaces === undefined ? [] : [progress ?? `is to take the place of ${replaces}`];
    return [id, state, pid === undefined ? "" : String(pid), api, [...back, ...exchange].join("; ")];
  });
  const pairs = [
    ...links.cut.map(([a, b]) => `${a} and ${b}`),
    ...links.oneWay.map(([a, b]) => `from ${a} to ${b} only`),
  ];
  const cuts = pairs.length === 0 ? "No link is cut." : `Links that are cut: ${pairs.join(", ")}.`;
  return [...table(COLUMNS, rows), "", cuts];
}
