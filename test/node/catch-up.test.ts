import { expect, it } from "vitest";
import { CatchUp, type CatchUpSample } from "../../src/node/catch-up.ts";
import { nodeId } from "../../src/raft/index.ts";

const LEARNER = nodeId("n4");

function at(
  match: number,
  last: number,
  snapshot?: CatchUpSample["snapshot"],
): Map<typeof LEARNER, CatchUpSample> {
  return new Map([[LEARNER, { match, last, snapshot }]]);
}

it("counts entries against the end of the log as it was at the beginning, and time by the rate until now", () => {
  const catchUp = new CatchUp();
  expect(catchUp.of(LEARNER)).toBeUndefined();
  catchUp.sample(at(0, 1_000), 0);
  expect(catchUp.of(LEARNER)).toEqual({ percent: 0, msLeft: undefined });
  catchUp.sample(at(250, 1_100), 1_000);
  // 250 entries a second, and 850 to go.
  expect(catchUp.of(LEARNER)).toEqual({ percent: 25, msLeft: 3_400 });
});

it("counts the bytes of a snapshot as the entries that it stands for", () => {
  const catchUp = new CatchUp();
  catchUp.sample(at(0, 1_000, { index: 800, share: 0 }), 0);
  catchUp.sample(at(0, 1_000, { index: 800, share: 0.5 }), 2_000);
  expect(catchUp.of(LEARNER)).toEqual({ percent: 40, msLeft: 3_000 });
  // The transfer is over, and the learner has not said yet that it has installed it.
  catchUp.sample(at(0, 1_000), 2_250);
  expect(catchUp.of(LEARNER)?.percent).toBe(40);
  catchUp.sample(at(0, 1_000, { index: 900, share: 0 }), 2_500);
  expect(catchUp.of(LEARNER)?.percent).toBe(0);
  catchUp.sample(at(800, 1_000), 4_000);
  expect(catchUp.of(LEARNER)?.percent).toBe(80);
});

it("never says that it is done, and promises no time while nothing moves", () => {
  const catchUp = new CatchUp();
  catchUp.sample(at(0, 1_000), 0);
  catchUp.sample(at(1_200, 1_300), 1_000);
  expect(catchUp.of(LEARNER)).toEqual({ percent: 99, msLeft: 83 });
  for (let ms = 2_000; ms < 8_000; ms += 1_000) catchUp.sample(at(1_200, 1_300), ms);
  expect(catchUp.of(LEARNER)).toEqual({ percent: 99, msLeft: undefined });
});

it("forgets whoever has caught up", () => {
  const catchUp = new CatchUp();
  catchUp.sample(at(10, 1_000), 0);
  catchUp.sample(new Map(), 250);
  expect(catchUp.of(LEARNER)).toBeUndefined();
  catchUp.sample(at(500, 2_000), 500);
  expect(catchUp.of(LEARNER)).toEqual({ percent: 25, msLeft: undefined });
});
