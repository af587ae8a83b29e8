/** Subcommands that change a counter otherwise than by adding: set, delete, allocate. */

import { type Incremented, printExact } from "../client/index.ts";
import { asking, clientFor, given } from "./ask.ts";
import { EXIT } from "./commands.ts";
import { int64 } from "./option.ts";
import type { Terminal } from "./output.ts";
import { type Parsed, UsageError } from "./parse.ts";

export async function set(parsed: Parsed, terminal: Terminal): Promise<number> {
  const [key = "", text = ""] = parsed.positionals;
  const value = numberOf(parsed, "VALUE", text);
  const { ifRevision, ifAbsent, ifExists, idempotencyKey } = parsed.values;
  if ([ifRevision !== undefined, ifAbsent, ifExists].filter((is) => is).length > 1) {
    throw new UsageError("give one of --if-revision, --if-absent and --if-exists, not several", "set");
  }
  return asking(parsed, terminal, `set "${key}" to ${value}`, async () => {
    const condition = ifAbsent ? { ifAbsent } : ifExists ? { ifExists } : given({ ifRevision });
    const options = { ...condition, ...given({ idempotencyKey }) };
    const result = await clientFor(parsed.values).set(key, value, options);
    return printChanged(parsed, terminal, result);
  });
}

export async function remove(parsed: Parsed, terminal: Terminal): Promise<number> {
  const [key = ""] = parsed.positionals;
  const { ifRevision, ifExists, idempotencyKey } = parsed.values;
  if (ifRevision !== undefined && ifExists) {
    throw new UsageError("give either --if-revision or --if-exists, not both", "delete");
  }
  if (ifRevision === 0) {
    throw new UsageError("--if-revision must be at least 1: what does not exist cannot be deleted", "delete");
  }
  return asking(parsed, terminal, `delete "${key}"`, async () => {
    const options = { ...(ifExists ? { ifExists } : {}), ...given({ ifRevision, idempotencyKey }) };
    const result = await clientFor(parsed.values).delete(key, options);
    return printChanged(parsed, terminal, result);
  });
}

function printChanged({ values }: Parsed, terminal: Terminal, result: Incremented): number {
  if (values.json) {
    terminal.out(printExact({ ...result }));
    return EXIT.done;
  }
  terminal.out(String(result.value));
  if (result.replayed) terminal.error("(done before: this is the outcome of the first attempt)");
  if (!result.changed) terminal.error("(nothing changed)");
  return EXIT.done;
}

export async function allocate(parsed: Parsed, terminal: Terminal): Promise<number> {
  const [key = "", text = ""] = parsed.positionals;
  const count = numberOf(parsed, "COUNT", text);
  const { max, idempotencyKey, json } = parsed.values;
  return asking(parsed, terminal, `take ${count} numbers of "${key}"`, async () => {
    const result = await clientFor(parsed.values).allocate(key, count, given({ max, idempotencyKey }));
    terminal.out(json ? printExact({ ...result }) : `${result.from} ${result.to}`);
    if (!json && result.replayed) terminal.error("(taken before: this is the outcome of the first attempt)");
    return EXIT.done;
  });
}

function numberOf(parsed: Parsed, word: string, text: string): bigint {
  const read = int64(text);
  if (read.ok) return read.value;
  throw new UsageError(`${word} must be ${read.expected}; it is "${text}"`, parsed.command.name);
}
