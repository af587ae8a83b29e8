/** `raftally restore` and `raftally recover`: what is done with a data directory while no node runs on it. */

import { randomBytes } from "node:crypto";
import { defined } from "../base/index.ts";
import { type Json, printExact } from "../client/index.ts";
import {
  isInUse,
  nodeId,
  type Recovery,
  type RecoveryOutlook,
  type Restored,
  recoverDirectory,
  recoveryOutlook,
  restoreBackup,
} from "../node/index.ts";
import { EXIT } from "./commands.ts";
import { wrap } from "./help.ts";
import type { Terminal } from "./output.ts";
import { type Parsed, UsageError } from "./parse.ts";
import { StartRefusal } from "./refusal.ts";
import { reachableOwn } from "./serve-config.ts";
import { type Sole, startLines, whereReached, whereTold } from "./start-line.ts";

/** Errors whose message is a sentence for whoever keeps the data. */
const SENTENCES: ReadonlySet<string> = new Set([
  "BackupError",
  "CorruptionError",
  "IdentityError",
  "NewerFormatError",
  "StorageFailure",
]);

/** Turns the errors of the store that explain themselves into refusals. */
async function explained<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Error && SENTENCES.has(error.name)) throw new StartRefusal(error.message);
    throw error;
  }
}

export async function restore(parsed: Parsed, terminal: Terminal): Promise<number> {
  const [file = ""] = parsed.positionals;
  const { values } = parsed;
  const directory = namedData(parsed, "restore");
  const { id, clusterId, json } = values;
  if (id === undefined)
    throw new UsageError(
      "--id (or RAFTALLY_ID) is needed: the name of the new cluster's first node",
      "restore",
    );
  if (clusterId === undefined) {
    throw new UsageError(
      "--cluster-id (or RAFTALLY_CLUSTER_ID) is needed: a name for the new cluster, which no other has had",
      "restore",
    );
  }
  const { peer, api } = reachableOwn(id, values, "restore");
  const restored = await explained(restoreBackup({ file, directory, clusterId, id: nodeId(id), peer, api }));
  if (json) terminal.out(printExact(restoredJson(restored, directory)));
  else for (const line of showRestored(restored, directory, parsed)) terminal.out(line);
  return EXIT.done;
}

function restoredJson({ identity, backup, base, digest }: Restored, data: string): Json {
  const { clusterId, id } = identity;
  const { counters, revision, meta } = backup;
  const from = { clusterId: backup.clusterId, index: meta.index, term: meta.term };
  return { data, clusterId, id, index: base.index, counters, revision, digest, from };
}

function showRestored(
  { identity, backup, digest }: Restored,
  data: string,
  parsed: Parsed,
): readonly string[] {
  const { clusterId, id } = identity;
  const counters = backup.counters.toLocaleString("en");
  return [
    `${data}: cluster ${clusterId}, whose only member is ${id}`,
    `${counters} counters, revision ${backup.revision}, digest ${digest}, as in the backup of cluster ` +
      `${backup.clusterId} at index ${backup.meta.index}`,
    "",
    ...startLines(soleOf(identity, data), whereTold(parsed)),
    "Then let others join it: raftally serve --join with its peer address, and --join-as voter.",
  ];
}

/** Its only member, as it has to be started. */
function soleOf({ clusterId, id, members }: Restored["identity"], data: string): Sole {
  const self = members.find((member) => member.id === id);
  return { data, clusterId, self: defined(self, "restore: the only member is the node itself") };
}

export async function recover(parsed: Parsed, terminal: Terminal): Promise<number> {
  const directory = namedData(parsed, "recover");
  const { yesLoseData, json } = parsed.values;
  if (isInUse(directory)) {
    throw new StartRefusal(
      `a node runs on ${directory}: stop it first, and only if the majority is lost for good.`,
    );
  }
  const outlook = await explained(recoveryOutlook(directory));
  let clusterId = parsed.values.clusterId;
  // What was interrupted has been agreed to before, and there is no way back from it; nor is there to its cluster id.
  if (outlook !== undefined) {
    clusterId ??= `recovered-${randomBytes(4).toString("hex")}`;
    for (const line of warning(directory, outlook, clusterId)) terminal.error(line);
    if (!yesLoseData && !(await confirmed(terminal))) return EXIT.refused;
  }
  const named = clusterId === undefined ? {} : { clusterId };
  const recovery = await explained(recoverDirectory({ directory, ...named }));
  if (json) terminal.out(printExact(recoveryJson(recovery, directory)));
  else for (const line of showRecovery(recovery, directory)) terminal.out(line);
  return EXIT.done;
}

/** What whoever does this has to know first. */
function warning(
  directory: string,
  { identity, last, knownCommitted, voters }: RecoveryOutlook,
  clusterId: string,
): readonly string[] {
  const { id, clusterId: old } = identity;
  // So many that the rest is no majority.
  const lost = Math.ceil(voters.length / 2);
  const paragraphs = [
    `${directory} is the data directory of ${id}, of cluster ${old} with the voters ${voters.join(", ")}. Its log ends ` +
      `in term ${last.term} at index ${last.index}; up to ${knownCommitted} it knows that it was acknowledged.`,
    "THIS CAN LOSE COUNTS THAT WERE ACKNOWLEDGED. A majority of the voters decides what counts; without one, nobody " +
      "knows what the lost nodes had acknowledged to clients after this node last heard from them. Whatever it was, " +
      "it will be gone, and nothing will tell which counts are too low. Idempotency keys of those writes are gone as " +
      "well, so a client that tries such a write again is counted again.",
    `Do it only if ${lost} of the voters can never come up again with their disks. If they can, start them instead: ` +
      "then nothing is lost. Of several survivors take the one whose log ends in the highest term, and among equals " +
      "at the highest index: run this command on each and answer no, to see where they end.",
    `Afterwards ${id} is the only member of a new cluster called ${clusterId}. No other node of cluster ${old} can ` +
      "ever join it or vote in it: they come back with empty data directories, under new ids.",
    `But cluster ${old} does not know of that. If a majority of its voters ever runs again, it serves and counts on ` +
      "beside the new one, and what clients count there is missing here. Keep the other nodes switched off, or " +
      "delete their data directories.",
  ];
  return paragraphs.flatMap((paragraph) => [...wrap(paragraph, 0), ""]);
}

async function confirmed(terminal: Terminal): Promise<boolean> {
  const answer = await terminal.ask?.('Type "yes" to do it: ');
  if (answer?.trim() === "yes") return true;
  const why = answer === undefined ? ": nobody can be asked here, so say --yes-lose-data." : ".";
  terminal.error(`Nothing was done${why}`);
  return false;
}

function recoveryJson(recovery: Recovery, data: string): Json {
  const { identity, previous, base, knownCommitted, unconfirmed, wasVoter, counters, revision, digest } =
    recovery;
  const { clusterId, id } = identity;
  const removed = recovery.removed.map((member) => ({ ...member }));
  const from = { clusterId: previous.clusterId, knownCommitted, unconfirmed, wasVoter };
  return { data, clusterId, id, index: base.index, counters, revision, digest, from, removed };
}

function showRecovery(recovery: Recovery, data: string): readonly string[] {
  const { identity, previous, base, knownCommitted, unconfirmed, wasVoter, counters, revision, digest } =
    recovery;
  const { clusterId, id } = identity;
  const sole = soleOf(identity, data);
  const gone = recovery.removed.map((member) => member.id).join(", ");
  return [
    `${recovery.resumed ? "Finished what was begun before. " : ""}${data}: cluster ${clusterId}, whose only member is ${id}`,
    `kept: every entry up to index ${base.index}, ${counters.toLocaleString("en")} counters, revision ${revision}, digest ${digest}`,
    `known to have been acknowledged: up to index ${knownCommitted}` +
      (unconfirmed === 0
        ? ""
        : `; ${unconfirmed} more were kept of which nobody here knows whether they were`),
    ...(wasVoter
      ? []
      : [`${id} had no vote in cluster ${previous.clusterId}: it may be further behind than a voter`]),
    `can never join: ${gone === "" ? `whatever is left of cluster ${previous.clusterId}` : gone}`,
    "",
    ...startLines(sole, whereReached(sole.self)),
    ...wrap(
      "Then take a backup, and let others join it with empty directories and new ids: raftally serve --join with its " +
        "peer address, and --join-as voter.",
      0,
    ),
  ];
}

/** The default must not be what is changed for good by leaving a word out. */
function namedData(parsed: Parsed, command: string): string {
  if (parsed.source("data") !== "default") return parsed.values.data;
  throw new UsageError("--data (or RAFTALLY_DATA) is needed: the data directory", command);
}
