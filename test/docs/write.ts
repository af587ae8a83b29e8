/**
 * Writes what is generated in docs/: `npm run docs`. A test compares it with what lies there.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { apiMarkdown } from "../../src/api/docs-markdown.ts";
import { openApiDocument } from "../../src/api/openapi.ts";

/** docs/api.md as it should be. */
export function generatedApi(): string {
  const manifest = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  const { version } = JSON.parse(manifest) as { readonly version: string };
  return apiMarkdown(openApiDocument(version));
}

export const API_FILE: string = fileURLToPath(new URL("../../docs/api.md", import.meta.url));

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(API_FILE, generatedApi());
