/**
 * Says which answers of the OpenAPI document the tests of the interface have seen, and which never:
 *
 *     RAFTALLY_CONTRACT_SEEN=seen.txt npx vitest run test/api && node test/api/contract-report.ts seen.txt
 */

import { readFileSync } from "node:fs";
import { answersOf } from "../../src/api/docs-view.ts";
import { openApiDocument } from "../../src/api/openapi.ts";
import { ANY_HEADERS } from "../../src/api/openapi-shared.ts";

/** Of every answer that is described: route and status, and with these each media type and each header of its own. */
export function describedAnswers(): readonly string[] {
  const document = openApiDocument("");
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).flatMap(([method, operation]) =>
      answersOf(document, operation).flatMap(([status, { content = {}, headers }]) => {
        const name = `${method.toUpperCase()} ${path} ${status}`;
        const own = Object.keys(headers).filter((header) => !ANY_HEADERS.includes(header));
        return [
          name,
          ...Object.keys(content).map((type) => `${name} ${type}`),
          ...own.map((header) => `${name} with ${header.toLowerCase()}`),
        ];
      }),
    ),
  );
}

/** Those that are not in `seen`, by route: the statuses, and what goes with them. */
export function neverSeen(seen: ReadonlySet<string>): ReadonlyMap<string, readonly string[]> {
  const missing = new Map<string, string[]>();
  for (const answer of describedAnswers().filter((one) => !seen.has(one))) {
    const [method, path, ...rest] = answer.split(" ");
    const route = `${method} ${path}`;
    missing.set(route, [...(missing.get(route) ?? []), rest.join(" ")]);
  }
  return missing;
}

const [, script = "", file] = process.argv;
if (script.endsWith("contract-report.ts") && file !== undefined) {
  const seen = new Set(readFileSync(file, "utf8").trim().split("\n"));
  const missing = neverSeen(seen);
  const all = describedAnswers().length;
  const never = [...missing.values()].flat().length;
  console.log(
    `${all - never} of ${all} described answers were seen (routes with their statuses, and their media types and headers). Never:`,
  );
  for (const [route, statuses] of missing) console.log(`  ${route}: ${statuses.join(" ")}`);
}
