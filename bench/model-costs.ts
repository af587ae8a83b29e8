/** What the steps of the model cost, learnt from a result of the benchmark. */

import { type Costs, fitted, type Setting } from "./model.ts";
import { figureOf } from "./report/statistics.ts";
import type { FigureName, Result } from "./types.ts";

/** The series of `raftally-callers`: the same work with more and more callers. */
const SERIES = /^raftally-callers\/hot-key-(\d+)$/;
/** Between two processes of one machine, ms. */
const LOOPBACK_MS = 0.05;
const US_PER_S = 1_000_000;

/** One of these series: what was measured with so many callers. */
export interface Measured {
  readonly callers: number;
  readonly rate: number;
  /** Of one increment, ms. */
  readonly p50: number;
  readonly batch: number;
  /** Cores that each used. */
  readonly loop: number;
  readonly leader: number;
  readonly follower: number;
  readonly caller: number;
  readonly syncMs: number;
}

/** What was measured with few and with many callers, in order; empty if nothing was. */
export function measuredIn({ series }: Pick<Result, "series">): readonly Measured[] {
  const found = series.flatMap(({ series: name }) => {
    const callers = Number(SERIES.exec(name)?.[1] ?? Number.NaN);
    const value = (figure: FigureName): number =>
      figureOf(series, { series: name, figure })?.median ?? Number.NaN;
    const one: Measured = {
      callers,
      rate: value("rate"),
      p50: value("p50"),
      batch: value("batch"),
      loop: value("loopBusy"),
      leader: value("nodeCpu"),
      follower: value("followerCpu"),
      caller: value("cpu"),
      syncMs: value("syncMs"),
    };
    return Object.values(one).every(Number.isFinite) ? [one] : [];
  });
  return found.sort((a, b) => a.callers - b.callers);
}

/** What was measured with as many callers, or else with the next fewer. */
export function nearest(measured: readonly Measured[], callers: number): Measured | undefined {
  return measured.findLast((one) => one.callers <= callers) ?? measured[0];
}

/**
 * The costs that explain what so many callers got: how much of the CPU for an increment is that of its entry is told by
 * the fewest callers, whose entries are small. What a thousand hold at a time makes each dearer, so each number of callers
 * has costs of its own.
 * @returns undefined if there are not two measurements with entries of different sizes.
 */
export function costsFrom(measured: readonly Measured[], callers: number): Costs | undefined {
  const [few, more] = measured;
  const own = nearest(measured, callers);
  if (few === undefined || more === undefined || own === undefined) return undefined;
  const many = own === few ? more : own;
  if (few.batch === many.batch) return undefined;
  const split = (cores: (one: Measured) => number): ReturnType<typeof fitted> => {
    const us = (one: Measured): number => (cores(one) / one.rate) * US_PER_S;
    return fitted({ us: us(few), batch: few.batch }, { us: us(many), batch: many.batch });
  };
  const loop = split(({ loop: cores }) => cores);
  // All but the loop: the worker with the state, and the threads that write the log.
  const rest = split(({ leader, loop: cores }) => leader - cores);
  const follower = split(({ follower: cores }) => cores);
  return {
    requestUs: Math.max(0, loop.perIncrementUs),
    entryUs: Math.max(0, loop.perEntryUs),
    followerUs: Math.max(0, follower.perEntryUs - rest.perEntryUs),
    applyUs: Math.max(0, rest.perIncrementUs),
    applyEntryUs: Math.max(0, rest.perEntryUs),
    callerUs: (own.caller / own.rate) * US_PER_S,
  };
}

/** The setting in which it was measured. */
export function settingOf({ machine }: Pick<Result, "machine">, { callers, syncMs }: Measured): Setting {
  return { nodes: 3, callers, cores: machine.cores, fsyncMs: syncMs, rttMs: LOOPBACK_MS };
}
