/** `node chaos/to-edn.ts FILE [--key KEY]`: a kept history as EDN on standard output, for other checkers. */

import { once } from "node:events";
import { parseArgs } from "node:util";
import { toEdn } from "./edn.ts";
import { linesOf } from "./history-reader.ts";
import { HistoryError, parseLine } from "./history-schema.ts";

const USAGE = "usage: node chaos/to-edn.ts FILE [--key KEY] > history.edn";

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({ options: { key: { type: "string" } }, allowPositionals: true });
  const [file, ...others] = positionals;
  if (file === undefined || others.length > 0) {
    process.stderr.write(`${USAGE}\n`);
    return 2;
  }
  let at = 0;
  for (const line of linesOf(file)) {
    const edn = toEdn(parseLine(line, at++), values.key);
    if (edn !== undefined && !process.stdout.write(`${edn}\n`)) await once(process.stdout, "drain");
  }
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof HistoryError || (error instanceof Error && "code" in error))) throw error;
  process.stderr.write(`${error.message}\n${USAGE}\n`);
  process.exitCode = 2;
}
