/** What people read on the terminal. */

import { type Judged, median } from "./verdict.ts";

const WRONG_MAX = 20;

/** A judged play, in lines. */
export function reportOf({
  played,
  outcome,
  verdicts,
  wrong,
  lacking,
  operations,
  info,
  bounded,
  fail,
  failovers,
}: Judged): string[] {
  const { seconds, result, faults, reigns, history } = played;
  const rate = Math.round(operations / seconds);
  const lines = [
    `${operations} operations done in ${seconds.toFixed(1)} s (${rate} a second), ${bounded} at their bound, ` +
      `${fail} not done, ${info} of unknown outcome; ` +
      `${result.repeated} sent again later; in client sessions ${result.inSessions}, ` +
      `${result.replayedInSessions} of them answered from an earlier attempt`,
    `faults: ${[...faults.counts].map(([kind, { done, effective }]) => `${kind} ${effective} effective of ${done}`).join(", ")}`,
    `leaders: ${reigns.length} seen; ${failoversInWords(failovers)}`,
    `longest time without an acknowledged write: ${Math.round(result.longestStallMs)} ms`,
    ...verdicts.map(({ checker, valid, operations: judgedOperations, detail, ms }) => {
      const word = valid === true ? "right" : valid === false ? "WRONG" : "UNKNOWN";
      return `${checker}: ${word} (${judgedOperations} operations, ${ms} ms): ${detail}`;
    }),
    `history: ${history}`,
  ];
  if (outcome === "kept") return [...lines, "KEPT: every promise held"];
  if (outcome === "invalid")
    return [...lines, "INVALID: this run proves nothing", ...lacking.map((line) => `  ${line}`)];
  const more = wrong.length > WRONG_MAX ? [`  … and ${wrong.length - WRONG_MAX} more`] : [];
  return [
    ...lines,
    "BROKEN: a promise did not hold",
    ...wrong.slice(0, WRONG_MAX).map((line) => `  ${line}`),
    ...more,
  ];
}

function failoversInWords(failovers: readonly number[]): string {
  const p50 = median(failovers);
  if (p50 === undefined) return "none was taken away while all else was well";
  return `taken away ${failovers.length} times while all else was well, missed for ${Math.round(p50)} ms (p50), ${Math.round(Math.max(...failovers))} ms (max)`;
}
