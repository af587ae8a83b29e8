/** What every connection of one transport shares. */

import type { Detours } from "./address.ts";
import type { Versions } from "./handshake.ts";
import type { Roster } from "./roster.ts";
import type { TransportHandlers, TransportOptions, TransportSettings } from "./types.ts";

export interface Context {
  readonly clusterId: string;
  readonly self: TransportOptions["self"];
  readonly secret: string;
  readonly settings: TransportSettings;
  readonly versions: Versions;
  readonly roster: Roster;
  readonly detours?: Detours | undefined;
  /** The caller's, except that they fall silent when the transport is closed. */
  readonly handlers: TransportHandlers;
}

/** Keepalive intervals without a sign of life after which a link counts as dead. */
export const SILENT_INTERVALS_MAX = 3;
