/** All mutants and all changes that are known to alter nothing, with their patches. */

import { readFileSync } from "node:fs";
import { COUNTING } from "./catalogue/counting.ts";
import { DURABILITY } from "./catalogue/durability.ts";
import { ELECTIONS } from "./catalogue/elections.ts";
import { EQUIVALENTS } from "./catalogue/equivalents.ts";
import { MEMBERSHIP } from "./catalogue/membership.ts";
import { NODE } from "./catalogue/node.ts";
import { READS } from "./catalogue/reads.ts";
import { REPLICATION } from "./catalogue/replication.ts";
import { SNAPSHOTS } from "./catalogue/snapshots.ts";
import { STORE } from "./catalogue/store.ts";
import { WATCHING } from "./catalogue/watching.ts";
import type { Mutant } from "./mutant.ts";
import { type FilePatch, parsePatch } from "./patch.ts";

export { EQUIVALENTS };

export const MUTANTS: readonly Mutant[] = [
  ...ELECTIONS,
  ...DURABILITY,
  ...REPLICATION,
  ...READS,
  ...MEMBERSHIP,
  ...SNAPSHOTS,
  ...COUNTING,
  ...NODE,
  ...STORE,
  ...WATCHING,
];

/** The folder of the patches. */
export const PATCHES: URL = new URL("patches/", import.meta.url);

/** @throws {PatchError} if it is no unified diff. */
export function patchOf({ name }: { readonly name: string }): readonly FilePatch[] {
  return parsePatch(readFileSync(new URL(`${name}.patch`, PATCHES), "utf8"));
}
