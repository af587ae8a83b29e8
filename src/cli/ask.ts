/** Subcommands that ask a running cluster: incr, get, list, health. */

import { type Counter, type Json, printExact, RaftallyClient } from "../client/index.ts";
import { EXIT } from "./commands.ts";
import { GaveUp } from "./gave-up.ts";
import type { OptionValues } from "./options.ts";
import { explain, printExplanation, type Terminal, table } from "./output.ts";
import type { Parsed } from "./parse.ts";

export function clientFor({ url, timeout, token }: OptionValues): RaftallyClient {
  return new RaftallyClient({ urls: url, timeoutMs: timeout, ...given({ token }) });
}

/** Runs `action`; a failure is explained, in JSON where JSON was asked for. */
export async function asking(
  parsed: Parsed,
  terminal: Terminal,
  doing: string,
  action: () => Promise<number>,
): Promise<number> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof GaveUp) {
      const { what: detail } = error.explanation;
      if (parsed.values.json)
        terminal.error(printExact({ code: "GAVE_UP", detail, why: error.explanation.why }));
      else printExplanation(terminal, error.explanation);
      return error.explanation.exitCode;
    }
    const explanation = explain(doing, error);
    if (parsed.values.json) terminal.error(printExact(errorAsJson(error)));
    else printExplanation(terminal, explanation);
    return explanation.exitCode;
  }
}

function errorAsJson(error: unknown): Json {
  const { code, outcome, message, idempotencyKey, position } = error as Record<string, Json | undefined>;
  return { code, outcome, detail: message, idempotencyKey, position };
}

export async function incr(parsed: Parsed, terminal: Terminal): Promise<number> {
  const [key = ""] = parsed.positionals;
  const { by, min, max, onLimit, once, idempotencyKey, json } = parsed.values;
  const doing = by < 0n ? `take ${-by} from "${key}"` : `add ${by} to "${key}"`;
  return asking(parsed, terminal, doing, async () => {
    const saturates = onLimit === "saturate" ? onLimit : undefined;
    const change = { by, ...given({ min, max, once, onLimit: saturates }) };
    const result = await clientFor(parsed.values).increment(key, change, given({ idempotencyKey }));
    if (json) terminal.out(printExact({ ...result }));
    else terminal.out(String(result.value));
    if (!json && result.replayed)
      terminal.error("(counted before: this is the outcome of the first attempt)");
    const { applied = by } = result;
    if (!json && result.changed && applied !== by)
      terminal.error(`(only ${applied} of ${by} could be added)`);
    if (!json && !result.changed) terminal.error("(nothing changed)");
    return EXIT.done;
  });
}

/** Without the fields that are undefined: an optional field is absent, not undefined. */
export function given<T extends object>(fields: T): { [Name in keyof T]?: Exclude<T[Name], undefined> } {
  const present = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(present) as { [Name in keyof T]?: Exclude<T[Name], undefined> };
}

export async function get(parsed: Parsed, terminal: Terminal): Promise<number> {
  const [key = ""] = parsed.positionals;
  const { consistency, minIndex, json } = parsed.values;
  return asking(parsed, terminal, `read "${key}"`, async () => {
    const reading = await clientFor(parsed.values).get(key, { consistency, ...given({ minIndex }) });
    if (reading === undefined) {
      if (json) terminal.error(printExact({ code: "COUNTER_NOT_FOUND", outcome: "not-applied" }));
      else {
        const why = "it has never been written, or was deleted";
        const advice = "raftally list shows the counters that exist";
        printExplanation(terminal, { what: `There is no counter "${key}".`, why, try: advice, exitCode: 1 });
      }
      return EXIT.failed;
    }
    terminal.out(json ? printExact({ ...reading }) : String(reading.value));
    return EXIT.done;
  });
}

/** The most that a page holds. */
const PAGE_MAX = 1_000;
/** The values stand in a column, unless their key is longer. */
const KEY_WIDTH_MAX = 60;

export async function list(parsed: Parsed, terminal: Terminal): Promise<number> {
  const { prefix, match, order, limit, consistency, minIndex, json } = parsed.values;
  return asking(parsed, terminal, "list counters", async () => {
    const wanted = limit ?? Number.POSITIVE_INFINITY;
    const options = {
      ...(prefix === "" ? {} : { prefix }),
      ...given({ match, minIndex, order: order === "key" ? undefined : order }),
      limit: Math.min(wanted, PAGE_MAX),
      consistency,
    };
    const found: Counter[] = [];
    for await (const counter of clientFor(parsed.values).counters(options)) {
      found.push(counter);
      if (found.length >= wanted) break;
    }
    if (json) {
      for (const { key, value, revision } of found) terminal.out(printExact({ key, value, revision }));
    } else if (found.length === 0) {
      const none = prefix === "" ? "There are no counters yet." : `No key begins with "${prefix}".`;
      terminal.error(match === undefined ? none : `No key matches "${match}".`);
    } else {
      const rows = found.map(({ key, value }) => [key, String(value)]);
      const columns = [
        { title: "key", widthMax: KEY_WIDTH_MAX },
        { title: "value", align: "right" },
      ] as const;
      for (const line of table(columns, rows)) terminal.out(line);
    }
    return EXIT.done;
  });
}

/** Exit code 0 or 1, and the node's own words on why not. */
export async function health(parsed: Parsed, terminal: Terminal): Promise<number> {
  const { url, timeout, live } = parsed.values;
  const probe = `${url[0]}/${live ? "livez" : "readyz"}`;
  try {
    const response = await fetch(probe, { signal: AbortSignal.timeout(timeout), redirect: "error" });
    const text = (await response.text()).trim();
    if (response.status === 200) {
      terminal.out(text);
      return EXIT.done;
    }
    terminal.error(text === "" ? `${probe} answered ${response.status}` : text);
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const reason = cause instanceof Error ? cause.message : String(cause);
    terminal.error(`${probe} did not answer: ${reason}`);
  }
  return EXIT.failed;
}
