/**
 * Real processes, real faults. `npm run chaos` runs the scenarios; this door gives the examples and tests their
 * local cluster. Nothing here knows more of the product than its command line and its client.
 */
export { Cluster, type ClusterOptions } from "./cluster.ts";
export type { HistoryLine, Note, Operation as HistoryOperation } from "./history.ts";
export { type Call, type History, readHistory } from "./history-reader.ts";
export {
  type Answer,
  HistoryRecorder,
  type RecordedCall,
  type RecordedProcess,
} from "./history-recorder.ts";
export { HistoryError } from "./history-schema.ts";
export { Load, type LoadOptions, type LoadResult } from "./load.ts";
export { LocalCluster } from "./local-cluster.ts";
export type { Network, Place } from "./network/types.ts";
export type { Exit, Launch } from "./node-process.ts";
export { type Played, type PlayOptions, play } from "./play.ts";
export { freePortRange, freePorts, PEER_PORT_OFFSET } from "./ports.ts";
export type { Act, Scenario, Stage, StageOptions } from "./scenario.ts";
export { SCENARIOS } from "./scenarios.ts";
export type { Node, Target } from "./target.ts";
