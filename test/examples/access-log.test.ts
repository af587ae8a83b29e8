import { describe, expect, it } from "vitest";
import { parseLine, type Request, readLog } from "../../examples/access-log.ts";

const COMBINED =
  '83.149.9.216 - - [17/May/2015:10:05:03 +0000] "GET /images/kibana.png?size=2 HTTP/1.1" 200 203023 "http://semicomplete.com/" "Mozilla/5.0"';

describe("parseLine", () => {
  it("takes a line of the combined format apart", () => {
    expect(parseLine(COMBINED)).toEqual({
      visitor: "83.149.9.216",
      path: "/images/kibana.png",
      status: "200",
      hour: "2015-05-17T10",
      bytes: 203_023,
    } satisfies Request);
  });

  it("takes the common format too, and a line that is cut off within the user agent", () => {
    const common = COMBINED.replace(/ "http.*$/, "");
    expect(parseLine(common)).toEqual(parseLine(COMBINED));
    expect(parseLine(COMBINED.slice(0, -5))).toEqual(parseLine(COMBINED));
  });

  it("counts no bytes where the server sent none", () => {
    expect(parseLine(COMBINED.replace("200 203023", "304 -"))).toMatchObject({ status: "304", bytes: 0 });
  });

  it("reads past a quote in a target, which servers escape", () => {
    expect(parseLine(COMBINED.replace("kibana.png", String.raw`a\"b`))?.path).toBe(String.raw`/images/a\"b`);
  });

  it.each([
    ["an empty line", ""],
    ["a line that is cut off before its status", COMBINED.slice(0, 90)],
    ["a request that is none", COMBINED.replace(/"GET[^"]*"/, '"-"')],
    ["a month that there is not", COMBINED.replace("May", "Mai")],
  ])("refuses %s", (_, line) => {
    expect(parseLine(line)).toBeUndefined();
  });

  it("understands every line of the real log", () => {
    const lines = readLog();
    expect(lines).toHaveLength(10_000);
    expect(lines.filter((line) => parseLine(line) === undefined)).toEqual([]);
  });
});
