import { describe, expect, it } from "vitest";
import { Contact } from "../../src/node/contact.ts";
import { nodeId } from "../../src/raft/index.ts";

const IDS = ["n1", "n2", "n3"].map(nodeId) as [
  ReturnType<typeof nodeId>,
  ReturnType<typeof nodeId>,
  ReturnType<typeof nodeId>,
];
const [SELF, TWO, THREE] = IDS;
const configuration = { voters: IDS, outgoing: [], learners: [], members: [], removed: [] };
const follows = { leads: false, self: SELF, configuration };
const leads = { leads: true, self: SELF, configuration };

describe("the age of what a node knows", () => {
  it("is unknown before the first contact", () => {
    expect(new Contact().ageMs(100, follows)).toBeUndefined();
    expect(new Contact().ageMs(100, leads)).toBeUndefined();
  });

  it("counts on a follower from the latest moment whose commits it has all applied", () => {
    const contact = new Contact();
    contact.heard(THREE, 5);
    expect(contact.ageMs(8, follows)).toBeUndefined();
    contact.leaderCommitted(7, 10, 7);
    expect(contact.ageMs(100, follows)).toBe(90);
    // The leader is ahead: hearing from it does not make the state any younger …
    contact.leaderCommitted(9, 50, 7);
    contact.leaderCommitted(12, 60, 7);
    expect(contact.ageMs(100, follows)).toBe(90);
    // … only applying does, to the moment at which that much was all there was.
    contact.applied(9);
    expect(contact.ageMs(100, follows)).toBe(50);
    contact.applied(12);
    expect(contact.ageMs(100, follows)).toBe(40);
  });

  it("stays bounded and true while a state machine lags behind for long", () => {
    const contact = new Contact();
    for (let at = 1; at <= 10_000; at++) contact.leaderCommitted(at, at, 0);
    contact.applied(40);
    expect(contact.ageMs(10_000, follows)).toBe(10_000 - 40);
    contact.applied(10_000);
    expect(contact.ageMs(10_000, follows)).toBeGreaterThanOrEqual(0);
  });

  it("counts on a leader from when it last heard from a majority, itself included", () => {
    const contact = new Contact();
    contact.heard(TWO, 10);
    expect(contact.ageMs(100, leads)).toBe(90);
    contact.heard(THREE, 60);
    expect(contact.ageMs(100, leads)).toBe(40);
    contact.heard(TWO, 80);
    expect(contact.ageMs(100, leads)).toBe(20);
  });

  it("is 0 on a leader that is a majority by itself", () => {
    const alone = { ...leads, configuration: { ...configuration, voters: [SELF] } };
    expect(new Contact().ageMs(100, alone)).toBe(0);
  });
});
