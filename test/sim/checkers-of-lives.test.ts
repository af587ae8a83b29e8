import { describe, expect, it } from "vitest";
import { type Configuration, type Entry, index, nodeId } from "../../src/raft/index.ts";
import { leaversStepDown } from "./checkers/leavers-step-down.ts";
import { nothingAfterAFailure } from "./checkers/nothing-after-a-failure.ts";
import { checkFound, checkFoundAgain } from "./checkers/recovery-gives-what-was-synced.ts";
import { removedStayRemoved } from "./checkers/removed-stay-removed.ts";
import { attempt, effects, entry, fake, hard, hook, INITIAL, LEADS, readAnswer, store } from "./fakes.ts";
import { LogImage } from "./log-image.ts";
import type { Observer } from "./observer.ts";
import type { SimNode } from "./sim-node.ts";
import type { View, Views } from "./views.ts";

/** Each member has a data directory of its own. */
const OLD: Configuration = {
  ...INITIAL.configuration,
  members: INITIAL.configuration.members.map((member, at) => ({
    ...member,
    incarnation: `${at}`.repeat(32),
  })),
};
const [FIRST, SECOND] = OLD.members as [(typeof OLD.members)[number], (typeof OLD.members)[number]];

describe("the checker of failed disks", () => {
  it("I18 sees a process that goes on, sends, flushes or answers after its disk has failed", () => {
    const see = nothingAfterAFailure() as Observer;
    const node = fake(1);
    const message = { kind: "timeoutNow", from: node.id, to: nodeId("n2"), term: LEADS.term } as const;
    const deeds = [
      () => see.drained(node, effects({})),
      () => see.idled(node),
      () => see.sent(node, message),
      () => see.synced(node),
      () => see.answered(node, attempt("read"), readAnswer(1n, 1)),
    ];
    for (const deed of deeds) expect(deed).not.toThrow();
    see.failed(node);
    for (const deed of deeds) expect(deed).toThrow("I18");
    // The next process of the same node may do everything.
    Object.assign(node, { boot: 2 });
    for (const deed of deeds) expect(deed).not.toThrow();
  });
});

describe("the checker of recovery", () => {
  const [first, second, third] = [1, 2, 3].reduce<Entry[]>((log) => [...log, entry(log.at(-1), 1)], []) as [
    Entry,
    Entry,
    Entry,
  ];

  function image(entries: readonly Entry[]): LogImage {
    const log = new LogImage(INITIAL);
    log.apply({ seq: 1, append: entries, ...hard(1, 1) });
    return log;
  }

  it("I22 takes what was synced, with or without the batch on its way, and nothing else", () => {
    const onItsWay = [
      { seq: 2, append: [second] },
      { seq: 3, append: [third] },
    ];
    const synced = image([first]);
    expect(() => checkFound(image([first]), synced, onItsWay)).not.toThrow();
    expect(() => checkFound(image([first, second, third]), synced, onItsWay)).not.toThrow();
    expect(() => checkFound(image([]), synced, onItsWay)).toThrow("I22");
    expect(() => checkFound(image([first, second]), synced, onItsWay)).toThrow("I22");
    expect(() => checkFound(image([entry(undefined, 2)]), synced, [])).toThrow("I22");
  });

  it("I22 sees a second recovery that finds something else", () => {
    expect(() => checkFoundAgain(image([first]), image([first]))).not.toThrow();
    expect(() => checkFoundAgain(image([first]), image([first, second]))).toThrow("a second recovery");
  });
});

describe("the checkers of those who leave", () => {
  /** n1 leads, has opened its term, and goes by a configuration without itself. */
  function leaver(committed: boolean): { node: SimNode; checker: Partial<Observer> } {
    const without: Configuration = { ...OLD, voters: [SECOND.id], members: [SECOND], removed: [FIRST] };
    const view: View = { effective: without, committed: committed ? without : OLD };
    const node = fake(1);
    Object.assign(node.reducer as object, { status: () => ({ opened: true }) });
    return { node, checker: leaversStepDown({ of: () => view } as unknown as Views) };
  }

  it("I12 sees a leader that goes on once its leaving is committed, and not before", () => {
    const before = leaver(false);
    expect(() => hook(before.checker, "drained")(before.node, effects({ trace: [LEADS] }))).not.toThrow();
    const after = leaver(true);
    expect(() => hook(after.checker, "drained")(after.node, effects({ trace: [LEADS] }))).toThrow("R6");
    expect(() => hook(after.checker, "idled")(after.node)).toThrow("R6");
    const follower = leaver(true);
    expect(() => hook(follower.checker, "drained")(follower.node, effects({}))).not.toThrow();
  });

  /** Appends a configuration behind the initial one, as a leader would. */
  function appending(after: Configuration): () => void {
    const node = fake(1);
    node.disk.latest.base = { ...INITIAL, configuration: OLD };
    const append = [entry(undefined, 1, { kind: "configuration", configuration: after })];
    const write = store(node, { append });
    return () => hook(removedStayRemoved(), "drained")(node, effects({ write }));
  }

  it("I12 sees a member that leaves without a trace, one that comes back, and one with another disk", () => {
    const { id, incarnation } = FIRST;
    const others = OLD.members.filter((member) => member !== FIRST);
    const gone = { id, incarnation };
    const without = { ...OLD, voters: OLD.voters.filter((voter) => voter !== id), members: others };
    expect(appending({ ...without, removed: [gone] })).not.toThrow();
    expect(appending(without)).toThrow("R9");
    expect(appending({ ...OLD, removed: [gone] })).toThrow("R9");
    const another = { ...FIRST, incarnation: "9".repeat(32) };
    expect(appending({ ...OLD, members: [another, ...others], removed: [gone] })).toThrow("R9");
  });

  it("I12 sees that a removal is forgotten", () => {
    const node = fake(1);
    const gone = { id: nodeId("n9"), incarnation: "9".repeat(32) };
    node.disk.latest.base = { ...INITIAL, index: index(0), configuration: { ...OLD, removed: [gone] } };
    const write = store(node, {
      append: [entry(undefined, 1, { kind: "configuration", configuration: OLD })],
    });
    expect(() => hook(removedStayRemoved(), "drained")(node, effects({ write }))).toThrow(
      "that is forgotten",
    );
  });
});
