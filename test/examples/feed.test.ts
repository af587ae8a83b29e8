import { describe, expect, it } from "vitest";
import { type FeedOptions, feed, type Milestone } from "../../examples/feed.ts";

const ITEMS = Array.from({ length: 100 }, (_, at) => at);

/** A promise that is settled from outside. */
function gate(): { readonly opened: Promise<void>; open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}

function options(changes: Partial<FeedOptions<number>>): FeedOptions<number> {
  return {
    items: ITEMS,
    send: () => Promise.resolve(),
    inFlight: 8,
    milestones: [],
    onAnswer: () => undefined,
    ...changes,
  };
}

/** Lets everything that can go on go on. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

describe("feed", () => {
  it("sends every item once, with its position, and so many at a time", async () => {
    const sent: number[] = [];
    let open = 0;
    let most = 0;
    await feed(
      options({
        send: async (item, position) => {
          expect(item).toBe(position);
          sent.push(item);
          most = Math.max(most, ++open);
          await settle();
          open -= 1;
        },
      }),
    );
    expect(sent).toEqual(ITEMS);
    expect(most).toBe(8);
  });

  it("begins each milestone at its share, in order, and goes on sending meanwhile", async () => {
    const happened: string[] = [];
    const milestone = (at: number, before: number): Milestone => ({
      at,
      before,
      run: async () => {
        happened.push(`begin ${at}`);
        await settle();
        happened.push(`end ${at}`);
      },
    });
    await feed(
      options({
        inFlight: 1,
        send: async (item) => {
          happened.push(`${item}`);
        },
        milestones: [milestone(0.4, 0.45), milestone(0.9, 1)],
      }),
    );
    const [first, end, second] = ["begin 0.4", "end 0.4", "begin 0.9"].map((what) => happened.indexOf(what));
    expect(happened[(first ?? 0) - 1]).toBe("39");
    expect(happened.slice((first ?? 0) + 1, end)).toEqual(["40", "41", "42", "43", "44"]);
    expect(happened[(second ?? 0) - 1]).toBe("89");
    expect(happened.at(-1)).toBe("end 0.9");
  });

  it("holds back what must not be sent before a milestone is done", async () => {
    const sent: number[] = [];
    const { opened, open } = gate();
    const all = feed(
      options({
        send: async (item) => {
          sent.push(item);
        },
        milestones: [{ at: 0.4, before: 0.5, run: () => opened }],
      }),
    );
    await settle();
    expect(Math.max(...sent)).toBe(49);
    open();
    await all;
    expect(sent).toHaveLength(100);
  });

  it("ends with the first failure of an item, and sends no more", async () => {
    const sent: number[] = [];
    const all = feed(
      options({
        send: async (item) => {
          sent.push(item);
          await settle();
          if (item === 10) throw new Error("item 10 was refused");
        },
      }),
    );
    await expect(all).rejects.toThrow("item 10 was refused");
    expect(sent.length).toBeLessThan(30);
  });

  it("ends with the failure of a milestone", async () => {
    const run = (): Promise<void> => Promise.reject(new Error("the node did not start"));
    const all = feed(options({ milestones: [{ at: 0.4, before: 0.5, run }] }));
    await expect(all).rejects.toThrow("the node did not start");
  });
});
