/** What this program is called and which version it is. */

import { readFileSync } from "node:fs";

/** The version in package.json, which lies two folders above this file in the sources and when packed. */
export function version(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  const { version: found } = JSON.parse(text) as { version?: unknown };
  return typeof found === "string" ? found : "unknown";
}
