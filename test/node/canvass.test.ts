import { describe, expect, it } from "vitest";
import { Canvass } from "../../src/node/canvass.ts";
import type { NodeTrace } from "../../src/node/events.ts";
import { nodeId, term } from "../../src/raft/index.ts";

const asks = (at: number): NodeTrace => ({
  kind: "role",
  role: "preCandidate",
  term: term(at),
  why: "no word from a leader",
});
const rests: NodeTrace = { kind: "role", role: "follower", term: term(6), why: "another leads" };
const leads: NodeTrace = { kind: "leader", leader: nodeId("n1"), term: term(6) };
const lost: NodeTrace = { kind: "leader", leader: undefined, term: term(6) };

describe("a node that asks for votes again and again", () => {
  it("says so once, and once more for each minute that it lasts", () => {
    const canvass = new Canvass();
    const times = Array.from({ length: 400 }, (_, at) => at * 300);
    expect(times.filter((ms) => canvass.isNews(asks(6), ms))).toEqual([0, 60_000]);
  });

  it("says so at once in another term, and after there was a leader", () => {
    const canvass = new Canvass();
    expect(canvass.isNews(asks(6), 0)).toBe(true);
    expect(canvass.isNews(asks(7), 300)).toBe(true);
    expect(canvass.isNews(lost, 400)).toBe(true);
    expect(canvass.isNews(asks(7), 600)).toBe(false);
    for (const change of [rests, leads]) {
      expect(canvass.isNews(change, 700)).toBe(true);
      expect(canvass.isNews(asks(7), 900)).toBe(true);
    }
  });
});
