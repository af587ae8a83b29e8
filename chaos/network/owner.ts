/** Which process is at the other end of a connection on this machine, as Linux tells. */

import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";

const TABLE = "/proc/net/tcp";

/** Whether this machine can tell. */
export function canTellOwners(): boolean {
  return existsSync(TABLE) && existsSync("/proc/self/fd");
}

/**
 * The one of `pids` that holds the socket bound to `port` of 127.0.0.1 and connected to `remotePort`; undefined if none
 * does.
 */
export function ownerOf(port: number, remotePort: number, pids: Iterable<number>): number | undefined {
  const inode = inodeOf(port, remotePort);
  if (inode === undefined || inode === "0") return undefined;
  for (const pid of pids) if (holds(pid, `socket:[${inode}]`)) return pid;
  return undefined;
}

/** Columns: number, local address, remote address, state, queues, timer, retransmits, uid, timeout, inode. */
function inodeOf(port: number, remotePort: number): string | undefined {
  const local = `0100007F:${hex(port)}`;
  const remote = `0100007F:${hex(remotePort)}`;
  for (const line of readFileSync(TABLE, "latin1").split("\n")) {
    const columns = line.trim().split(/\s+/);
    if (columns[1] === local && columns[2] === remote) return columns[9];
  }
  return undefined;
}

function hex(port: number): string {
  return port.toString(16).toUpperCase().padStart(4, "0");
}

function holds(pid: number, socket: string): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((descriptor) =>
      leadsTo(`/proc/${pid}/fd/${descriptor}`, socket),
    );
  } catch {
    // The process is gone.
    return false;
  }
}

/** Descriptors come and go while they are read. */
function leadsTo(link: string, target: string): boolean {
  try {
    return readlinkSync(link) === target;
  } catch {
    return false;
  }
}
