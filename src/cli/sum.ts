/** `raftally sum`: the counters below a prefix, summed up, and by groups. */

import { printExact } from "../client/index.ts";
import { asking, clientFor, given } from "./ask.ts";
import { EXIT } from "./commands.ts";
import { type Column, type Terminal, table } from "./output.ts";
import type { Parsed } from "./parse.ts";

const COLUMNS: readonly Column[] = [
  { title: "prefix", widthMax: 60 },
  { title: "sum", align: "right" },
  { title: "counters", align: "right" },
];

export async function sum(parsed: Parsed, terminal: Terminal): Promise<number> {
  const [prefix = ""] = parsed.positionals;
  const { depth, consistency, minIndex, json } = parsed.values;
  return asking(parsed, terminal, "sum up counters", async () => {
    const scope = { prefix: prefix === "" ? undefined : prefix, depth: depth === 0 ? undefined : depth };
    const asked = { consistency, ...given({ ...scope, minIndex }) };
    const found = await clientFor(parsed.values).sum(asked);
    if (json) {
      terminal.out(printExact({ ...found, groups: found.groups.map((group) => ({ ...group })) }));
      return EXIT.done;
    }
    if (depth === 0) terminal.out(String(found.sum));
    else {
      const groups = found.groups.map((group) => [
        group.prefix,
        String(group.sum),
        group.counters.toLocaleString("en"),
      ]);
      const total = ["(all)", String(found.sum), found.counters.toLocaleString("en")];
      for (const line of table(COLUMNS, [...groups, total])) terminal.out(line);
    }
    if (found.counters === 0)
      terminal.error(prefix === "" ? "There are no counters yet." : `No key begins with "${prefix}".`);
    if (found.more) terminal.error("(there are more groups than are shown; the sum is of all)");
    return EXIT.done;
  });
}
