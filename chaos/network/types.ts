/** What lies between the nodes, and what can be done to it. */

import type { Launch } from "../node-process.ts";

/** Where one node is. */
export interface Place {
  /** host:port at which it answers clients. */
  readonly listen: string;
  /** host:port at which it answers the other nodes. */
  readonly listenPeer: string;
  /** host:port at which the other nodes reach it: what the configuration of the cluster says. */
  readonly peer: string;
}

/** The network that a cluster runs on. */
export interface Network {
  /** A place for a node that is to come. */
  place(id: string): Promise<Place>;
  /** What its process needs in order to be there. */
  launch(id: string): Launch;
  /** Its process runs now, under this process id. */
  started(id: string, pid: number): void;
  close(): Promise<void>;
}

/** What is wrong with the way from one node to another. What is left out is as it should be. */
export interface Trouble {
  /** Nothing arrives; what was sent waits, as with TCP, until there is a way again. */
  readonly cut?: boolean;
  /** ms that everything takes longer. */
  readonly delayMs?: number;
  /** ms that it may take longer still, at random; the order stays. */
  readonly jitterMs?: number;
  readonly bytesPerSecond?: number;
  /** The share of messages that never arrive, 0 to 1. */
  readonly loss?: number;
  /** The share of messages that arrive twice, 0 to 1. */
  readonly duplication?: number;
  /** The share of messages of which one bit is flipped, 0 to 1. */
  readonly damage?: number;
}

/** What went from one node to another since the network began. */
export interface Passed {
  /** Bytes that arrived. */
  readonly bytes: number;
  /** Whole messages among them; 0 where the network does not look into them. */
  readonly messages: number;
  /** Attempts to send, in bytes or packets, that met a cut. */
  readonly held: number;
  /** Messages (or packets) that were lost, doubled and damaged on purpose. */
  readonly lost: number;
  readonly doubled: number;
  readonly damaged: number;
}

/** The ways between the nodes: each ordered pair has one. */
export interface Links {
  /** Says what is wrong with the way from `from` to `to` from now on; `{}` heals it. In force once this resolves. */
  trouble(from: string, to: string, trouble: Trouble): Promise<void>;
  passed(from: string, to: string): Promise<Passed>;
  /** Ends every connection between the two with a reset. Gives how many there were. */
  reset(a: string, b: string): Promise<number>;
}

/** A network whose ways can be troubled. */
export interface TroubledNetwork extends Network {
  readonly links: Links;
  /** Why its counts cannot be trusted; empty if they can. */
  readonly doubts: readonly string[];
}
