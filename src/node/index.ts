/** One member of the cluster: the reducer that decides, and the driver that joins it to the world. */
export { type Effects, NODE_SETTINGS, type NodeEvent, type NodeSettings, type NodeTrace, type RequestId, type Response } from "./events.ts";
export { NodeReducer, type ReducerOptions } from "./reducer.ts";
export type {
  Check,
  Consistency,
  NodeRefusal,
  NodeService,
  NodeStatus,
  PeerStatus,
  ReadResult,
  WriteResult,
} from "./types.ts";
