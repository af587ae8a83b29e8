import { describe, expect, it } from "vitest";
import { Prng } from "../../src/base/index.ts";

function draw(prng: Prng, count: number): number[] {
  return Array.from({ length: count }, () => prng.next());
}

describe("Prng", () => {
  it("gives equal sequences for equal seeds", () => {
    expect(draw(new Prng(42), 100)).toEqual(draw(new Prng(42), 100));
  });

  it("never changes: seeds in bug reports stay good", () => {
    expect(draw(new Prng(1), 4)).toMatchInlineSnapshot(`
      [
        573063952,
        3268221502,
        703077755,
        2308299391,
      ]
    `);
  });

  it("gives different sequences for seeds that differ in any bit of 53", () => {
    const firsts = new Set<string>([draw(new Prng(0), 2).join()]);
    for (let bit = 0; bit < 53; bit++) firsts.add(draw(new Prng(2 ** bit), 2).join());
    expect(firsts.size).toBe(54);
  });

  it("gives whole numbers of 32 bits, each bit set about half the time", () => {
    const ones = new Array<number>(32).fill(0);
    for (const value of draw(new Prng(7), 10_000)) {
      expect(Number.isInteger(value) && value >= 0 && value < 2 ** 32).toBe(true);
      for (let bit = 0; bit < 32; bit++) ones[bit] = (ones[bit] as number) + ((value >>> bit) & 1);
    }
    for (const count of ones) expect(Math.abs(count - 5_000)).toBeLessThan(300);
  });

  it("reaches both ends of a range, evenly, and nothing outside", () => {
    const prng = new Prng(3);
    const counts = new Map<number, number>();
    for (let round = 0; round < 10_000; round++) {
      const value = prng.between(-2, 2);
      counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    expect([...counts.keys()].sort((a, b) => a - b)).toEqual([-2, -1, 0, 1, 2]);
    for (const count of counts.values()) expect(Math.abs(count - 2_000)).toBeLessThan(250);
  });

  it("is true as often as asked", () => {
    const prng = new Prng(9);
    let hits = 0;
    for (let round = 0; round < 10_000; round++) if (prng.chance(0.2)) hits++;
    expect(Math.abs(hits - 2_000)).toBeLessThan(200);
    expect(prng.chance(0)).toBe(false);
    expect(prng.chance(1)).toBe(true);
  });

  it("picks every element of a list", () => {
    const prng = new Prng(5);
    expect(new Set(Array.from({ length: 100 }, () => prng.pick(["a", "b", "c"]))).size).toBe(3);
  });
});
