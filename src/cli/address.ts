/** Addresses, URLs and members as they are written on the command line. */

import { bad, good, type Parsed } from "./option.ts";

/** Where to listen or to connect. An IPv6 host is kept without its brackets. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** A member of a cluster before it has ever been met. */
export interface MemberAddress {
  readonly id: string;
  /** host:port for its peers. */
  readonly peer: string;
  /** The URL that clients are sent to, without a trailing slash. */
  readonly api: string;
}

const HOST_PORT = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)):([0-9]{1,5})$/;
/** As in the core: 1 to 32 of a-z, 0-9 and inner -. */
const NODE_ID = /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/;

/** `host:port`; an IPv6 host in brackets. */
export function address(text: string): Parsed<Address> {
  const match = HOST_PORT.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port < 1 || port > 65_535) {
    return bad("host:port with a port from 1 to 65535, such as 127.0.0.1:4000 or [::1]:4000");
  }
  return good({ host, port });
}

/** Addresses separated by commas. */
export function addresses(text: string): Parsed<readonly Address[]> {
  const found: Address[] = [];
  for (const part of text.split(",")) {
    const one = address(part.trim());
    if (!one.ok) return bad("host:port, separated by commas, such as 10.0.0.1:4100,10.0.0.2:4100");
    found.push(one.value);
  }
  return good(found);
}

export function showAddress({ host, port }: Address): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Whether only this machine can reach `host`. A name other than localhost may lead anywhere. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(?:\.[0-9]{1,3}){3}$/.test(host);
}

/** Whether listening at `host` is listening on every interface: nobody else can call a node by that. */
export function isEverywhere(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

export function id(text: string): Parsed<string> {
  return NODE_ID.test(text) ? good(text) : bad("1 to 32 of a-z, 0-9 and - (not first or last)");
}

/** `10.0.0.2:4100=192.0.2.1:9100,…`: where to connect instead of the address on the left. */
export function detours(text: string): Parsed<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const part of text.split(",")) {
    const [left, right] = part.split("=").map((side) => address(side.trim()));
    if (left?.ok !== true || right?.ok !== true || part.split("=").length !== 2) {
      return bad("ADDRESS=WAY, separated by commas, such as 10.0.0.2:4100=192.0.2.1:9100, each host:port");
    }
    const key = showAddress(left.value);
    if (found.has(key)) return bad(`a list in which no address has two ways (${key} has)`);
    found.set(key, showAddress(right.value));
  }
  return good(found);
}

/** The base URL of a node, returned without trailing slashes. */
export function url(text: string): Parsed<string> {
  const problem = bad("a URL such as http://127.0.0.1:4000");
  if (!URL.canParse(text)) return problem;
  const { protocol, search, hash, username, password, href } = new URL(text);
  const web = protocol === "http:" || protocol === "https:";
  if (!web || search !== "" || hash !== "" || username !== "" || password !== "") return problem;
  return good(href.replace(/\/+$/, ""));
}

/** URLs separated by commas. */
export function urls(text: string): Parsed<readonly string[]> {
  const found: string[] = [];
  for (const part of text.split(",")) {
    const one = url(part.trim());
    if (!one.ok) return bad("URLs separated by commas, such as http://127.0.0.1:4000,http://127.0.0.1:4001");
    found.push(one.value);
  }
  return good(found);
}

/** `n1=10.0.0.1:4100@http://10.0.0.1:4000,n2=…`: for each member its id, its peer address and its API URL. */
export function members(text: string): Parsed<readonly MemberAddress[]> {
  const found: MemberAddress[] = [];
  for (const [at, part] of text.split(",").entries()) {
    const member = oneMember(part.trim());
    if (!member.ok) return bad(`${member.expected} (member ${at + 1} is "${part.trim()}")`);
    found.push(member.value);
  }
  const twice = firstRepeated(found);
  return twice === undefined ? good(found) : bad(`a list in which nothing occurs twice (${twice} does)`);
}

export function showMembers(list: readonly MemberAddress[]): string {
  return list.map(({ id, peer, api }) => `${id}=${peer}@${api}`).join(",");
}

function oneMember(text: string): Parsed<MemberAddress> {
  const match = /^([^=]*)=([^@]*)@(.*)$/.exec(text);
  if (match === null) return bad("a list such as n1=10.0.0.1:4100@http://10.0.0.1:4000,n2=…");
  const [, name = "", peer = "", api = ""] = match;
  const readId = id(name);
  if (!readId.ok) return bad(`a list whose ids are ${readId.expected}`);
  const readPeer = address(peer);
  if (!readPeer.ok) return bad(`a list whose peer addresses are ${readPeer.expected}`);
  const readApi = url(api);
  if (!readApi.ok) return bad(`a list in which what follows @ is ${readApi.expected}`);
  return good({ id: readId.value, peer: showAddress(readPeer.value), api: readApi.value });
}

/** The first id, peer address or URL that two members share. */
function firstRepeated(list: readonly MemberAddress[]): string | undefined {
  const seen = new Set<string>();
  for (const member of list) {
    for (const part of [`id ${member.id}`, `peer address ${member.peer}`, `URL ${member.api}`]) {
      if (seen.has(part)) return part;
      seen.add(part);
    }
  }
  return undefined;
}
