/**
 * What a group would do on other machines, by the model, from what one result of the benchmark says that the steps cost:
 *
 *     node bench/predict.ts bench/results/RESULT.json
 *
 * First what it predicts for what was measured, so that everybody sees how far it is to be believed.
 */

import { readFileSync } from "node:fs";
import { type Costs, type Prediction, predict, type Setting } from "./model.ts";
import { costsFrom, type Measured, measuredIn, nearest, settingOf } from "./model-costs.ts";
import { resultIn } from "./report/json.ts";
import type { Result } from "./types.ts";

const CALLERS: readonly number[] = [64, 1_024, 4_096];

type Row = readonly (string | number)[];

function table(head: Row, rows: readonly Row[]): string {
  const line = (row: Row): string => `| ${row.map(shown).join(" | ")} |`;
  return [line(head), `|${"---|".repeat(head.length)}`, ...rows.map(line)].join("\n");
}

function shown(value: string | number): string {
  if (typeof value === "string") return value;
  return value >= 100 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(3)));
}

/** What limits it: whoever is busy nearly all the time. */
export function limitOf({ busy }: Pick<Prediction, "busy">): string {
  const [most] = Object.entries(busy).sort((a, b) => b[1] - a[1]);
  return most === undefined || most[1] < 0.9 ? "the number of callers" : most[0];
}

/** The costs of so many callers. */
type CostsOf = (callers: number) => Costs;

function checked(result: Result, measured: readonly Measured[], costsOf: CostsOf, seconds: number): string {
  const rows = measured.map((one) => {
    const { rate, batch, p50 } = predict(costsOf(one.callers), settingOf(result, one), seconds);
    return [one.callers, one.rate, rate, rate / one.rate, one.p50, p50, one.batch, batch];
  });
  const head = ["callers", "measured /s", "predicted /s", "ratio", "p50 ms", "predicted"];
  return table([...head, "in an entry", "predicted"], rows);
}

/** @param settingAt what so many callers found, of which a sync is longer the more they are. */
function elsewhere(settingAt: (callers: number) => Setting, costsOf: CostsOf, seconds: number): string {
  const cores = Number.POSITIVE_INFINITY;
  const places: readonly [string, Partial<Setting>][] = [
    ["as measured", {}],
    ["4 cores", { cores: 4 }],
    ["a core for every thread", { cores }],
    ["that, and five nodes", { cores, nodes: 5 }],
    ["that, a sync of 5 ms", { cores, fsyncMs: 5 }],
    ["that, 1 ms away", { cores, rttMs: 1 }],
    ["that, 50 ms away", { cores, rttMs: 50 }],
  ];
  const rows = places.flatMap(([where, change]) =>
    CALLERS.map((callers) => {
      const found = predict(costsOf(callers), { ...settingAt(callers), ...change }, seconds);
      return [where, callers, found.rate, found.p50, found.p99, found.batch, limitOf(found)];
    }),
  );
  return table(["where", "callers", "/s", "p50 ms", "p99 ms", "in an entry", "limited by"], rows);
}

/**
 * The tables for a result, as Markdown.
 * @param seconds of virtual time for each row.
 * @throws {Error} if it lacks what the model has to know.
 */
export function predictions(result: Result, seconds = 0.5): string {
  const measured = measuredIn(result);
  const known = <T>(found: T | undefined): T => {
    if (found === undefined) throw new Error("the result has no rows of raftally-callers");
    return found;
  };
  const costsOf = (callers: number): Costs => known(costsFrom(measured, callers));
  const settingAt = (callers: number): Setting => ({
    ...settingOf(result, known(nearest(measured, callers))),
    callers,
  });
  const all = measured.map(({ callers }) => costsOf(callers));
  const steps = Object.keys(costsOf(1)) as (keyof Costs)[];
  return [
    table(
      ["step, µs, by callers", ...measured.map(({ callers }) => String(callers))],
      steps.map((step) => [step, ...all.map((costs) => costs[step])]),
    ),
    checked(result, measured, costsOf, seconds),
    elsewhere(settingAt, costsOf, seconds),
    "",
  ].join("\n\n");
}

if (import.meta.main) {
  const [path] = process.argv.slice(2);
  if (path === undefined) {
    process.stderr.write("Usage: node bench/predict.ts RESULT.json\n");
    process.exitCode = 2;
  } else {
    process.stdout.write(predictions(resultIn(readFileSync(path, "utf8"))));
  }
}
