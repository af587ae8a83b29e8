import { describe, expect, it } from "vitest";
import { Screen } from "../../examples/screen.ts";
import { Stalls } from "../../examples/stalls.ts";

function screenOf(isTTY: boolean): { readonly screen: Screen; text: () => string } {
  let text = "";
  const screen = new Screen({
    isTTY,
    write: (part) => {
      text += part;
    },
  });
  return { screen, text: () => text };
}

describe("Screen", () => {
  it("prints a line for every tenth where there is no terminal", () => {
    const { screen, text } = screenOf(false);
    for (let done = 1; done <= 1_000; done++) screen.progress(done, 1_000, "x");
    const lines = text().trimEnd().split("\n");
    expect(lines).toHaveLength(10);
    expect(lines.at(0)).toBe(" 10 %  x");
    expect(lines.at(-1)).toBe("100 %  x");
  });

  it("redraws one bar on a terminal, with lines above it", () => {
    const { screen, text } = screenOf(true);
    screen.progress(1, 2, "x");
    screen.line("killed");
    screen.progress(2, 2, "x");
    screen.endProgress();
    const half = `[${"#".repeat(20)}${".".repeat(20)}]  50 %  x`;
    const full = `[${"#".repeat(40)}] 100 %  x`;
    expect(text()).toBe(`\r\x1b[K${half}\r\x1b[Kkilled\n${half}\r\x1b[K${full}\n`);
  });

  it("aligns numbers to the right", () => {
    const { screen, text } = screenOf(false);
    screen.table(
      ["hits", "path"],
      [
        ["1,000", "/a"],
        ["7", "/b"],
      ],
    );
    expect(text()).toBe("   hits  path\n  1,000  /a\n      7  /b\n");
  });
});

describe("Stalls", () => {
  it("measures the longest time without an answer in each stretch", () => {
    const stalls = new Stalls("calm");
    stalls.asked(0);
    stalls.asked(0);
    stalls.answered(5);
    stalls.asked(6);
    stalls.answered(12);
    stalls.begin("killed", 20);
    stalls.answered(520);
    expect(stalls.stretches).toEqual([
      { what: "calm", longestMs: 8 },
      { what: "killed", longestMs: 500 },
    ]);
  });

  it("does not count time in which nobody waits", () => {
    const stalls = new Stalls("calm");
    stalls.asked(0);
    stalls.answered(5);
    stalls.asked(1_000);
    stalls.answered(1_003);
    expect(stalls.stretches).toEqual([{ what: "calm", longestMs: 5 }]);
  });
});
