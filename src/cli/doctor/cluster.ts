/** What is wrong with a cluster, from what its nodes say. Pure. */

import { type Finding, listed, roomFinding, syncFinding } from "./finding.ts";
import type { NodeLook, StatusLook } from "./look.ts";
import { type Answering, absent, links, quorum, shape, silent } from "./members.ts";

/** A clock that is off by more disturbs people, certificates and logs; counts do not depend on clocks. ms. */
const CLOCK_MS_MAX = 2_000;

/** In an order in which they are best dealt with. @param urls that somebody named. */
export function judgeCluster(looks: readonly NodeLook[], urls: readonly string[]): readonly Finding[] {
  const nodes = looks.filter((look): look is Answering => look.status !== undefined);
  if (nodes.length === 0) return [];
  const clusters = strangers(nodes);
  const main = clusters.main;
  const own = nodes.filter(({ status }) => isOf(status, main));
  // Who leads, or else who is furthest, knows best who belongs to the cluster.
  const guide = own.toSorted((a, b) => rank(b.status) - rank(a.status))[0]?.status;
  return [
    ...clusters.findings,
    ...own.flatMap(alarms),
    ...digests(own),
    ...(guide === undefined ? [] : quorum(own, looks, guide)),
    ...(guide === undefined ? [] : absent(own, looks, guide)),
    ...(guide === undefined ? [] : silent(looks, urls, guide)),
    ...links(own),
    ...behind(own),
    ...own.flatMap((node) => readiness(node, guide?.voters ?? [])),
    ...clocks(nodes),
    ...own.flatMap(disks),
    ...versions(own),
    ...own.flatMap(windows),
    ...(guide === undefined ? [] : shape(guide)),
  ];
}

/** One sentence that says what was seen. */
export function summary(looks: readonly NodeLook[]): string {
  const nodes = looks.flatMap(({ status }) => status ?? []);
  const main = mainCluster(nodes);
  const own = nodes.filter((status) => isOf(status, main));
  const leader = own.find(({ role }) => role === "leader");
  const led = leader === undefined ? "nobody leads" : `${leader.id} leads term ${leader.term}`;
  const others = nodes
    .filter((status) => !isOf(status, main))
    .map(({ id, clusterId }) => `${id} of "${clusterId}"`);
  const beside = others.length === 0 ? "" : `, as did ${listed(others)}`;
  const names = `${listed(own.map(({ id }) => id).toSorted())} of cluster "${main}"`;
  return `Asked ${looks.length} node${looks.length === 1 ? "" : "s"}; ${names} answered${beside}, and ${led}.`;
}

function rank({ role, term, commit }: StatusLook): number {
  return (role === "leader" ? 1e15 : 0) + term * 1e3 + commit / 1e9;
}

function isOf(status: StatusLook, cluster: string): boolean {
  return status.clusterId === cluster || status.clusterId === "";
}

/** The one that most of them belong to; of as many, the one that was named first. */
function mainCluster(nodes: readonly StatusLook[]): string {
  const ids = nodes.map(({ clusterId }) => clusterId).filter((id) => id !== "");
  const count = (id: string): number => ids.filter((each) => each === id).length;
  return ids.toSorted((a, b) => count(b) - count(a))[0] ?? "";
}

function strangers(nodes: readonly Answering[]): {
  readonly main: string;
  readonly findings: readonly Finding[];
} {
  const main = mainCluster(nodes.map(({ status }) => status));
  const other = nodes.filter(({ status }) => !isOf(status, main));
  const findings = other.map(
    ({ url, status }): Finding => ({
      code: "wrong-cluster",
      severity: "fault",
      about: status.id,
      what: `The node at ${url} (${status.id}) belongs to cluster "${status.clusterId}", the others to "${main}".`,
      todo:
        "Correct the list of URLs, of this command and of every client. If one node was meant to join the other " +
        "cluster, start it with an empty data directory and raftally serve --join.",
      section: "Add a node",
    }),
  );
  return { main, findings };
}

function alarms({ status: { id, alarm } }: Answering): readonly Finding[] {
  if (alarm === undefined) return [];
  return [
    {
      code: "digest-differs",
      severity: "fault",
      about: id,
      what: `${id} raises an alarm: ${alarm}`,
      todo:
        "Keep the data directories of all nodes for an inquiry, take a backup from a node of the majority, and replace " +
        `the node that differs. Do not start it again on its directory.`,
      section: "Replace a lost disk",
    },
  ];
}

/** Of two states at the same index the digests are equal, or one of them is wrong. */
function digests(nodes: readonly Answering[]): readonly Finding[] {
  const known = new Map<number, Map<number, string[]>>();
  for (const { status, picture } of nodes) {
    const own = [
      ...(picture?.digests ?? []),
      ...(status.digest === undefined ? [] : [{ index: status.applied, digest: status.digest }]),
    ];
    for (const { index, digest } of own) {
      const at = known.get(index) ?? new Map<number, string[]>();
      known.set(index, at);
      const ids = at.get(digest) ?? [];
      if (!ids.includes(status.id)) ids.push(status.id);
      at.set(digest, ids);
    }
  }
  for (const [index, at] of [...known].toSorted(([a], [b]) => b - a)) {
    if (at.size < 2) continue;
    const groups = [...at.values()].toSorted((a, b) => b.length - a.length);
    const said = groups.map((ids) => listed(ids));
    const isClear = (groups[0]?.length ?? 0) > (groups[1]?.length ?? 0);
    return [
      {
        code: "digest-differs",
        severity: "fault",
        about: isClear ? listed(groups.slice(1).flat()) : "the cluster",
        what: `At index ${index} the nodes hold different counts: ${said.join(", and otherwise ")}.`,
        todo:
          "Keep the data directories of all nodes for an inquiry, take a backup of the majority, and replace the node " +
          "that differs from it.",
        section: "Replace a lost disk",
      },
    ];
  }
  return [];
}

function behind(nodes: readonly Answering[]): readonly Finding[] {
  const committedBefore = Math.max(0, ...nodes.map(({ before }) => before?.commit ?? 0));
  return nodes.flatMap(({ status, before }): readonly Finding[] => {
    const missing = committedBefore - status.applied;
    if (status.state !== "running" || missing <= 0) return [];
    const gained = before === undefined ? 0 : status.applied - before.applied;
    const moves = gained > 0 ? `It is catching up, ${gained} entries in half a second.` : "It does not move.";
    return [
      {
        code: "node-behind",
        severity: gained > 0 ? "warning" : "fault",
        about: status.id,
        what: `${status.id} is ${missing.toLocaleString("en")} entries behind the others. ${moves}`,
        todo:
          gained > 0
            ? "Wait, and ask again. If it never arrives, its disk or its network is too slow for what is written."
            : "Look at its link to the leader, at its disk, and at its log; restart it if nothing explains it.",
        section: "Look first",
      },
    ];
  });
}

/** @param voters of the cluster; none if it was never made. */
function readiness({ status, failing, url }: Answering, voters: readonly string[]): readonly Finding[] {
  if (status.state !== "running") {
    // A node that reads its log says of itself no more than that it is not there yet.
    const isStarting = status.state === "forming" && voters.includes(status.id);
    return [
      {
        code: "not-in-cluster",
        severity: "warning",
        about: status.id,
        what: `${status.id} at ${url} takes no part yet: it is ${isStarting ? "starting" : status.state}.`,
        todo: isStarting
          ? "Wait, and ask again: it reads its log and counters first. If it stays like this, its log says why."
          : status.state === "joining"
            ? `Let it in with raftally member add ${url}, or look in its log why it is not let in.`
            : "Start the other founders; its log says whom it misses.",
        section: "Add a node",
      },
    ];
  }
  if (failing.length === 0) return [];
  return [
    {
      code: "not-ready",
      severity: "warning",
      about: status.id,
      what: `${status.id} is not ready to serve: ${failing.join("; ")}.`,
      todo: "Deal with what else is found first: this usually follows from it. Otherwise its log says why.",
      section: "Look first",
    },
  ];
}

function clocks(nodes: readonly Answering[]): readonly Finding[] {
  const off = nodes.filter(
    ({ clock }) => clock !== undefined && Math.abs(clock.aheadMs) - clock.exactMs > CLOCK_MS_MAX,
  );
  if (off.length === 0) return [];
  const ahead = off.map(({ clock }) => clock?.aheadMs ?? 0);
  const isHere =
    off.length === nodes.length && nodes.length > 1 && Math.max(...ahead) - Math.min(...ahead) < 2_000;
  const unharmed = "Counts do not depend on clocks; logs, dates and certificates do.";
  const todo = "Let the clock be set by NTP (chrony, systemd-timesyncd), and look whether that runs.";
  if (isHere) {
    const what = `The clock of this machine is ${offText(-(ahead[0] ?? 0))} those of all nodes. ${unharmed}`;
    return [
      {
        code: "clock-off",
        severity: "warning",
        about: "this machine",
        what,
        todo,
        section: "Ask the doctor",
      },
    ];
  }
  return off.map(
    ({ status, clock }): Finding => ({
      code: "clock-off",
      severity: "warning",
      about: status.id,
      what: `The clock of ${status.id} is ${offText(clock?.aheadMs ?? 0)} that of this machine. ${unharmed}`,
      todo,
      section: "Ask the doctor",
    }),
  );
}

function offText(aheadMs: number): string {
  const seconds = Math.round(Math.abs(aheadMs) / 1_000);
  const length = seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60).toLocaleString("en")} minutes`;
  return `${length} ${aheadMs > 0 ? "ahead of" : "behind"}`;
}

function disks({ status, picture, diskSpace }: Answering): readonly Finding[] {
  const fsync = picture?.fsync;
  return [
    ...(diskSpace === undefined ? [] : roomFinding(status.id, diskSpace)),
    ...(fsync === undefined ? [] : syncFinding(status.id, fsync, "as the node measured while it was asked")),
  ];
}

function versions(nodes: readonly Answering[]): readonly Finding[] {
  const known = new Map<string, string[]>();
  for (const { status } of nodes)
    known.set(status.version, [...(known.get(status.version) ?? []), status.id]);
  if (known.size < 2) return [];
  const said = [...known].toSorted().map(([version, ids]) => `${version} on ${listed(ids)}`);
  return [
    {
      code: "version-mix",
      severity: "warning",
      about: "the cluster",
      what: `The nodes run different versions: ${said.join(", ")}.`,
      todo: "Finish the upgrade: restart the others with the newer version, one after the other, the leader last.",
      section: "Rolling restart and upgrade",
    },
  ];
}

const WINDOW_MS = 600_000;

function windows({ status: { id, idempotencyWindowMs = WINDOW_MS, role } }: Answering): readonly Finding[] {
  if (idempotencyWindowMs >= WINDOW_MS || role !== "leader") return [];
  return [
    {
      code: "short-window",
      severity: "warning",
      about: id,
      what:
        `So many idempotency keys are remembered that each is kept for ${Math.round(idempotencyWindowMs / 1_000)} s only, ` +
        "instead of ten minutes. A write that is tried again later than that would count twice.",
      todo: "Let programs that write much use client sessions, or send several operations in one batch.",
      section: "Ask the doctor",
    },
  ];
}
