import { describe, expect, it } from "vitest";
import { assert, assertNever, defined, ERRORS, InvariantViolation } from "../../src/base/index.ts";

const ALL = Object.entries(ERRORS);

describe("ERRORS", () => {
  it.each(ALL)("%s has a status of HTTP and a whole sentence as its title", (code, info) => {
    expect(code).toMatch(/^[A-Z]+(_[A-Z]+)*$/);
    expect(info.status === 307 || (info.status >= 400 && info.status < 600)).toBe(true);
    expect(info.title).toMatch(/^[A-Z].*\.$/);
  });

  it("promises an unknown outcome only with a server's status", () => {
    for (const [, info] of ALL)
      if (info.outcome === "unknown") expect(info.status).toBeGreaterThanOrEqual(500);
  });

  it("asks nobody to repeat what is wrong with the request itself", () => {
    // 409 is not about the request: it conflicts with what the cluster is doing just now. Nor is 429: too many came.
    const wrong = ALL.filter(
      ([, { status }]) => status >= 400 && status < 500 && ![409, 429].includes(status),
    );
    for (const [, info] of wrong) expect(info.retry).toBe(false);
  });

  it("lets the counters decide only what has changed nothing and stays so", () => {
    for (const [, info] of ALL)
      if (info.byState) expect([info.outcome, info.retry]).toEqual(["not-applied", false]);
  });

  it("has no two titles that are equal", () => {
    expect(new Set(ALL.map(([, info]) => info.title)).size).toBe(ALL.length);
  });
});

describe("assertions", () => {
  it("stop at a broken rule, and name it", () => {
    expect(() => assert(false, "the rule")).toThrow(new InvariantViolation("the rule"));
    expect(() => assert(true, "the rule")).not.toThrow();
  });

  it("give back what is defined, be it falsy, and stop at what is not", () => {
    expect(defined(0, "there")).toBe(0);
    expect(defined("", "there")).toBe("");
    expect(() => defined(undefined, "there")).toThrow(InvariantViolation);
  });

  it("stop at a case that cannot be, and show it", () => {
    expect(() => assertNever("odd" as never)).toThrow(/unreachable.*odd/);
  });
});
