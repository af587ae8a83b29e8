import { describe, expect, it } from "vitest";
import { parseCommandLine } from "../../src/cli/index.ts";
import { rate, showRate } from "../../src/cli/rate.ts";

describe("--rate-limit", () => {
  it.each([
    ["100/10s", { requests: 100, seconds: 10 }],
    ["1/1s", { requests: 1, seconds: 1 }],
    ["5000/m", { requests: 5_000, seconds: 60 }],
    ["1000000/24h", { requests: 1_000_000, seconds: 86_400 }],
  ])("takes %s, and shows it so that it is read the same", (text, value) => {
    expect(rate(text)).toEqual({ ok: true, value });
    expect(rate(showRate(value))).toEqual({ ok: true, value });
  });

  it.each([
    "",
    "100",
    "100/10",
    "0/10s",
    "10/0s",
    "1000001/s",
    "1/25h",
    "1/500ms",
    "-1/s",
    "1.5/s",
    "1/1 s",
    "1/s/s",
  ])("refuses %j", (text) => {
    expect(rate(text)).toMatchObject({
      ok: false,
      expected: expect.stringMatching(/^requests per time, such as 100\/10s/),
    });
  });
});

describe("the options of serve and cluster", () => {
  it.each(["serve", "cluster"])(
    "of %s have the limit, the badges and the origins, as flags and as variables",
    (command) => {
      const origin = "https://shop.example";
      const flags = parseCommandLine(
        [command, "--rate-limit", "100/10s", "--badges", "--allow-origin", origin],
        {},
      );
      const variables = parseCommandLine([command], {
        RAFTALLY_RATE_LIMIT: "100/10s",
        RAFTALLY_BADGES: "true",
        RAFTALLY_ALLOW_ORIGIN: origin,
      });
      for (const request of [flags, variables]) {
        expect(request).toMatchObject({
          kind: "run",
          parsed: {
            values: { badges: true, rateLimit: { requests: 100, seconds: 10 }, allowOrigin: [origin] },
          },
        });
      }
      expect(parseCommandLine([command], {})).toMatchObject({
        parsed: { values: { badges: false, rateLimit: undefined, allowOrigin: undefined } },
      });
    },
  );
});
