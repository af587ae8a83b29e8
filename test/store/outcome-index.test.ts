import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { OutcomeIndex } from "../../src/store/outcome-index.ts";

/** Whether the index finds this serial by this key; keys like it may be there too. */
function holds(index: OutcomeIndex, key: string, serial: number): boolean {
  return index.find(key, (found) => (found === serial ? true : undefined)) === true;
}

describe("the index of outcomes", () => {
  it("holds what was added and not removed, whatever the order", () => {
    // Few keys and small tables of places: clusters meet, wrap around and close again.
    const step = fc.tuple(fc.boolean(), fc.nat(40));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400, size: "max" }), (steps) => {
        const index = new OutcomeIndex();
        const held = new Map<string, number>();
        let serial = 0;
        for (const [isAdd, number] of steps) {
          const key = `k${number}`;
          const present = held.get(key);
          if (isAdd && present === undefined) {
            held.set(key, ++serial);
            index.add(key, serial);
          } else if (!isAdd && present !== undefined) {
            held.delete(key);
            index.remove(key, present);
          }
        }
        expect(index.size).toBe(held.size);
        for (let number = 0; number <= 40; number++) {
          const present = held.get(`k${number}`);
          if (present !== undefined) expect(holds(index, `k${number}`, present)).toBe(true);
          else
            expect(index.find(`k${number}`, (found) => [...held.values()].includes(found) || undefined)).toBe(
              undefined,
            );
        }
      }),
      { numRuns: 200 },
    );
  });

  it("grows, and keeps all that it holds while the oldest make room for others", () => {
    const index = new OutcomeIndex();
    const key = (serial: number): string => `request-${serial}`;
    for (let serial = 1; serial <= 20_000; serial++) {
      index.add(key(serial), serial);
      if (serial > 3_000) index.remove(key(serial - 3_000), serial - 3_000);
    }
    expect(index.size).toBe(3_000);
    for (let serial = 17_001; serial <= 20_000; serial++)
      expect(holds(index, key(serial), serial)).toBe(true);
    for (let serial = 1; serial <= 17_000; serial++) expect(holds(index, key(serial), serial)).toBe(false);
  });

  it("tells whoever looks of each that might be meant, until one is", () => {
    const index = new OutcomeIndex();
    index.add("a", 1);
    index.add("a", 2);
    const seen: number[] = [];
    expect(index.find("a", (serial) => void seen.push(serial))).toBeUndefined();
    expect(seen.sort()).toEqual([1, 2]);
    index.remove("a", 1);
    expect([holds(index, "a", 1), holds(index, "a", 2)]).toEqual([false, true]);
  });

  it("refuses to remove what it does not hold", () => {
    const index = new OutcomeIndex();
    index.add("a", 1);
    expect(() => index.remove("a", 2)).toThrow("what is removed is in the index");
    expect(() => index.add("a", 0)).toThrow("serials begin at 1");
  });
});
