/** `raftally doctor`: looks at a cluster and at a data directory, and says what is wrong and what to do. */

import { printExact } from "../client/index.ts";
import { EXIT } from "./commands.ts";
import { judgeCluster, summary } from "./doctor/cluster.ts";
import { type Examined, examineDirectory, NOTHING } from "./doctor/examine.ts";
import { lookAtCluster, type NodeLook } from "./doctor/look.ts";
import { wrap } from "./help.ts";
import { printable, type Terminal } from "./output.ts";
import type { Parsed } from "./parse.ts";

export async function doctor(parsed: Parsed, terminal: Terminal): Promise<number> {
  const { data, url, timeout, json } = parsed.values;
  const hasData = parsed.source("data") !== "default";
  const hasUrl = parsed.source("url") !== "default" || !hasData;
  const looks = hasUrl ? await lookAtCluster(url, timeout) : [];
  const cluster = hasUrl ? examineCluster(looks, url) : NOTHING;
  const directory = hasData ? await examineDirectory(data, looks) : NOTHING;
  const findings = [...cluster.findings, ...directory.findings];
  const blind = [...cluster.blind, ...directory.blind];
  const wrong = findings.filter(({ severity }) => severity !== "note");
  const isBlind = blind.length > 0 && wrong.length === 0;
  if (json) {
    const shown = findings.map((finding) => ({ ...finding }));
    const seen = [...cluster.seen, ...directory.seen];
    terminal.out(printExact({ healthy: wrong.length === 0 && !isBlind, findings: shown, seen, blind }, 2));
  } else {
    print({ findings, seen: [...cluster.seen, ...directory.seen], blind }, terminal);
  }
  if (isBlind) return EXIT.blind;
  return wrong.length > 0 ? EXIT.unhealthy : EXIT.healthy;
}

function examineCluster(looks: readonly NodeLook[], urls: readonly string[]): Examined {
  if (looks.every(({ status }) => status === undefined)) {
    const reasons = looks.map(({ url, reason = "no answer" }) => `${url}: ${reason}`).join("; ");
    const asked = urls.length === 1 ? "The node that was named does not answer" : "No node answers";
    return { ...NOTHING, blind: [`${asked} (${reasons}). With --data its directory can be looked at.`] };
  }
  return { findings: judgeCluster(looks, urls), seen: [summary(looks)], blind: [] };
}

function print({ findings, seen, blind }: Examined, terminal: Terminal): void {
  for (const line of seen) for (const part of wrap(printable(line), 0)) terminal.out(part);
  for (const { severity, about, what, todo, section } of findings) {
    terminal.out("");
    for (const part of wrap(printable(`${severity.toUpperCase()} (${about}): ${what}`), 0))
      terminal.out(part);
    const [first = "", ...rest] = wrap(printable(`do: ${todo}`), 6);
    for (const part of [`  ${first.trim()}`, ...rest]) terminal.out(part);
    terminal.out(`  see: docs/operations.md, "${section}"`);
  }
  for (const line of blind) terminal.error(`raftally: ${printable(line)}`);
  if (seen.length === 0) return;
  const count = (severity: string): number => findings.filter((each) => each.severity === severity).length;
  const wrong = [...counted(count("fault"), "fault"), ...counted(count("warning"), "warning")];
  terminal.out("");
  if (wrong.length > 0) terminal.out(`${wrong.join(" and ")}.`);
  else
    terminal.out(
      blind.length > 0 ? "Nothing wrong was found in what could be looked at." : "Nothing is wrong.",
    );
}

function counted(count: number, word: string): readonly string[] {
  return count === 0 ? [] : [`${count} ${word}${count === 1 ? "" : "s"}`];
}
