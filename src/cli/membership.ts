/** What people read about the members of a cluster: tables, fault tolerance, and how far a newcomer is. */

import { type Column, table } from "./output.ts";

/** A member as the leader sees it. */
export interface MemberSeen {
  readonly id: string;
  readonly incarnation: string;
  readonly peer: string;
  readonly api: string;
  /** `voter`, `learner`, or `joining` and `leaving` while a change of the voters is under way. */
  readonly role: string;
  readonly leads: boolean;
  readonly reachable: boolean;
  /** Entries that it is known to hold; undefined where only the leader knows. */
  readonly match: number | undefined;
  readonly catchUp: CatchUp | undefined;
}

/** How far a newcomer is. */
export interface CatchUp {
  /** 0 to 100. */
  readonly percent: number;
  readonly msLeft: number | undefined;
}

/** What a cluster of so many voters bears. */
export interface Tolerance {
  readonly voters: number;
  /** Voters that may fail. */
  readonly mayFail: number;
  /** Voters that can be reached now; undefined if that is not known. */
  readonly reachable?: number;
}

/** `3 voters, 1 may fail`. */
export function showTolerance({ voters, mayFail }: Tolerance): string {
  const bears = mayFail === 0 ? "none may fail" : `${mayFail} may fail`;
  return `${voters} voter${voters === 1 ? "" : "s"}, ${bears}`;
}

/** Of the voters in force; while they change, of those that the change leads to. */
export function toleranceOf(members: readonly MemberSeen[]): Tolerance {
  const voters = members.filter(({ role }) => role === "voter" || role === "joining");
  const reachable = voters.filter((member) => member.reachable).length;
  return { voters: voters.length, mayFail: Math.max(0, Math.floor((voters.length - 1) / 2)), reachable };
}

/** `n4 is catching up, 62 %, about 4 s left`; undefined once it has caught up. */
export function showCatchUp({ id, catchUp, reachable }: MemberSeen): string | undefined {
  if (!reachable) return `${id} cannot be reached at the moment; waiting for it`;
  if (catchUp === undefined) return undefined;
  const left = catchUp.msLeft === undefined ? "" : `, about ${showTime(catchUp.msLeft)} left`;
  return `${id} is catching up, ${Math.floor(catchUp.percent)} %${left}`;
}

/** A rough time for people: 4 s, 3 min, 2 h. At least 1 s. */
export function showTime(ms: number): string {
  const seconds = Math.max(1, Math.ceil(ms / 1_000));
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}

/** Who changes sides, while the configuration is joint; undefined while it is not. */
export function showChange(members: readonly MemberSeen[]): string | undefined {
  const named = (role: string): string => {
    const ids = members.filter((member) => member.role === role).map(({ id }) => id);
    return ids.join(", ");
  };
  const parts = [
    named("joining") === "" ? [] : [`${named("joining")} will vote`],
    named("leaving") === "" ? [] : [`${named("leaving")} will leave`],
  ].flat();
  return parts.length === 0 ? undefined : `A change of the voters is under way: ${parts.join(", ")}.`;
}

/**
 * The change that is under way, and without a leader the way out of it.
 * @param led whether anybody leads: without, the change cannot go on by itself.
 */
export function showChangeAndWayOut(members: readonly MemberSeen[], led: boolean): readonly string[] {
  const change = showChange(members);
  if (change === undefined) return [];
  return led ? [change] : [change, WAY_OUT];
}

const WAY_OUT =
  "No node leads, and this change needs a majority of the voters before it and one of those after it: start the nodes " +
  "that are down. If one of them is lost for good, raftally recover on the survivor is the way out.";

const COLUMNS: readonly Column[] = [
  { title: "member" },
  { title: "role" },
  { title: "reached" },
  { title: "holds", align: "right" },
  { title: "url" },
  { title: "peer address" },
];

/** The members as a table, and what follows from it in sentences. */
export function showMembership(members: readonly MemberSeen[]): readonly string[] {
  const rows = members.map((member) => [
    member.id,
    member.leads ? `${member.role}, leads` : member.role,
    reachedText(member),
    member.match === undefined ? "" : String(member.match),
    member.api,
    member.peer,
  ]);
  const tolerance = toleranceOf(members);
  const down = tolerance.voters - (tolerance.reachable ?? tolerance.voters);
  const led = members.some(({ leads }) => leads);
  return [
    ...table(COLUMNS, rows),
    "",
    `${showTolerance(tolerance)}${down === 0 ? "" : `; ${down} cannot be reached now`}.`,
    ...showChangeAndWayOut(members, led),
    ...members.flatMap((member) => (member.reachable ? (showCatchUp(member) ?? []) : [])),
  ];
}

function reachedText({ reachable, catchUp }: MemberSeen): string {
  if (!reachable) return "no";
  return catchUp === undefined ? "yes" : `yes, ${Math.floor(catchUp.percent)} %`;
}

/** `3 voters, 1 may fail → 4 voters, 1 may fail`, with a word on what people get wrong most often. */
export function showPlan(before: Tolerance, after: Tolerance): readonly string[] {
  const lines = [`${showTolerance(before)} → ${showTolerance(after)}`];
  const reachable = after.reachable ?? after.voters;
  const majority = Math.floor(after.voters / 2) + 1;
  if (reachable < after.voters) {
    const spare = reachable - majority;
    const left =
      spare > 0 ? `${spare} more may fail` : spare === 0 ? "no other may fail" : "that is no majority";
    lines.push(`Of the ${after.voters}, ${reachable} can be reached now: ${left}.`);
  }
  if (before.voters === 1 && after.voters === 2) {
    lines.push(
      "Until the change is in force both nodes are needed, and as long as there are 2 voters: if one of them is down, " +
        "nothing is decided.",
    );
  }
  if (after.voters > before.voters && after.mayFail === before.mayFail) {
    lines.push("One more voter, and no more failures that can be borne: an odd number of voters is better.");
  }
  if (after.mayFail < before.mayFail) lines.push("Fewer failures can be borne than before.");
  return lines;
}
