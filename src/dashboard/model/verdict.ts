/** How the cluster is, in words: one sentence that is right in every state, and notes on what else is to be known. */

import { compareDigests } from "./digests.ts";
import { type Note, notesOf } from "./notes.ts";
import { ago, listed, numbered, plain } from "./phrases.ts";
import { type Standing, standingOf } from "./standing.ts";
import type { ClusterView, NodeView, Tone, Verdict, VerdictKind } from "./view.ts";

export interface Facts extends Omit<ClusterView, "verdict"> {
  /** Since the page was loaded, ms. */
  readonly waitedMs: number;
}

/** So long it is normal that nobody has answered yet, ms. */
const PATIENCE_MS = 4_000;

/** The first that applies, most serious first. */
export function judge(facts: Facts): Verdict {
  const standing = standingOf(facts.nodes, facts.configuration);
  return (
    unheard(facts) ??
    lost(facts) ??
    differing(facts) ??
    forming(facts) ??
    withoutMajority(facts, standing) ??
    electing(facts, standing) ??
    led(facts, standing)
  );
}

/** The parts of a verdict, with the notes not yet taken apart. */
interface Draft {
  readonly kind: VerdictKind;
  readonly tone: Tone;
  readonly sentence: string;
  readonly notes: readonly Note[];
  readonly concerns?: readonly string[];
}

function verdict({ notes, concerns = [], ...rest }: Draft): Verdict {
  const all = [...new Set([...concerns, ...notes.flatMap((note) => note.concerns)])];
  return { ...rest, notes: notes.map(({ text }) => text), concerns: all };
}

function say(text: string): Note {
  return { text, serious: true, concerns: [] };
}

function unheard({ nodes, home, waitedMs }: Facts): Verdict | undefined {
  if (nodes.some(({ picture }) => picture !== undefined)) return undefined;
  const host = URL.canParse(home.url) ? new URL(home.url).host : home.url;
  if (waitedMs < PATIENCE_MS) {
    return verdict({ kind: "unheard", tone: "none", sentence: `Connecting to ${host} …`, notes: [] });
  }
  const notes = [say("The page goes on trying. Is the cluster running?")];
  return verdict({ kind: "unheard", tone: "bad", sentence: `No node answers at ${host}`, notes });
}

function lost({ nodes }: Facts): Verdict | undefined {
  if (nodes.some(({ fresh }) => fresh)) return undefined;
  const last = nodes.reduce((a, b) => ((b.ageMs ?? Infinity) < (a.ageMs ?? Infinity) ? b : a));
  return verdict({
    kind: "lost",
    tone: "bad",
    sentence: `No node answers: ${last.id} was the last to be heard, ${ago(last.ageMs ?? 0)}`,
    notes: [say("What is shown is how things were then. The page goes on trying all of them.")],
    concerns: nodes.map(({ id }) => id),
  });
}

function differing({ nodes }: Facts): Verdict | undefined {
  const alarmed = nodes.filter(({ fresh, picture }) => fresh && picture?.status.alarm !== undefined);
  const { fault } = compareDigests(nodes);
  if (alarmed.length === 0 && fault === undefined) return undefined;
  const alarms = alarmed.map(({ id, picture }) => say(`${id}: ${plain(picture?.status.alarm ?? "")}`));
  const [most, ...others] = fault?.sides ?? [];
  const odd = others.flatMap((side) => side.nodes);
  const clear = most !== undefined && most.nodes.length > odd.length;
  const sentence =
    fault === undefined
      ? "The copies differ: a node has raised the alarm"
      : clear
        ? `The copies differ: at index ${numbered(fault.index)} ${listed(odd)} ${odd.length === 1 ? "has" : "have"} other counters than ${listed(most.nodes)}`
        : `The copies differ: at index ${numbered(fault.index)} ${listed(fault.sides.map(({ nodes: side }) => listed(side)))} have different counters`;
  const concerns = [...odd, ...(clear ? [] : (most?.nodes ?? [])), ...alarmed.map(({ id }) => id)];
  const advice = say(
    "Do not trust a count before this is understood: the section on alarms in the operations guide.",
  );
  return verdict({ kind: "digests", tone: "bad", sentence, notes: [...alarms, advice], concerns });
}

/** Nodes that answer, and none of them takes part in a cluster yet. */
function forming({ nodes }: Facts): Verdict | undefined {
  const present = nodes.filter(({ fresh }) => fresh);
  if (present.some(({ picture }) => picture?.status.state === "running")) return undefined;
  const joins = present.filter(({ picture }) => picture?.status.state === "joining").map(({ id }) => id);
  const sentence =
    joins.length > 0
      ? `${listed(joins)} ${joins.length === 1 ? "asks" : "ask"} to be taken into the cluster`
      : `${listed(present.map(({ id }) => id))} ${present.length === 1 ? "waits" : "wait"} for the other first members: the cluster begins when all have met`;
  return verdict({ kind: "forming", tone: "busy", sentence, notes: [] });
}

function withoutMajority(facts: Facts, standing: Standing): Verdict | undefined {
  const { best, voters } = standing;
  if (standing.spare(best) >= 0) return undefined;
  const needed = best.length - standing.spare(best);
  const together =
    best.length === 0
      ? `none of ${voters.length} nodes answers the others`
      : best.length === 1 && facts.nodes.filter(({ fresh }) => fresh).length > 1
        ? `no node reaches any of the other ${voters.length - 1}`
        : best.length === 1
          ? `${best[0]} reaches none of the other ${voters.length - 1}`
          : `${best.length} of ${voters.length} nodes reach each other`;
  const both = standing.halves.length > 1 ? ", of the old voters and of the new ones" : "";
  return verdict({
    kind: "noQuorum",
    tone: "bad",
    sentence: `No majority: ${together}, and ${needed} are needed${both}`,
    notes: [
      say("Writes and exact reads wait, and nothing that was acknowledged is lost."),
      ...notesOf(facts, standing),
    ],
    concerns: voters.filter((id) => !best.includes(id)),
  });
}

/** A majority, and nobody who leads it. */
function electing(facts: Facts, standing: Standing): Verdict | undefined {
  const { leader, nodes } = facts;
  if (leader !== undefined && standing.spare(standing.reach(leader.id)) >= 0) return undefined;
  const standers = nodes.filter(({ fresh, picture }) => {
    const role = picture?.status.role;
    return fresh && (role === "candidate" || role === "preCandidate");
  });
  const terms = standers.map(({ picture }) => {
    const { term = 0, role } = picture?.status ?? {};
    return role === "preCandidate" ? term + 1 : term;
  });
  const up = `${standing.best.length} of ${standing.voters.length} nodes`;
  const who =
    standers.length > 0
      ? `${listed(standers.map(({ id }) => id))} ${standers.length === 1 ? "stands" : "stand"} for term ${Math.max(...terms)}`
      : "nobody stands yet";
  const powerless =
    leader === undefined
      ? []
      : [say(`${leader.id} still says that it leads term ${termOf(leader)}, and reaches no majority.`)];
  return verdict({
    kind: "electing",
    tone: "busy",
    sentence: `Electing: ${up} are up, ${who}`,
    notes: [say("Writes wait for a moment."), ...powerless, ...notesOf(facts, standing)],
    concerns: [...standers.map(({ id }) => id), ...(leader === undefined ? [] : [leader.id])],
  });
}

function termOf(node: NodeView): number {
  return node.picture?.status.term ?? 0;
}

/** Somebody leads a majority. */
function led(facts: Facts, standing: Standing): Verdict {
  const { leader, nodes } = facts;
  const claimants = nodes.filter(
    ({ fresh, leads, picture }) => fresh && !leads && picture?.status.role === "leader",
  );
  if (leader === undefined)
    return verdict({ kind: "lost", tone: "bad", sentence: "Nobody leads", notes: [] });
  const term = leader.fresh ? termOf(leader) : facts.term;
  const twins = claimants.filter((node) => termOf(node) === term).map(({ id }) => id);
  const reached = standing.reach(leader.id);
  const spare = standing.spare(reached);
  const notes = notesOf(facts, standing);
  const sentence = `${reached.length} of ${standing.voters.length} ${standing.voters.length === 1 ? "node" : "nodes"}, ${leader.id} leads term ${term}, ${mayLose(spare)}`;
  if (twins.length > 0) {
    return verdict({
      kind: "twoLeaders",
      tone: "bad",
      sentence: `${listed([leader.id, ...twins])} both say that they lead term ${term}: this must never be`,
      notes: [say("Stop the writers and keep the data directories of all nodes."), ...notes],
      concerns: [leader.id, ...twins],
    });
  }
  const former = claimants.map((node) => ({
    text: `${node.id} still says that it leads term ${termOf(node)}: an earlier one, in which it can commit nothing.`,
    serious: true,
    concerns: [node.id],
  }));
  if (former.length > 0)
    return verdict({ kind: "twoLeaders", tone: "warn", sentence, notes: [...former, ...notes] });
  const serious = notes.some((note) => note.serious);
  if (serious) return verdict({ kind: "degraded", tone: "warn", sentence, notes });
  return notes.length > 0
    ? verdict({ kind: "changing", tone: "busy", sentence, notes })
    : verdict({ kind: "healthy", tone: "good", sentence, notes });
}

function mayLose(spare: number): string {
  return spare === 0 ? "cannot lose another" : `can lose ${spare} more`;
}
