/** What `raftally serve` was told, checked as a whole. */

import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import {
  type Address,
  address,
  id as idOf,
  isEverywhere,
  isLoopback,
  type MemberAddress,
  showAddress,
} from "./address.ts";
import { discovery } from "./discovery.ts";
import { type JoinAs, type OptionValues, SECRET_CHARACTERS_MIN } from "./options.ts";
import { UsageError } from "./parse.ts";
import { systemReason } from "./refusal.ts";

/** One node, ready to be started. */
export interface ServeConfig {
  readonly id: string;
  /** Undefined only for a node that joins: it learns it. */
  readonly clusterId: string | undefined;
  /** The initial members, this node among them; this node alone if it joins. */
  readonly members: readonly MemberAddress[];
  /** How to find the cluster that runs already; undefined for an initial member. */
  readonly join: JoinConfig | undefined;
  /** Whether it may begin as the only member of a new cluster. */
  readonly newCluster: boolean;
  readonly autoremoveMs: number | undefined;
  /** Voters that are never removed by {@link autoremoveMs}. */
  readonly wantedVoters: number;
  readonly listen: Address;
  readonly listenPeer: Address;
  /** Where to connect instead of some addresses of peers. */
  readonly detours: ReadonlyMap<string, string>;
  readonly data: string;
  /** Empty only if every peer address is loopback. */
  readonly secret: string;
}

export interface JoinConfig {
  readonly as: JoinAs;
  /** Peer addresses to ask, as of now. */
  readonly seeds: () => Promise<readonly string[]>;
  /** How the seeds were named, for the log. */
  readonly told: string;
}

/** @throws {UsageError} with the first thing that is not right. */
export function serveConfig(values: OptionValues, host: string = hostname()): ServeConfig {
  const { listen, listenPeer, data, heartbeatInterval, electionTimeout } = values;
  const joins = values.join !== undefined || values.discover !== undefined;
  const id = values.id ?? (joins ? idFromHost(host) : undefined);
  if (id === undefined) throw wrong("--id (or RAFTALLY_ID) is needed: the name of this node");
  if (electionTimeout < 3 * heartbeatInterval) {
    throw wrong("--election-timeout must be at least 3 times --heartbeat-interval");
  }
  if (listen.port === listenPeer.port && listen.host === listenPeer.host) {
    throw wrong(`--listen and --listen-peer must differ, and both are ${showAddress(listen)}`);
  }
  const membership = joins
    ? joinOrMake(id, values)
    : { members: initialMembers(id, values), join: undefined };
  if (membership.join === undefined && values.clusterId === undefined) {
    throw wrong(
      "--cluster-id (or RAFTALLY_CLUSTER_ID) is needed: the name of the cluster, the same on every member",
    );
  }
  refuseNeedlessNewCluster(values, membership);
  const secret = secretOf(values);
  const detours = values.dial ?? new Map<string, string>();
  const dialled = [...membership.members.map(({ peer }) => peer), ...detours.values()];
  refuseOpenPeers(secret, [showAddress(listenPeer), ...dialled]);
  const { clusterId, newCluster, autoremoveAfter: autoremoveMs, wantedVoters } = values;
  const rest = { autoremoveMs, wantedVoters, listen, listenPeer, detours, data, secret };
  return { id, clusterId, newCluster, ...membership, ...rest };
}

/** Whoever says it by habit would be without its protection where it counts. */
function refuseNeedlessNewCluster({ newCluster }: OptionValues, { members, join }: Membership): void {
  if (!newCluster) return;
  if (join !== undefined) throw wrong("--new-cluster makes a cluster, and --join or --discover joins one");
  if (members.length > 1) {
    throw wrong("--new-cluster is for a cluster of one, and --members lists more: leave --new-cluster out");
  }
}

function wrong(sentence: string, command = "serve"): UsageError {
  return new UsageError(sentence, command);
}

/** Containers and pods are named by their host name; other machines often too. */
function idFromHost(host: string): string {
  const [label = ""] = host.toLowerCase().split(".");
  if (idOf(label).ok) return label;
  throw wrong(
    `--id (or RAFTALLY_ID) is needed: the host name, "${host}", cannot name a node (1 to 32 of a-z, 0-9 and -)`,
  );
}

type Membership = Pick<ServeConfig, "members" | "join">;

/** With a list that names this node it makes the cluster, whatever else was said: all nodes may share settings. */
function joinOrMake(id: string, values: OptionValues): Membership {
  if (values.members?.some((member) => member.id === id) === true) {
    return { members: initialMembers(id, values), join: undefined };
  }
  const own = reachableOwn(id, values);
  const { join = [], discover, listenPeer } = values;
  const peer = address(own.peer);
  const away = join.find(({ host }) => !isLoopback(host));
  if (away !== undefined && peer.ok && isLoopback(peer.value.host)) {
    throw wrong(
      `--listen-peer or --advertise-peer must say where ${showAddress(away)} reaches this node; ${own.peer} is ` +
        "reached from this machine only",
    );
  }
  const goesBy = peer.ok ? [listenPeer, peer.value] : [listenPeer];
  const told = [...join.map(showAddress), ...(discover === undefined ? [] : [`dns:${discover.name}`])];
  return {
    members: [own],
    join: { as: values.joinAs, told: told.join(", "), seeds: discovery({ join, discover, own: goesBy }) },
  };
}

/** All members of the cluster to make; this node's own row says where it is reached now. */
function initialMembers(id: string, values: OptionValues): readonly MemberAddress[] {
  const { members, advertise, advertisePeer } = values;
  if (members === undefined) return [fromListening(id, values)];
  if (!members.some((member) => member.id === id)) {
    const names = members.map((member) => member.id).join(", ");
    throw wrong(`--members must contain this node, ${id}; it lists ${names}`);
  }
  return members.map((member) => {
    if (member.id !== id) return member;
    return {
      id,
      peer: advertisePeer === undefined ? member.peer : showAddress(advertisePeer),
      api: advertise ?? member.api,
    };
  });
}

/** This node's own row, from where it listens and what it advertises. */
function fromListening(id: string, values: OptionValues, command?: string): MemberAddress {
  const { listen, listenPeer, advertise, advertisePeer } = values;
  if (advertise === undefined && isEverywhere(listen.host)) {
    throw wrong(`--advertise is needed: nobody can reach a node at ${showAddress(listen)}`, command);
  }
  const peer = showAddress(advertisePeer ?? listenPeer);
  return { id, peer, api: advertise ?? `http://${showAddress(listen)}` };
}

/** The same of a node that others must be able to reach. @throws {UsageError} if they could not. */
export function reachableOwn(id: string, values: OptionValues, command?: string): MemberAddress {
  const own = fromListening(id, values, command);
  if (values.advertisePeer === undefined && isEverywhere(values.listenPeer.host)) {
    throw wrong(`--advertise-peer is needed: no other node can reach one at ${own.peer}`, command);
  }
  return own;
}

function secretOf({ secret, secretFile }: OptionValues): string {
  if (secret !== undefined && secretFile !== undefined) {
    throw wrong("--secret and --secret-file (or their variables) exclude each other");
  }
  const found = secretFile === undefined ? secret : readSecret(secretFile);
  if (found !== undefined && found.length < SECRET_CHARACTERS_MIN) {
    throw wrong(`the secret must have at least ${SECRET_CHARACTERS_MIN} characters; it has ${found.length}`);
  }
  return found ?? "";
}

function readSecret(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    throw wrong(`the file ${path} of --secret-file cannot be read: ${systemReason(error)}`);
  }
}

/** Without a secret, whoever reaches a peer port could vote and write. */
function refuseOpenPeers(secret: string, addresses: readonly string[]): void {
  if (secret !== "") return;
  const open = addresses.find((text) => {
    const read = address(text);
    return !read.ok || !isLoopback(read.value.host);
  });
  if (open === undefined) return;
  throw wrong(
    `the peer address ${open} can be reached from elsewhere, so the nodes need a secret: set RAFTALLY_SECRET ` +
      "or --secret-file",
  );
}
