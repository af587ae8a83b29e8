/**
 * A process that gives a counter `count` members and deletes it, all in one transaction. Prints the digest of
 * what is left. Run with a small heap, it ends by itself if that takes memory for every member.
 */

import { applyPayload, type Change, EMPTY_TOTALS, LIMITS } from "../../src/counter/index.ts";
import { createState, openToWrite } from "../../src/store/sqlite-schema.ts";
import { SqliteTable } from "../../src/store/sqlite-table.ts";
import { CLUSTER, INITIAL } from "./state-log.ts";

const [path = "", count = "0"] = process.argv.slice(2);
const database = openToWrite(path);
createState(database, CLUSTER, INITIAL);
const table = new SqliteTable(database, EMPTY_TOTALS);

function perform(...changes: readonly Change[]): void {
  const items = changes.map((change) => ({ kind: "command", command: { operation: change } }) as const);
  applyPayload(table, { elapsed: 1, items }, LIMITS);
}

database.transaction(() => {
  for (let from = 0; from < Number(count); from += 1_000) {
    const members = Array.from({ length: 1_000 }, (_, at) => `member-${String(from + at).padStart(9, "0")}`);
    perform(...members.map((once) => ({ kind: "add", key: "k", by: 1n, once }) as const));
  }
  perform({ kind: "delete", key: "k" });
  table.flush();
})();
const left = database.prepare("SELECT count(*) FROM members").pluck().get();
database.close();
process.stdout.write(`${left} members, digest ${table.totals().digest}\n`);
