import { describe, expect, it } from "vitest";
import { Contact } from "../../src/node/contact.ts";
import { nodeId } from "../../src/raft/index.ts";

const IDS = ["n1", "n2", "n3"].map(nodeId) as [
  ReturnType<typeof nodeId>,
  ReturnType<typeof nodeId>,
  ReturnType<typeof nodeId>,
];
const [SELF, TWO, THREE] = IDS;
const configuration = { voters: IDS, outgoing: [], learners: [], members: [] };
const follows = { leads: false, self: SELF, configuration };
const leads = { leads: true, self: SELF, configuration };

describe("the age of what a node knows", () => {
  it("is unknown before the first contact", () => {
    expect(new Contact().ageMs(100, follows)).toBeUndefined();
    expect(new Contact().ageMs(100, leads)).toBeUndefined();
  });

  it("counts on a follower from the latest word of a leader, not of anyone", () => {
    const contact = new Contact();
    contact.heard(TWO, 10, true);
    contact.heard(THREE, 50, false);
    expect(contact.ageMs(100, follows)).toBe(90);
  });

  it("counts on a leader from when it last heard from a majority, itself included", () => {
    const contact = new Contact();
    contact.heard(TWO, 10, false);
    expect(contact.ageMs(100, leads)).toBe(90);
    contact.heard(THREE, 60, false);
    expect(contact.ageMs(100, leads)).toBe(40);
    contact.heard(TWO, 80, false);
    expect(contact.ageMs(100, leads)).toBe(20);
  });

  it("is 0 on a leader that is a majority by itself", () => {
    const alone = { ...leads, configuration: { ...configuration, voters: [SELF] } };
    expect(new Contact().ageMs(100, alone)).toBe(0);
  });
});
