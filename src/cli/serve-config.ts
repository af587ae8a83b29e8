/** What `raftally serve` was told, checked as a whole. */

import { readFileSync } from "node:fs";
import { type Address, address, isLoopback, type MemberAddress, showAddress } from "./address.ts";
import { type OptionValues, SECRET_CHARACTERS_MIN } from "./options.ts";
import { UsageError } from "./parse.ts";
import { systemReason } from "./refusal.ts";

/** One node, ready to be started. */
export interface ServeConfig {
  readonly id: string;
  readonly clusterId: string;
  readonly members: readonly MemberAddress[];
  readonly listen: Address;
  readonly listenPeer: Address;
  readonly data: string;
  /** Empty only if every peer address is loopback. */
  readonly secret: string;
}

/** @throws {UsageError} with the first thing that is not right. */
export function serveConfig(values: OptionValues): ServeConfig {
  const { id, clusterId, listen, listenPeer, data, heartbeatInterval, electionTimeout } = values;
  if (id === undefined) throw wrong("--id (or RAFTALLY_ID) is needed: the name of this node");
  if (clusterId === undefined) {
    throw wrong(
      "--cluster-id (or RAFTALLY_CLUSTER_ID) is needed: the name of the cluster, the same on every member",
    );
  }
  if (electionTimeout < 3 * heartbeatInterval) {
    throw wrong("--election-timeout must be at least 3 times --heartbeat-interval");
  }
  if (listen.port === listenPeer.port && listen.host === listenPeer.host) {
    throw wrong(`--listen and --listen-peer must differ, and both are ${showAddress(listen)}`);
  }
  const members = values.members ?? [alone(id, values)];
  const own = members.find((member) => member.id === id);
  if (own === undefined) {
    const names = members.map((member) => member.id).join(", ");
    throw wrong(`--members must contain this node, ${id}; it lists ${names}`);
  }
  if (values.advertise !== undefined && values.advertise !== own.api) {
    throw wrong(
      `--advertise says ${values.advertise}, and --members says ${own.api} for ${id}; they must agree`,
    );
  }
  const secret = secretOf(values);
  refuseOpenPeers(secret, members, listenPeer);
  return { id, clusterId, members, listen, listenPeer, data, secret };
}

function wrong(sentence: string): UsageError {
  return new UsageError(sentence, "serve");
}

/** A cluster of one node, from where it listens. */
function alone(id: string, { listen, listenPeer, advertise }: OptionValues): MemberAddress {
  if (advertise === undefined && (listen.host === "0.0.0.0" || listen.host === "::")) {
    throw wrong(`--advertise is needed: nobody can reach a node at ${showAddress(listen)}`);
  }
  return { id, peer: showAddress(listenPeer), api: advertise ?? `http://${showAddress(listen)}` };
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
function refuseOpenPeers(secret: string, members: readonly MemberAddress[], listenPeer: Address): void {
  if (secret !== "") return;
  const open = [showAddress(listenPeer), ...members.map(({ peer }) => peer)].find((text) => {
    const read = address(text);
    return !read.ok || !isLoopback(read.value.host);
  });
  if (open === undefined) return;
  throw wrong(
    `the peer address ${open} can be reached from elsewhere, so the nodes need a secret: set RAFTALLY_SECRET ` +
      "or --secret-file",
  );
}
