/** The model of a group: what it must give where arithmetic knows, and what was measured. */

import { describe, expect, it } from "vitest";
import { type Costs, fitted, predict, type Setting } from "../../bench/model.ts";
import { costsFrom, measuredIn } from "../../bench/model-costs.ts";
import { Gathering } from "../../bench/model-gathering.ts";
import { limitOf, predictions } from "../../bench/predict.ts";
import type { Result, Series } from "../../bench/types.ts";
import { Prng } from "../../src/base/index.ts";
import { Gathering as ProductGathering } from "../../src/node/gathering.ts";

const FREE: Costs = {
  requestUs: 0,
  entryUs: 0,
  followerUs: 0,
  applyUs: 0,
  applyEntryUs: 0,
  callerUs: 0,
};
const ALL: Setting = { nodes: 3, callers: 64, cores: Number.POSITIVE_INFINITY, fsyncMs: 0, rttMs: 0 };

describe("the model", () => {
  it("lets one caller wait for a round trip and a follower's sync, beside which the leader's is for nothing", () => {
    const { p50, rate, batch } = predict(FREE, { ...ALL, callers: 1, fsyncMs: 5, rttMs: 20 });
    expect(p50).toBeCloseTo(25, 0);
    expect(rate).toBeCloseTo(40, 0);
    expect(batch).toBe(1);
  });

  it("shares the syncs among more callers: each still waits for two at most, and the rate grows with them", () => {
    const slow = { ...ALL, fsyncMs: 10 };
    // Everybody asks when the answers come, and finds the disk at work for the others: two groups in turn.
    for (const callers of [10, 100, 1_000]) {
      const { rate, batch, busy } = predict(FREE, { ...slow, callers });
      expect(rate / callers).toBeGreaterThanOrEqual(49);
      expect(rate / callers).toBeLessThanOrEqual(101);
      expect(batch).toBeGreaterThanOrEqual(callers / 2.1);
      expect(busy.disk).toBeCloseTo(1, 1);
    }
  });

  it("has more than one entry on its way where the way is long and the disk quick", () => {
    const far = { ...ALL, fsyncMs: 1, rttMs: 100 };
    const { rate, syncs } = predict({ ...FREE, requestUs: 100 }, { ...far, callers: 200 });
    // One entry at a time would be ten entries a second.
    expect(syncs).toBeGreaterThan(50);
    expect(rate).toBeGreaterThan(200 / 0.13);
  });

  it("is never faster than the leader's loop, which one increment takes so long", () => {
    const { rate, busy } = predict(
      { ...FREE, requestUs: 10, entryUs: 50 },
      { ...ALL, callers: 500, fsyncMs: 0.1 },
    );
    expect(rate).toBeLessThanOrEqual(1e6 / (10 + 50 / 500) + 1);
    expect(rate).toBeGreaterThan(0.95 * (1e6 / (10 + 50 / 500)));
    expect(busy.leader).toBeGreaterThan(0.97);
  });

  it("is never faster than its cores, whichever thread needs them", () => {
    const costs = { ...FREE, requestUs: 5, callerUs: 5, applyUs: 10 };
    // 5 and 5 on two loops and 10 on each of three workers: 40 µs an increment.
    const { rate, busy } = predict(costs, { ...ALL, callers: 500, cores: 2, fsyncMs: 0.01 }, 0.3);
    expect(rate / (2e6 / 40)).toBeGreaterThan(0.93);
    expect(rate / (2e6 / 40)).toBeLessThan(1.02);
    expect(busy.cores).toBeGreaterThan(0.93);
    const enough = predict(costs, { ...ALL, callers: 500, cores: 16, fsyncMs: 0.01 }, 0.3);
    expect(enough.rate).toBeGreaterThan(1.9 * rate);
    expect(enough.busy.worker).toBeGreaterThan(0.97);
  });

  it("waits for the second of four followers with five nodes, and for nobody with one", () => {
    const far = { ...ALL, callers: 1, rttMs: 10 };
    expect(predict(FREE, { ...far, nodes: 5 }).p50).toBeCloseTo(10, 0);
    expect(predict({ ...FREE, requestUs: 100 }, { ...far, nodes: 1 }).p50).toBeCloseTo(0.1, 1);
  });

  it("answers beside the worker", () => {
    const slow = { ...FREE, requestUs: 1, applyEntryUs: 900 };
    expect(predict(slow, { ...ALL, callers: 1, fsyncMs: 1 }).p50).toBeCloseTo(1, 1);
  });

  it("has large entries wait for the answers of the latest, and for its callers to come back", () => {
    const costs = { ...FREE, requestUs: 20, entryUs: 100 };
    const { batch, rate } = predict(costs, { ...ALL, callers: 64, fsyncMs: 0.5 });
    expect(batch).toBeGreaterThan(63);
    // One turn: half of the entry, a sync, the other half, and all 64 requests one after the other.
    expect(rate).toBeCloseTo(64 / (0.5e-3 + 100e-6 + 64 * 20e-6), -3);
    const few = predict(costs, { ...ALL, callers: 12, fsyncMs: 0.5 });
    expect(few.batch).toBeLessThan(9);
  });

  it("gathers as the product does", () => {
    const prng = new Prng(42);
    const below = (end: number): number => Math.floor(prng.real() * end);
    const [model, product] = [new Gathering(), new ProductGathering(16)];
    let [nowUs, decided] = [0, 0];
    for (let step = 0; step < 20_000; step++) {
      nowUs += below(below(50) === 0 ? 60_000 : 2_000);
      const [waiting, underWay] = [1 + below(80), below(2)];
      const isOver = product.isOver({ waiting, inFlight: underWay > 0 }, nowUs / 1_000);
      const againUs = model.until({ waiting, underWay }, nowUs);
      expect(againUs <= nowUs, `step ${step}`).toBe(isOver);
      if (!isOver) continue;
      decided += 1;
      model.made(waiting, nowUs);
      product.proposed(waiting, nowUs / 1_000);
    }
    expect(decided).toBeGreaterThan(1_000);
    expect(decided).toBeLessThan(19_000);
  });

  it("says the same every time", () => {
    const costs = {
      ...FREE,
      requestUs: 9,
      entryUs: 40,
      followerUs: 30,
      applyUs: 1,
      applyEntryUs: 20,
      callerUs: 4,
    };
    const setting = { ...ALL, cores: 2, fsyncMs: 0.05, rttMs: 0.05 };
    expect(predict(costs, setting)).toEqual(predict(costs, setting));
  });
});

/**
 * Measured with a sketch of this data path, on two cores, all of it on them: three nodes, one hot key, fsync on. One
 * caller alone was answered in 0.18 ms; 64 callers got 67,000 to 77,000 increments a second, 256 got 94,000. A bare sync
 * took 35 to 55 µs.
 */
const SKETCH = { aloneMs: 0.18, rate64: 72_000, rate256: 94_000, fsyncMs: 0.045 } as const;

it("predicts what 256 callers were measured to get, from what one and 64 got", () => {
  const setting = { ...ALL, cores: 2, fsyncMs: SKETCH.fsyncMs };
  // Of an entry, followers and workers do about as much as the leader; so two unknowns are left for two measurements.
  const costsOf = (requestUs: number, entryUs: number): Costs => ({
    ...{ requestUs, entryUs, followerUs: entryUs / 2, applyEntryUs: entryUs / 2 },
    ...{ applyUs: 0.2, callerUs: requestUs / 2 },
  });
  const alone = (costs: Costs): number => predict(costs, { ...setting, callers: 1 }, 0.5).p50;
  const rate = (costs: Costs, callers: number): number => predict(costs, { ...setting, callers }, 0.5).rate;
  let [requestUs, entryUs] = [8, 50];
  for (let step = 0; step < 12; step++) {
    requestUs *= (rate(costsOf(requestUs, entryUs), 64) / SKETCH.rate64) ** 0.8;
    entryUs *= (SKETCH.aloneMs / alone(costsOf(requestUs, entryUs))) ** 0.8;
  }
  const costs = costsOf(requestUs, entryUs);
  expect(alone(costs) / SKETCH.aloneMs).toBeCloseTo(1, 1);
  expect(rate(costs, 64) / SKETCH.rate64).toBeCloseTo(1, 1);
  const predicted = rate(costs, 256) / SKETCH.rate256;
  expect(predicted).toBeGreaterThan(0.85);
  expect(predicted).toBeLessThan(1.15);
});

it("tells what an increment costs from what an entry does, by two measurements", () => {
  const point = (batch: number): { us: number; batch: number } => ({ us: 12 + 60 / batch, batch });
  const { perIncrementUs, perEntryUs } = fitted(point(1), point(30));
  expect(perIncrementUs).toBeCloseTo(12, 6);
  expect(perEntryUs).toBeCloseTo(60, 6);
  expect(() => fitted(point(3), point(3))).toThrow("different sizes");
});

describe("a result of the benchmark", () => {
  const COSTS: Costs = {
    ...{ requestUs: 9, entryUs: 60, followerUs: 45, applyUs: 0.5, applyEntryUs: 30, callerUs: 5 },
  };
  const machine = { cores: 2 } as Result["machine"];

  /** What would be measured with so many callers, if the model were the world. */
  function seriesOf(callers: number): Series {
    const setting = { ...ALL, callers, cores: 2, fsyncMs: 0.04, rttMs: 0.05 };
    const { rate, batch, p50 } = predict(COSTS, setting, 0.5);
    const loop = (rate * (COSTS.requestUs + COSTS.entryUs / batch)) / 1e6;
    const worker = (rate * (COSTS.applyUs + COSTS.applyEntryUs / batch)) / 1e6;
    const figures = {
      ...{ rate, p50, batch, loopBusy: loop, nodeCpu: loop + worker, syncMs: 0.04 },
      followerCpu: worker + (rate * COSTS.followerUs) / batch / 1e6,
      cpu: (rate * COSTS.callerUs) / 1e6,
    };
    const check = { about: "", acknowledged: 1n, found: 1n, underway: 0 };
    return {
      ...{ id: "", about: "", connections: callers, keys: 1, series: `raftally-callers/hot-key-${callers}` },
      rounds: [{ outcome: "measured", sample: { figures, check } }],
    };
  }

  it("says what the steps cost, and the model then says what was measured", () => {
    const series = [256, 1, 64].map(seriesOf);
    const measured = measuredIn({ series });
    expect(measured.map(({ callers }) => callers)).toEqual([1, 64, 256]);
    for (const callers of [1, 64, 200, 256, 5_000]) {
      const costs = costsFrom(measured, callers);
      for (const [step, us] of Object.entries(COSTS))
        expect(costs?.[step as keyof Costs], `${step} of ${callers}`).toBeCloseTo(us, 6);
    }
    const text = predictions({ series, machine } as unknown as Result, 0.1);
    const ratios = [
      ...text.matchAll(/^\| \d+ \| [\d,.]+ \| [\d,.]+ \| ([\d.]+) \| [\d.]+ \| [\d.]+ \|/gm),
    ].map((row) => Number(row[1]));
    expect(ratios).toHaveLength(3);
    for (const ratio of ratios) expect(Math.abs(ratio - 1)).toBeLessThan(0.1);
  });

  it("that lacks the rows with more and more callers says nothing about it", () => {
    expect(measuredIn({ series: [] })).toEqual([]);
    expect(costsFrom(measuredIn({ series: [seriesOf(64)] }), 64)).toBeUndefined();
    const broken = { ...seriesOf(1), rounds: [{ outcome: "failed", reason: "x" }] } as const;
    expect(measuredIn({ series: [broken, seriesOf(64)] })).toHaveLength(1);
    expect(() => predictions({ series: [], machine } as unknown as Result)).toThrow("no rows");
  });

  it("is limited by whoever is busy nearly all the time, or else by those who ask", () => {
    const busy = { leader: 0.5, worker: 0.1, follower: 0.3, disk: 0.97, cores: 0.4 };
    expect(limitOf({ busy })).toBe("disk");
    expect(limitOf({ busy: { ...busy, disk: 0.3 } })).toBe("the number of callers");
  });
});
