/** Every target, the quick ones last: a run is over when its slowest is. */

import type { Target } from "../target.ts";
import { clientAnswers } from "./answers.ts";
import { clusterFile, commandLine } from "./cli.ts";
import { clientEvents } from "./client-events.ts";
import { conversations } from "./conversations.ts";
import { handshakeWords } from "./handshake-words.ts";
import { headerValues } from "./header-values.ts";
import { http } from "./http.ts";
import { httpWire } from "./http-wire.ts";
import { identity } from "./identity.ts";
import { jsonText } from "./json.ts";
import { logDamage, logHostile } from "./log-files.ts";
import { logRecords } from "./log-records.ts";
import { backupHeader, snapshotManifest } from "./manifests.ts";
import { payloads } from "./payloads.ts";
import { peerPackets } from "./peer-packets.ts";
import { peerStream } from "./peer-stream.ts";
import { runningNode } from "./running-node.ts";
import { snapshotFetch, snapshotOffers } from "./snapshot-transfer.ts";
import { backupFile, snapshotReceive, stateFile } from "./state-files.ts";

export const TARGETS: readonly Target[] = [
  runningNode,
  httpWire,
  http,
  snapshotReceive,
  backupFile,
  stateFile,
  snapshotFetch,
  logDamage,
  logHostile,
  conversations,
  clusterFile,
  snapshotManifest,
  snapshotOffers,
  commandLine,
  clientAnswers,
  clientEvents,
  jsonText,
  peerStream,
  payloads,
  identity,
  backupHeader,
  headerValues,
  logRecords,
  handshakeWords,
  peerPackets,
];

export function targetOf(name: string): Target | undefined {
  return TARGETS.find((target) => target.name === name);
}
