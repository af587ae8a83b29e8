import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Gathering } from "../../src/node/gathering.ts";
import { WriteQueue } from "../../src/node/write-queue.ts";

const FROM = 16;

/** After an entry of so many writes, proposed at 100 ms. */
function entryOf(writes: number): Gathering {
  const gathering = new Gathering(FROM);
  gathering.proposed(writes, 100);
  return gathering;
}

describe("gathering", () => {
  it.each([0, 1, 15])("is over at once after an entry of %i, with that one on its way or not", (writes) => {
    const gathering = writes === 0 ? new Gathering(FROM) : entryOf(writes);
    expect(gathering.isOver({ waiting: 1, inFlight: true }, 100)).toBe(true);
    expect(gathering.isOver({ waiting: 1, inFlight: false }, 100)).toBe(true);
  });

  it("waits for the answers to an entry of many, although as many wait already", () => {
    const gathering = entryOf(64);
    expect(gathering.isOver({ waiting: 64, inFlight: true }, 109.9)).toBe(false);
    expect(gathering.isOver({ waiting: 64, inFlight: false }, 109.9)).toBe(true);
  });

  it("does not wait for an entry that is on its way for 10 ms", () => {
    expect(entryOf(64).isOver({ waiting: 60, inFlight: true }, 110)).toBe(true);
  });

  it("is over once fifteen of sixteen are here again", () => {
    const gathering = entryOf(64);
    expect(gathering.isOver({ waiting: 59, inFlight: false }, 101)).toBe(false);
    expect(gathering.isOver({ waiting: 60, inFlight: false }, 101)).toBe(true);
  });

  it("waits for 5 ms for those that do not come back, from when nothing else kept the entry", () => {
    const gathering = entryOf(64);
    expect(gathering.isOver({ waiting: 10, inFlight: true }, 104)).toBe(false);
    expect(gathering.isOver({ waiting: 10, inFlight: false }, 105)).toBe(false);
    expect(gathering.isOver({ waiting: 11, inFlight: false }, 109.9)).toBe(false);
    expect(gathering.isOver({ waiting: 11, inFlight: false }, 110)).toBe(true);
  });

  it("keeps what waits for 15 ms at most, whatever else happens", () => {
    const looks = fc.array(fc.record({ inFlight: fc.boolean(), waiting: fc.nat(63) }), { maxLength: 20 });
    fc.assert(
      fc.property(looks, fc.integer({ min: FROM, max: 1_000 }), (seen, writes) => {
        const gathering = entryOf(writes);
        for (const [at, look] of seen.entries()) gathering.isOver(look, 100 + at / 4);
        gathering.isOver({ waiting: 1, inFlight: true }, 110);
        expect(gathering.isOver({ waiting: 1, inFlight: true }, 115)).toBe(true);
      }),
    );
  });

  it("ends within 15 ms and a tick where only ticks look, at any phase of them", () => {
    for (let phase = 0; phase < 10; phase++) {
      const gathering = entryOf(64);
      let nowMs = 100 + phase;
      while (!gathering.isOver({ waiting: 40, inFlight: true }, nowMs)) nowMs += 10;
      expect(nowMs).toBeLessThan(100 + 15 + 10);
    }
  });

  it("is over for what an entry that was full has left behind", () => {
    const queue = new WriteQueue(2);
    for (const id of [1, 2, 3, 4]) {
      queue.add({ id, command: { operation: { kind: "add", key: `k${id}`, by: 1n } }, nowMs: 0 });
    }
    expect(queue.propose(0, 300, 0).commands).toBe(2);
    expect(queue.isGathering(0)).toBe(false);
    queue.propose(0, 1_000_000, 0);
    expect(queue.isGathering(0)).toBe(true);
  });

  it("does not keep a lone write long after a burst", () => {
    expect(entryOf(64).isOver({ waiting: 1, inFlight: false }, 60_000)).toBe(true);
  });

  it("ends by itself where fewer and fewer come: each entry is waited for by less than the one before", () => {
    const gathering = new Gathering(FROM);
    let writes = 1_000;
    let entries = 0;
    for (let nowMs = 0; writes >= FROM; nowMs += 20, entries++) {
      gathering.proposed(writes, nowMs);
      // As few as are taken for enough.
      const before = writes;
      while (gathering.isOver({ waiting: writes - 1, inFlight: false }, nowMs + 1)) writes -= 1;
      expect(writes).toBeLessThan(before);
    }
    expect(entries).toBeLessThan(100);
  });
});
