/** `raftally member`: who belongs to a cluster, and changing that while it runs. */

import { type Json, printExact } from "../client/index.ts";
import { url as readUrl } from "./address.ts";
import { asking } from "./ask.ts";
import { EXIT } from "./commands.ts";
import { GaveUp } from "./gave-up.ts";
import { type MemberCalls, memberCalls } from "./member-calls.ts";
import { type ChangeRequest, MemberChange, type NewMember } from "./member-change.ts";
import { type MemberSeen, showMembership, showPlan, showTolerance, toleranceOf } from "./membership.ts";
import { printable, type Terminal } from "./output.ts";
import type { Parsed } from "./parse.ts";

export async function memberList(parsed: Parsed, terminal: Terminal): Promise<number> {
  return asking(parsed, terminal, "list the members", async () => {
    const { timeout, json } = parsed.values;
    const members = await memberCalls(parsed.values).list(timeout);
    if (json) terminal.out(printExact(membershipJson(members), 2));
    else for (const line of showMembership(members)) terminal.out(line);
    return EXIT.done;
  });
}

export async function memberAdd(parsed: Parsed, terminal: Terminal): Promise<number> {
  const [url = ""] = parsed.positionals;
  return asking(parsed, terminal, `add the node at ${url}`, async () => {
    const work = new Work(parsed, terminal);
    const member = await work.waitingNode(url);
    const request: ChangeRequest = { kind: "add", member };
    if (parsed.values.dryRun) return work.plan(request);
    const members = await work.add(member);
    const role = members.find(({ id }) => id === member.id)?.role;
    const vote = `It has no vote: raftally member promote ${member.id} gives it one.`;
    return work.done(request, [
      `${member.id} is a ${role ?? "learner"} and has caught up.`,
      ...(role === "learner" ? [vote] : []),
    ]);
  });
}

export async function memberPromote(parsed: Parsed, terminal: Terminal): Promise<number> {
  const [id = ""] = parsed.positionals;
  return asking(parsed, terminal, `give ${id} a vote`, async () => {
    const work = new Work(parsed, terminal);
    const request: ChangeRequest = { kind: "promote", id };
    if (parsed.values.dryRun) return work.plan(request);
    const before = await work.members();
    if (roleOf(before, id) === "voter") return work.done(request, [`${id} has a vote already.`]);
    if (roleOf(before, id) === "learner") await work.change.caughtUp(id);
    await work.change.carryOut(request, (members) => roleOf(members, id) === "voter");
    return work.done(request, [`${id} votes now.`]);
  });
}

export async function memberRemove(parsed: Parsed, terminal: Terminal): Promise<number> {
  const [id = ""] = parsed.positionals;
  return asking(parsed, terminal, `remove ${id}`, async () => {
    const work = new Work(parsed, terminal);
    const request: ChangeRequest = { kind: "remove", id };
    if (parsed.values.dryRun) return work.plan(request);
    await work.remove(request);
    return work.done(request, [`${id} was removed.`, FAREWELL]);
  });
}

/** What has to be said of every node that left. */
const FAREWELL =
  "If it runs it stops by itself. Its id and its data directory never come back; the directory can be deleted.";

export async function memberReplace(parsed: Parsed, terminal: Terminal): Promise<number> {
  const [old = "", given = ""] = parsed.positionals;
  return asking(parsed, terminal, `replace ${old} by ${given}`, async () => {
    const work = new Work(parsed, terminal);
    const waiting = readUrl(given).ok ? await work.waitingNode(given) : undefined;
    const by = waiting?.id ?? given;
    const request: ChangeRequest = { kind: "replace", id: old, by };
    if (parsed.values.dryRun) return work.plan(request);
    if (waiting !== undefined) await work.add(waiting);
    const newcomer = await work.change.joined(by);
    await work.change.caughtUp(by);
    const replaced = (members: readonly MemberSeen[]): boolean =>
      roleOf(members, old) === undefined && roleOf(members, by) === "voter";
    // A node that was started with --join-as voter may have its vote already.
    if (newcomer.role === "voter" || roleOf(await work.members(), by) === "voter") {
      await work.remove({ kind: "remove", id: old });
    } else {
      work.say(`${by} takes the place of ${old}`);
      await work.change.carryOut(request, replaced);
    }
    const lines = [`${by} has taken the place of ${old}, which may be switched off.`, FAREWELL];
    return work.done(request, lines);
  });
}

export async function memberTransfer(parsed: Parsed, terminal: Terminal): Promise<number> {
  const [to] = parsed.positionals;
  const doing = to === undefined ? "hand leadership over" : `hand leadership to ${to}`;
  return asking(parsed, terminal, doing, async () => {
    const { timeout, json } = parsed.values;
    const leader = await memberCalls(parsed.values).transfer(to, timeout);
    if (json) terminal.out(printExact({ leader: { ...leader } }));
    else terminal.out(`${leader.id} leads now.`);
    return EXIT.done;
  });
}

function roleOf(members: readonly MemberSeen[], wanted: string): string | undefined {
  return members.find(({ id }) => id === wanted)?.role;
}

function membershipJson(members: readonly MemberSeen[]): Json {
  const shown = members.map(({ catchUp, ...rest }) => ({
    ...rest,
    catchUp: catchUp === undefined ? undefined : { ...catchUp },
  }));
  return { members: shown, ...toleranceOf(members) };
}

/** What the changing commands share. */
class Work {
  readonly change: MemberChange;
  readonly #calls: MemberCalls;
  readonly #parsed: Parsed;
  readonly #terminal: Terminal;

  constructor(parsed: Parsed, terminal: Terminal) {
    this.#parsed = parsed;
    this.#terminal = terminal;
    this.#calls = memberCalls(parsed.values);
    const say = (line: string): void => this.say(line);
    this.change = new MemberChange({ calls: this.#calls, timeoutMs: parsed.values.timeout, say });
  }

  /** A line on how far it is; nothing for programs. */
  say(line: string): void {
    if (!this.#parsed.values.json) this.#terminal.error(printable(line));
  }

  members(): Promise<readonly MemberSeen[]> {
    return this.#calls.list(CONTACT_MS);
  }

  /**
   * Who waits at `url` to be let in.
   * @throws {GaveUp} it is no node that could be let in.
   */
  async waitingNode(url: string): Promise<NewMember> {
    const read = readUrl(url);
    if (!read.ok) throw noNewcomer(url, `a node is named by ${read.expected}`);
    const found = await this.#calls.look(read.value, CONTACT_MS);
    const { state, id, incarnation, peerAddress: peer, apiUrl: api } = found;
    if (incarnation === undefined || peer === undefined || api === undefined) {
      throw noNewcomer(url, `${id} has not said yet who it is; try again in a moment`);
    }
    const isKnown = async (): Promise<boolean> =>
      (await this.members()).some((member) => member.id === id && member.incarnation === incarnation);
    if (state === "forming")
      throw noNewcomer(url, `${id} waits for the other members of a new cluster there`);
    if (state === "running" && !(await isKnown())) {
      throw noNewcomer(url, `${id} belongs to the cluster "${found.clusterId}" already`);
    }
    return { id, incarnation, peer, api };
  }

  /** Lets a node in, if it is not in yet, and waits until it has caught up. */
  async add(member: NewMember): Promise<readonly MemberSeen[]> {
    const isIn = (members: readonly MemberSeen[]): boolean =>
      members.some(({ id, incarnation }) => id === member.id && incarnation === member.incarnation);
    if (!isIn(await this.members())) {
      await this.change.carryOut({ kind: "add", member }, isIn);
      this.say(`${member.id} is a learner now`);
    }
    await this.change.caughtUp(member.id);
    return this.members();
  }

  async remove(request: Extract<ChangeRequest, { kind: "remove" }>): Promise<void> {
    const isMember = roleOf(await this.members(), request.id) !== undefined;
    // Somebody who is no member must be refused, not found to be removed already.
    await this.change.carryOut(request, (members) => isMember && roleOf(members, request.id) === undefined);
  }

  /** `--dry-run`. */
  async plan(request: ChangeRequest): Promise<number> {
    const { before, after, refusal } = await this.#calls.plan(request, CONTACT_MS);
    const { out, error } = this.#terminal;
    if (this.#parsed.values.json) {
      const no = refusal === undefined ? null : { ...refusal };
      out(printExact({ before: { ...before }, after: { ...after }, refusal: no }));
    } else {
      for (const line of showPlan(before, after)) out(line);
      if (refusal !== undefined)
        error(`It would be refused now (${refusal.code}): ${printable(refusal.detail)}`);
    }
    return refusal === undefined ? EXIT.done : EXIT.failed;
  }

  /** Says what came of it, and what the cluster bears now. */
  async done(request: ChangeRequest, lines: readonly string[]): Promise<number> {
    const members = await this.members();
    const { out } = this.#terminal;
    if (this.#parsed.values.json)
      out(printExact({ done: request.kind, ...(membershipJson(members) as object) }));
    else for (const line of [...lines, `${showTolerance(toleranceOf(members))}.`]) out(line);
    return EXIT.done;
  }
}

/** For a single question. */
const CONTACT_MS = 5_000;

function noNewcomer(url: string, why: string): GaveUp {
  return new GaveUp({
    what: `The node at ${url} cannot be added.`,
    why,
    try: "start the new node with an empty data directory and --join with the peer address of a member",
    exitCode: EXIT.failed,
  });
}
