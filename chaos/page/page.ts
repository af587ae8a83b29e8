/** A whole run as one page, which holds everything itself. */

import { type Judged, median } from "../verdict.ts";
import { chartOf, STALL_MS } from "./chart.ts";
import { duration, escaped, grouped, table } from "./markup.ts";
import { colourOf, STYLE } from "./style.ts";

const WRONG_MAX = 50;

/** A scenario that this machine cannot play, or that could not begin. */
export interface Unplayed {
  readonly name: string;
  readonly outcome: "skipped" | "broken";
  readonly why: string;
}

/** @param date when it was run, for the reader. */
export function pageOf(judgements: readonly Judged[], unplayed: readonly Unplayed[], date: Date): string {
  const sections = judgements.map(section).join("\n");
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Raftally chaos</title>
<style>${STYLE}</style>
<main>
<h1>Raftally under chaos</h1>
<p class="faint">${escaped(date.toUTCString())}. Real processes, real faults; every answer was recorded and judged.</p>
${summary(judgements, unplayed)}
${sections}
</main>
</html>
`;
}

function badge(outcome: string): string {
  return `<span class="badge ${outcome}">${outcome.toUpperCase()}</span>`;
}

function summary(judgements: readonly Judged[], unplayed: readonly Unplayed[]): string {
  const rows = judgements.map(({ played, outcome, operations, failovers }) => [
    escaped(played.scenario.name),
    badge(outcome),
    duration(played.seconds * 1_000),
    grouped(operations),
    grouped(operations / played.seconds),
    String(played.faults.spans.filter(({ effective }) => effective).length),
    failoverText(failovers),
  ]);
  const left = unplayed.map(({ name, outcome, why }) => [escaped(name), badge(outcome), escaped(why)]);
  const head = [
    "scenario",
    "verdict",
    "time",
    "operations",
    "a second",
    "effective faults",
    "failover p50 / max",
  ];
  return `<section>${table(head, [...rows, ...left])}</section>`;
}

function failoverText(failovers: readonly number[]): string {
  const p50 = median(failovers);
  return p50 === undefined ? "–" : `${duration(p50)} / ${duration(Math.max(...failovers))}`;
}

function section(judged: Judged): string {
  const { played, outcome, operations, info, fail, failovers } = judged;
  const { scenario, samples, faults, reigns, seconds, result, seed } = played;
  const spans = faults.spans;
  const nodes = [...new Set([...reigns.map(({ id }) => id), ...spans.flatMap((span) => span.nodes)])].sort();
  const figures: readonly (readonly [string, string])[] = [
    [grouped(operations), `operations, ${grouped(operations / seconds)} a second`],
    [grouped(judged.bounded), "at their bound"],
    [grouped(fail), "not done"],
    [grouped(info), "of unknown outcome"],
    [grouped(result.repeated), "sent again later"],
    [String(spans.filter(({ effective }) => effective).length), `effective faults of ${spans.length}`],
    [failoverText(failovers), `failover p50 / max, of ${failovers.length}`],
    [duration(result.longestStallMs), "longest without a write"],
  ];
  return `<section>
<div class="head"><h2>${escaped(scenario.name)}</h2>${badge(outcome)}</div>
<p class="faint">${escaped(scenario.about)}. Seed ${seed}.</p>
${complaints(judged)}
<div class="figures">${figures.map(([value, name]) => `<div class="figure"><b>${value}</b><span>${name}</span></div>`).join("")}</div>
${chartOf({ spans, reigns, pieces: samples.pieces, gaps: samples.gaps, nodes })}
${legend([...faults.counts.keys()])}
<h3>Checkers</h3>
${verdictTable(judged)}
<h3>Faults</h3>
${table(
  ["kind", "done", "effective"],
  [...faults.counts].map(([kind, { done, effective }]) => [escaped(kind), String(done), String(effective)]),
)}
</section>`;
}

function complaints({ outcome, wrong, lacking }: Judged): string {
  const lines = outcome === "broken" ? wrong : outcome === "invalid" ? lacking : [];
  if (lines.length === 0) return "";
  const items = lines.slice(0, WRONG_MAX).map((line) => `<li><code>${escaped(line)}</code></li>`);
  const more = lines.length > WRONG_MAX ? `<li>and ${lines.length - WRONG_MAX} more</li>` : "";
  return `<ul class="${outcome}">${items.join("")}${more}</ul>`;
}

function verdictTable({ verdicts }: Judged): string {
  const rows = verdicts.map(({ checker, valid, operations, ms, detail }) => {
    const word = valid === true ? "right" : valid === false ? "wrong" : "unknown";
    return [
      escaped(checker),
      `<b class="${word}">${word}</b>`,
      grouped(operations),
      duration(ms),
      escaped(detail),
    ];
  });
  return table(["checker", "verdict", "operations", "took", "what it says"], rows);
}

function legend(kinds: readonly string[]): string {
  const byColour = new Map<string, string[]>();
  for (const kind of kinds) byColour.set(colourOf(kind), [...(byColour.get(colourOf(kind)) ?? []), kind]);
  const items: readonly (readonly [string, string])[] = [
    ["var(--lead)", "leads"],
    ...[...byColour].map(([colour, alike]) => [colour, alike.join(", ")] as const),
    ["var(--write)", "writes"],
    ["var(--read)", "reads"],
    ["var(--p50)", "p50 of writes"],
    ["var(--p99)", "p99 of writes"],
    ["var(--stalled)", `no write acknowledged for ${STALL_MS} ms or more`],
  ];
  const shown = items.map(
    ([colour, name]) => `<span><i style="background:${colour}"></i>${escaped(name)}</span>`,
  );
  return `<div class="legend">${shown.join("")}</div>`;
}
