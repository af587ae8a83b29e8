/** When a node may begin as the only member of a new cluster. */

import { holdsNothing } from "../node/index.ts";
import { StartRefusal } from "./refusal.ts";
import type { ServeConfig } from "./serve-config.ts";

/**
 * A node that begins alone has nobody who could tell it that it was a member before. So a directory that holds nothing
 * may mean a first start or a lost disk, and only the operator knows which.
 * @returns `idle`: `--new-cluster` was said of a directory that holds a node already.
 * @throws {IdentityError} (rejects) the directory cannot be read.
 * @throws {StartRefusal} (rejects) it would begin alone, and nobody said that it shall.
 */
export async function checkFounding(
  config: Pick<ServeConfig, "id" | "data" | "join" | "members" | "newCluster">,
): Promise<{ readonly idle: boolean }> {
  const { id, data, join, members, newCluster } = config;
  const isAlone = join === undefined && members.length === 1;
  if (!isAlone) return { idle: false };
  // What cannot be looked at is refused later, by whoever writes there.
  if (newCluster) return { idle: !(await holdsNothing(data).catch(() => true)) };
  if (await holdsNothing(data)) throw new StartRefusal(lostOrNew(id, data));
  return { idle: false };
}

function lostOrNew(id: string, data: string): string {
  return (
    `the data directory ${data} holds no node. If ${id} shall begin a new cluster of one, add --new-cluster this once; ` +
    `to join a running cluster, use --join. If ${id} was a member before, its disk is lost, or is not mounted: do not ` +
    "begin it anew, but start a fresh node under a new id with `raftally serve --join`, and put it in the place of " +
    `${id} with \`raftally member replace\`.`
  );
}
