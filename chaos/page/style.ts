/** How the page looks. It holds everything itself: nothing is loaded from elsewhere. */

export const STYLE = `
:root {
  --ground: #fbfaf7; --panel: #ffffff; --ink: #1d2327; --faint: #6a737b; --line: #dcdad3;
  --good: #1f7a4d; --bad: #b3261e; --odd: #9a6700;
  --lead: #2b5c8a; --write: #3f7f5f; --read: #a9cdb9; --p50: #3f7f5f; --p99: #d08a1d; --stalled: #f6dedb;
  --kill: #b3261e; --pause: #d08a1d; --cut: #7a3f98; --slow: #26828e; --tend: #5b6b2f;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14181b; --panel: #1c2226; --ink: #e6e4de; --faint: #98a2a9; --line: #343c42;
    --good: #58c08b; --bad: #ff7b72; --odd: #e0b04a;
    --lead: #6ea8dc; --write: #58a984; --read: #2f5a47; --p50: #58c08b; --p99: #e6a544; --stalled: #48282a;
    --kill: #ff7b72; --pause: #e6a544; --cut: #c58be0; --slow: #4fc3cf; --tend: #a8bd6b;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 32px 24px 64px; }
h1 { font-size: 26px; margin: 0 0 4px; }
h2 { font-size: 20px; margin: 0; }
h3 { font-size: 13px; margin: 20px 0 6px; color: var(--faint); font-weight: 600; }
p { margin: 4px 0 12px; }
.faint { color: var(--faint); }
section { background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: 20px 24px; margin-top: 24px; }
.head { display: flex; gap: 12px; align-items: center; flex-wrap: wrap; }
.badge { font-size: 12px; font-weight: 700; padding: 2px 10px; border-radius: 999px; border: 1.5px solid currentColor; }
.kept, .right { color: var(--good); } .broken, .wrong { color: var(--bad); } .invalid, .unknown, .skipped { color: var(--odd); }
.figures { display: flex; flex-wrap: wrap; gap: 8px 36px; margin: 14px 0 10px; }
.figure b { display: block; font-size: 20px; font-variant-numeric: tabular-nums; }
.figure span { color: var(--faint); font-size: 13px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 14px; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 600; color: var(--faint); font-size: 13px; }
th, td { padding: 5px 14px 5px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
tr:last-child td { border-bottom: 0; }
svg { display: block; width: 100%; height: auto; margin-top: 6px; }
svg text { fill: var(--faint); font: 12px system-ui, sans-serif; }
svg text.title { fill: var(--ink); font-weight: 600; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; font-size: 13px; color: var(--faint); margin-top: 6px; }
.legend i { display: inline-block; width: 12px; height: 12px; border-radius: 3px; margin-right: 6px; vertical-align: -1px; }
ul { margin: 4px 0 0; padding-left: 20px; }
code { font-family: ui-monospace, monospace; font-size: 13px; overflow-wrap: anywhere; }
`;

/** Whether a kind of fault is one of the ways between nodes, rather than of nodes. */
export function isOfWays(kind: string): boolean {
  return /^(?:partition|one-way|isolate|reset)|link$/.test(kind);
}

/** The colour of a kind of fault, as a variable of the style. */
export function colourOf(kind: string): string {
  if (/^(?:kill|power|replace)/.test(kind)) return "var(--kill)";
  if (/^(?:pause|restart|clock)/.test(kind)) return "var(--pause)";
  if (/^(?:partition|one-way|isolate)/.test(kind)) return "var(--cut)";
  if (/(?:link|disk|reset)/.test(kind)) return "var(--slow)";
  return "var(--tend)";
}
