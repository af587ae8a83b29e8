/** `--join` and `--discover`: the peer addresses at which a joining node may find a member of its cluster. */

import { lookup } from "node:dns/promises";
import { networkInterfaces } from "node:os";
import { type Address, address, isEverywhere, showAddress } from "./address.ts";
import { bad, good, type Parsed } from "./option.ts";

/** A name of which every address is a node. */
export interface DnsName {
  readonly name: string;
  /** The peer port, the same on every node. */
  readonly port: number;
}

/** `dns:NAME:PORT`. */
export function dnsName(text: string): Parsed<DnsName> {
  const read = text.startsWith("dns:") ? address(text.slice("dns:".length)) : undefined;
  if (read?.ok !== true || text.includes("[")) {
    return bad("dns:NAME:PORT, where NAME is looked up in DNS, such as dns:raftally-peers:4100");
  }
  return good({ name: read.value.host, port: read.value.port });
}

/** Every address of a name, in the order in which the system gives them. */
export type Lookup = (name: string) => Promise<readonly string[]>;

/** As the system resolves names everywhere else: the hosts file, search domains, then the name servers. */
const systemLookup: Lookup = async (name) => {
  const found = await lookup(name, { all: true });
  return found.map((each) => each.address);
};

export interface DiscoveryOptions {
  readonly join: readonly Address[];
  readonly discover: DnsName | undefined;
  /** Where this node listens for its peers, and where it says that they reach it. */
  readonly own: readonly Address[];
  readonly lookup?: Lookup;
  /** The addresses of this machine. */
  readonly interfaces?: () => readonly string[];
}

/**
 * A function that gives the addresses to ask, as host:port, this node's own left out. Names are looked up anew at
 * each call: a cluster that grows is found wherever it is by then.
 * Its promise rejects if a name cannot be looked up and no address is known otherwise.
 */
export function discovery(options: DiscoveryOptions): () => Promise<readonly string[]> {
  const { join, discover } = options;
  const look = options.lookup ?? systemLookup;
  const ownHosts = options.interfaces ?? machineAddresses;
  return async () => {
    const found = discover === undefined ? [] : await resolve(discover, look, join.length > 0);
    const isOwn = ownAddress(options.own, ownHosts());
    const wanted = [...join, ...found].filter((each) => !isOwn(each)).map(showAddress);
    return [...new Set(wanted)];
  };
}

async function resolve({ name, port }: DnsName, look: Lookup, spared: boolean): Promise<readonly Address[]> {
  try {
    return (await look(name)).map((host) => ({ host, port }));
  } catch (error) {
    if (spared) return [];
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw new Error(`${name} of --discover cannot be looked up (${code})`, { cause: error });
  }
}

/** Whether an address is this node itself: one it goes by, or any of this machine's where it listens on all of them. */
function ownAddress(own: readonly Address[], machine: readonly string[]): (candidate: Address) => boolean {
  const names = new Set(own.map(showAddress));
  const ports = new Set(own.filter(({ host }) => isEverywhere(host)).map(({ port }) => port));
  return (candidate) =>
    names.has(showAddress(candidate)) || (machine.includes(candidate.host) && ports.has(candidate.port));
}

function machineAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((each) =>
    (each ?? []).map(({ address: found }) => found),
  );
}
