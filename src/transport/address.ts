/** Addresses of peers: `host:port`, with an IPv6 host in brackets. */

/** A host without brackets, and a port. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** A name has at most 253 characters; with brackets and a port nothing is longer than this. */
const ADDRESS_LENGTH_MAX = 300;
const HOST_PORT = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:/?#@[\]]+)):(\d{1,5})$/;

/** The parts of `address`, or undefined if it is not `host:port` with a port of 1 to 65,535. */
export function parseAddress(address: string): HostPort | undefined {
  if (address.length > ADDRESS_LENGTH_MAX) return undefined;
  const match = HOST_PORT.exec(address);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  return host === undefined || port < 1 || port > 65_535 ? undefined : { host, port };
}

/**
 * Where to connect instead of an address, both host:port: the way to it leads through NAT, a tunnel or a proxy. Only
 * this node's own dialling is concerned, nothing that it says or knows of anybody.
 */
export type Detours = ReadonlyMap<string, string>;

/** Where to connect for `address`: there, or where a detour begins. What it leads to is never looked up again. */
export function wayTo(address: HostPort, detours: Detours | undefined): HostPort {
  const detour = detours?.get(formatAddress(address));
  return (detour === undefined ? undefined : parseAddress(detour)) ?? address;
}

/** `host:port`, as {@link parseAddress} reads it. */
export function formatAddress({ host, port }: HostPort): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * Whether `host` can only be reached from this machine. A name other than `localhost` never counts: where it
 * leads can change. Neither does the empty host, nor 0.0.0.0, which listen on every interface.
 */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

/**
 * What is wrong with `address` as that of a peer of a cluster with this secret, in a clause that follows the
 * address; undefined if nothing is. Without a secret whoever reaches a port is a peer, so nobody else may.
 */
export function addressFault(address: string, secret: string): string | undefined {
  const parts = parseAddress(address);
  if (parts === undefined) return "is not host:port";
  if (secret !== "" || isLoopback(parts.host)) return undefined;
  return "is not a loopback address, and the cluster has no secret";
}
