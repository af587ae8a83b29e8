/**
 * The process in which the proxies run: the load generator is too busy to pass on heartbeats in time. Ends with the
 * one that has started it.
 */

import { Proxies } from "./proxies.ts";
import type { Answer, Ask, Numbered } from "./proxy-words.ts";

const tell = (answer: Answer): void => {
  process.send?.(answer);
};
const proxies = new Proxies(Number(process.argv[2] ?? 1), (sentence) => tell({ kind: "fault", sentence }));

async function carryOut(ask: Ask): Promise<unknown> {
  switch (ask.kind) {
    case "serve":
      return await proxies.serve(ask.to, ask.port, ask.target);
    case "started":
      return proxies.started(ask.id, ask.pid);
    case "trouble":
      return proxies.trouble(ask.from, ask.to, ask.trouble);
    case "passed":
      return proxies.passed(ask.from, ask.to);
    case "reset":
      return proxies.reset(ask.a, ask.b);
  }
}

process.on("message", ({ number, ask }: Numbered) => {
  void carryOut(ask).then(
    (value) => tell({ kind: "done", number, value }),
    (error: unknown) => tell({ kind: "failed", number, reason: String(error) }),
  );
});
process.once("disconnect", () => process.exit(0));
// Whoever presses Ctrl-C means the whole group; the one that has started this process ends it in time.
process.on("SIGINT", () => undefined);
