/** The command line that starts what `raftally restore` and `raftally recover` have made. */

import { isIP } from "node:net";
import { address, type MemberAddress, showAddress } from "./address.ts";
import { wrap } from "./help.ts";
import type { OptionName } from "./options.ts";
import type { Parsed } from "./parse.ts";

/** The only member of a new cluster, and where its data lies. */
export interface Sole {
  readonly data: string;
  readonly clusterId: string;
  readonly self: MemberAddress;
}

/** Flags of `raftally serve` that say where a node listens and is reached, and what the operator has to add. */
interface Where {
  readonly flags: readonly string[];
  readonly missing: readonly string[];
}

const DEFAULT_LISTEN = "127.0.0.1:4000";
const DEFAULT_LISTEN_PEER = "127.0.0.1:4100";

/** The line, and a note if it is not whole. Never with `--new-cluster`: the directory holds the node already. */
export function startLines(sole: Sole, { flags, missing }: Where): readonly string[] {
  const { data, clusterId, self } = sole;
  const whole = [
    "raftally serve",
    `--data ${data}`,
    `--id ${self.id}`,
    `--cluster-id ${clusterId}`,
    ...flags,
  ];
  const line = `Start it:  ${whole.join(" ")}`;
  if (missing.length === 0) return [line];
  const note =
    `Add ${missing.join(" and ")}: where this machine shall answer. The old node was reached by a name or through ` +
    "something in between, so its own address is not known here; 0.0.0.0 and the port is every IPv4 interface.";
  return [line, ...wrap(note, 0)];
}

type WhereOption = Extract<OptionName, "listen" | "listenPeer" | "advertise" | "advertisePeer">;

const WHERE: readonly (readonly [WhereOption, string])[] = [
  ["listen", "--listen"],
  ["listenPeer", "--listen-peer"],
  ["advertise", "--advertise"],
  ["advertisePeer", "--advertise-peer"],
];

/** As whoever gave the command has said it. */
export function whereTold({ values, source }: Parsed): Where {
  const flags = WHERE.flatMap(([name, flag]) => {
    const value = values[name];
    if (value === undefined || source(name) === "default") return [];
    return `${flag} ${typeof value === "string" ? value : showAddress(value)}`;
  });
  return { flags, missing: [] };
}

/** As far as it follows from where the node was reached: one can listen at an IP address, but hardly at a name. */
export function whereReached({ peer, api }: MemberAddress): Where {
  const { protocol, hostname, port, host, pathname } = new URL(api);
  const isOwn = protocol === "http:" && port !== "" && pathname === "/" && isAddress(hostname);
  const peerHost = address(peer);
  const isOwnPeer = peerHost.ok && isAddress(peerHost.value.host);
  return {
    flags: [
      isOwn ? (host === DEFAULT_LISTEN ? [] : `--listen ${host}`) : `--advertise ${api}`,
      isOwnPeer ? (peer === DEFAULT_LISTEN_PEER ? [] : `--listen-peer ${peer}`) : `--advertise-peer ${peer}`,
    ].flat(),
    missing: [isOwn ? [] : "--listen", isOwnPeer ? [] : "--listen-peer"].flat(),
  };
}

function isAddress(host: string): boolean {
  return isIP(host.replace(/^\[|\]$/g, "")) !== 0;
}
