/**
 * Says which answers of the OpenAPI document the tests of the interface have seen, and which never:
 *
 *     RAFTALLY_CONTRACT_SEEN=seen.txt npx vitest run test/api && node test/api/contract-report.ts seen.txt
 */

import { readFileSync } from "node:fs";
import { openApiDocument } from "../../src/api/openapi.ts";

/** Route and status of every answer that is described. */
export function describedAnswers(): readonly string[] {
  return Object.entries(openApiDocument("").paths).flatMap(([path, item]) =>
    Object.entries(item).flatMap(([method, { responses }]) =>
      Object.keys(responses).map((status) => `${method.toUpperCase()} ${path} ${status}`),
    ),
  );
}

/** Those that are not in `seen`, by route: the statuses. */
export function neverSeen(seen: ReadonlySet<string>): ReadonlyMap<string, readonly string[]> {
  const missing = new Map<string, string[]>();
  for (const answer of describedAnswers().filter((one) => !seen.has(one))) {
    const [method, path, status = ""] = answer.split(" ");
    const route = `${method} ${path}`;
    missing.set(route, [...(missing.get(route) ?? []), status]);
  }
  return missing;
}

const [, script = "", file] = process.argv;
if (script.endsWith("contract-report.ts") && file !== undefined) {
  const seen = new Set(readFileSync(file, "utf8").trim().split("\n"));
  const missing = neverSeen(seen);
  const all = describedAnswers().length;
  const never = [...missing.values()].flat().length;
  console.log(`${all - never} of ${all} described answers (route and status) were seen. Never:`);
  for (const [route, statuses] of missing) console.log(`  ${route}: ${statuses.join(" ")}`);
}
