/** `raftally watch`: a line for each change, until Ctrl-C. */

import { type Json, printExact, type WatchEvent } from "../client/index.ts";
import { asking, clientFor, given } from "./ask.ts";
import { EXIT } from "./commands.ts";
import { printable, type Terminal } from "./output.ts";
import { type Parsed, UsageError } from "./parse.ts";
import { onStopSignal } from "./signals.ts";

export async function watch(parsed: Parsed, terminal: Terminal): Promise<number> {
  const [key] = parsed.positionals;
  const { prefix, after, limit = Number.POSITIVE_INFINITY, consistency, json } = parsed.values;
  if (key !== undefined && prefix !== "") {
    throw new UsageError("give either KEY or --prefix, not both", "watch");
  }
  const subject = key !== undefined ? `"${key}"` : prefix === "" ? "all counters" : `"${prefix}…"`;
  const stop = new AbortController();
  const undo = onStopSignal(() => stop.abort());
  try {
    return await asking(parsed, terminal, `watch ${subject}`, async () => {
      const events = clientFor(parsed.values).watch({
        ...given({ key, prefix: prefix === "" ? undefined : prefix, after }),
        consistency,
        signal: stop.signal,
        onConnection: (connection) => {
          if (json || connection.kind === "connected") return;
          terminal.error(`(${connection.url} is lost: ${connection.reason}; going on at another node)`);
        },
      });
      let changes = 0;
      for await (const event of events) {
        if (json) terminal.out(printExact(jsonOf(event)));
        else print(event, key, terminal);
        if (event.kind === "change" && ++changes >= limit) break;
      }
      return EXIT.done;
    });
  } finally {
    undo();
  }
}

function print(event: WatchEvent, key: string | undefined, terminal: Terminal): void {
  switch (event.kind) {
    case "open":
      if (event.counter?.exists === true) terminal.out(String(event.counter.value));
      else terminal.error(`(watching from revision ${event.revision} on)`);
      return;
    case "resync":
      terminal.error(`(changes may have been missed: ${printable(event.reason)})`);
      return;
    case "change": {
      const value = event.deleted ? "deleted" : String(event.value);
      // The value first, for it holds no spaces and a key may.
      terminal.out(key === undefined ? `${value} ${printable(event.key)}` : value);
    }
  }
}

function jsonOf(event: WatchEvent): Json {
  if (event.kind !== "open") return { ...event };
  const { counter, ...rest } = event;
  return { ...rest, ...counter };
}
