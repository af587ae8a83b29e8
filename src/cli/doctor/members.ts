/** What is wrong between the members of a cluster: who is missing, who does not reach whom, who votes. Pure. */

import { type Finding, listed } from "./finding.ts";
import type { MemberLook, NodeLook, StatusLook } from "./look.ts";

/** A node that answered. */
export interface Answering extends NodeLook {
  readonly status: StatusLook;
}

/** The nodes of `ids` that are up and belong to it. */
function upOf(ids: readonly string[], nodes: readonly Answering[]): readonly string[] {
  return ids.filter((id) => nodes.some(({ status }) => status.id === id && status.state === "running"));
}

function hasMajority(ids: readonly string[], nodes: readonly Answering[]): boolean {
  return ids.length === 0 || upOf(ids, nodes).length * 2 > ids.length;
}

/** Whether they can decide anything. @param guide the status of the node that knows best. */
export function quorum(
  nodes: readonly Answering[],
  looks: readonly NodeLook[],
  { voters, outgoing }: StatusLook,
): readonly Finding[] {
  if (voters.length === 0) {
    return [
      {
        code: "forming",
        severity: "warning",
        about: "the cluster",
        what: "The cluster does not exist yet: its nodes wait for each other, or to be let in.",
        todo: "Start the other founders; or let the node in with raftally member add. The log of the node says whom it misses.",
        section: "Add a node",
      },
    ];
  }
  const leads = nodes.some(({ status }) => status.role === "leader");
  if (hasMajority(voters, nodes) && hasMajority(outgoing, nodes)) {
    if (leads) return [];
    return [
      {
        code: "no-leader",
        severity: "fault",
        about: "the cluster",
        what:
          `No node leads, though ${upOf(voters, nodes).length} of ${voters.length} voters answer here. They do not ` +
          "reach each other, or their disks are too slow to decide anything.",
        todo: "Look at the links between the nodes (peer addresses, firewalls, the secret) and at the disks.",
        section: "Look first",
      },
    ];
  }
  if (leads) return [];
  const half = hasMajority(voters, nodes) ? outgoing : voters;
  const up = upOf(half, nodes);
  const gone = half.filter((id) => !up.includes(id));
  const needed = Math.floor(half.length / 2) + 1;
  return [
    {
      code: "no-quorum",
      severity: "fault",
      about: "the cluster",
      what:
        `There is no majority: ${up.length} of ${half.length} voters answer, and ${needed} are needed. ` +
        `Not to be reached: ${listed(gone.map((id) => nameOf(id, looks)))}. Nothing can be written, and only stale reads are answered.`,
      todo:
        "Start the nodes that are down, with their own data directories: then nothing is lost. Only if a majority is " +
        "lost for good, go on from one survivor with raftally recover.",
      section: "Lost majority",
    },
  ];
}

function nameOf(id: string, looks: readonly NodeLook[]): string {
  const all = looks.flatMap(({ status }) => status?.members ?? []);
  const api = all.find((member) => member.id === id)?.api;
  const reason = looks.find(({ url }) => url === api)?.reason;
  return reason === undefined ? id : `${id} (${reason})`;
}

/** Members that do not answer here. */
export function absent(
  nodes: readonly Answering[],
  looks: readonly NodeLook[],
  { members, learners }: StatusLook,
): readonly Finding[] {
  const missing = members.filter(({ id }) => !nodes.some(({ status }) => status.id === id));
  return missing.map(({ id, api }): Finding => {
    const reason = looks.find(({ url }) => url === api)?.reason ?? "it does not answer";
    const seen = nodes.filter(({ status }) => status.peers.some((peer) => peer.id === id && peer.reachable));
    if (seen.length > 0) {
      return {
        code: "unreachable-from-here",
        severity: "warning",
        about: id,
        what: `${id} runs, for ${listed(seen.map(({ status }) => status.id))} reach it, but not from here: ${api}: ${reason}.`,
        todo: "Look whether clients can reach that URL; if not, start the node with the right --advertise.",
        section: "Move to a new address",
      };
    }
    return {
      code: "unreachable-peer",
      severity: "fault",
      about: id,
      what:
        `${id} is down or cut off: ${api}: ${reason}, and no other node has a link to it.` +
        (learners.includes(id) ? " It is a learner, so nobody waits for it." : ""),
      todo:
        "Start it with its own data directory, and look at its log. If its disk is lost, put a new node in its place: " +
        "raftally member replace.",
      section: learners.includes(id) ? "Remove a node" : "Replace a lost disk",
    };
  });
}

/** URLs that somebody named, where nobody answers and no member is expected: a program with such a list asks there in vain. */
export function silent(
  looks: readonly NodeLook[],
  urls: readonly string[],
  { members }: StatusLook,
): readonly Finding[] {
  if (members.length === 0) return [];
  const vain = looks.filter(
    ({ url, status }) =>
      status === undefined && urls.includes(url) && members.every(({ api }) => api !== url),
  );
  return vain.map(
    ({ url, reason = "it does not answer" }): Finding => ({
      code: "silent-url",
      severity: "warning",
      about: url,
      what: `${url} was named, and no node answers there: ${reason}. No member of the cluster has that URL.`,
      todo:
        "Correct the list of URLs, of this command and of every client. If a node should be there, start it; if it was " +
        "removed from the cluster, it does not come back.",
      section: "Look first",
    }),
  );
}

/** Nodes that answer here and do not reach each other. */
export function links(nodes: readonly Answering[]): readonly Finding[] {
  const answering = new Map(nodes.map(({ status }) => [status.id, status]));
  const pairs = nodes.flatMap(({ status }) =>
    status.peers
      .filter(({ id, reachable }) => !reachable && answering.get(id)?.state === "running")
      .map(({ id }) => ({ from: status, to: id })),
  );
  const cut = new Map<string, { readonly from: StatusLook; readonly to: string }>();
  for (const pair of pairs) cut.set([pair.from.id, pair.to].toSorted().join(" "), pair);
  return [...cut.values()].map(({ from, to }): Finding => {
    const address = from.members.find(({ id }) => id === to)?.peer ?? "";
    return {
      code: "broken-link",
      severity: "fault",
      about: to,
      what: `${from.id} and ${to} both answer here, and have no link to each other (${to} is expected at ${address}).`,
      todo:
        "Look whether the peer addresses are right on both sides, whether a firewall lets them through, and whether both " +
        "have the same secret: their logs say why a link is refused.",
      section: "Move to a new address",
    };
  });
}

/** What the membership itself says. */
export function shape(guide: StatusLook): readonly Finding[] {
  const { voters, outgoing, learners, members } = guide;
  const found: Finding[] = [];
  const about = "the cluster";
  if (outgoing.length > 0) {
    const what =
      "A change of the voters is under way: the old and the new ones both need a majority until it is over.";
    const todo = "Wait until raftally member list shows no change any more; it takes moments if all are up.";
    found.push({ code: "change-under-way", severity: "note", about, what, todo, section: "Look first" });
  }
  if (voters.length % 2 === 0 && voters.length > 0 && outgoing.length === 0) {
    const what = `There are ${voters.length} voters, an even number: they bear no more failures than ${voters.length - 1} would.`;
    const todo = "Add one more with raftally member promote, or remove one.";
    found.push({ code: "even-voters", severity: "note", about, what, todo, section: "Add a node" });
  }
  if (voters.length === 1) {
    const what =
      "There is one voter only: when it fails, nothing is served, and with its disk every count is lost.";
    const todo = "Let two more nodes join.";
    found.push({ code: "one-voter", severity: "note", about, what, todo, section: "Add a node" });
  }
  for (const id of learners) {
    const what = `${id} is a learner: it copies every count and has no vote.`;
    const todo = `If it is meant to vote, raftally member promote ${id}; if it is not needed, raftally member remove ${id}.`;
    found.push({ code: "learner", severity: "note", about: id, what, todo, section: "Add a node" });
  }
  return [...found, ...oneHost(members, voters)];
}

/** Loopback says that somebody tries things; the same real host for a majority is a mistake. */
function oneHost(members: readonly MemberLook[], voters: readonly string[]): readonly Finding[] {
  const hosts = new Map<string, string[]>();
  for (const { id, peer } of members) {
    if (!voters.includes(id)) continue;
    const host = peer.replace(/:\d+$/, "");
    hosts.set(host, [...(hosts.get(host) ?? []), id]);
  }
  for (const [host, ids] of hosts) {
    const isLoopback = /^(?:127\.|\[?::1\]?$|localhost$)/.test(host);
    if (isLoopback || voters.length < 2 || ids.length * 2 <= voters.length) continue;
    return [
      {
        code: "one-host",
        severity: "warning",
        about: "the cluster",
        what: `${listed(ids)} run on one machine, ${host}: when it fails, the majority is gone with it.`,
        todo: "Spread the voters over machines: let a node on another one join, then raftally member replace.",
        section: "Add a node",
      },
    ];
  }
  return [];
}
