import { describe, expect, it } from "vitest";
import { restartPause } from "../../src/cli/child-node.ts";

describe("the pause before a node is started again", () => {
  it("doubles while the node fails by itself, up to a second", () => {
    const pauses = [1, 2, 3, 4, 50].map((failures) => restartPause({ code: 1 }, failures));
    expect(pauses).toEqual([250, 500, 1_000, 1_000, 1_000]);
    expect(restartPause({ signal: "SIGSEGV" }, 3)).toBe(1_000);
    expect(restartPause({}, 3)).toBe(1_000);
  });

  it.each([{ signal: "SIGKILL" }, { signal: "SIGTERM" }, { signal: "SIGHUP" }, { code: 0 }])(
    "is the shortest after %o, however often that happens",
    (death) => {
      expect(restartPause(death, 50)).toBe(250);
    },
  );
});
