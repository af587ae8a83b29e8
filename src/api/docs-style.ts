/** The style sheet of the pages below /docs. Contrast: at least 4.5 to 1 for text, light and dark. */
export const DOCS_STYLE = `:root {
  --text: #1b1f24; --soft: #57606a; --ground: #ffffff; --panel: #f3f5f7; --line: #d0d7de; --link: #0a58ca; --mark: #8a3b00;
}
@media (prefers-color-scheme: dark) {
  :root {
    --text: #e6edf3; --soft: #9aa4af; --ground: #0f1419; --panel: #1a2129; --line: #343d47; --link: #6cb0ff; --mark: #f0b06a;
  }
}
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body {
  margin: 0; color: var(--text); background: var(--ground); font: 1rem/1.55 system-ui, sans-serif;
  display: grid; grid-template-columns: minmax(14rem, 20rem) minmax(0, 1fr); grid-template-areas: "head head" "toc main";
}
header { grid-area: head; border-bottom: 1px solid var(--line); }
header ul { display: flex; flex-wrap: wrap; gap: 0.25rem 1.25rem; margin: 0; padding: 0.75rem 1.25rem; list-style: none; }
nav.contents {
  grid-area: toc; padding: 1rem; border-right: 1px solid var(--line); font-size: 0.875rem;
  position: sticky; top: 0; max-height: 100vh; overflow-y: auto;
}
nav.contents ul { margin: 0; padding: 0; list-style: none; }
nav.contents a { display: block; padding: 0.25rem; overflow-wrap: anywhere; }
nav.contents a[href^="#chapter-"], nav.contents a[href="#forms"] { margin-top: 0.75rem; font-weight: 600; }
main { grid-area: main; padding: 1rem 1.5rem 4rem; max-width: 58rem; }
main:focus { outline: none; }
h1 { font-size: 1.7rem; line-height: 1.2; }
h2 { font-size: 1.35rem; margin-top: 3rem; }
h3 { font-size: 1.05rem; margin-top: 2.25rem; padding-top: 1rem; border-top: 1px solid var(--line); }
h4 { font-size: 0.95rem; margin: 1.25rem 0 0.25rem; }
h1, h2, h3 { overflow-wrap: anywhere; }
h2 a, h3 a { color: inherit; text-decoration: none; }
h2 a:hover, h3 a:hover { text-decoration: underline; }
a { color: var(--link); }
a:focus-visible, main:focus-visible, nav:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
code, pre { font-family: ui-monospace, monospace; font-size: 0.9em; }
pre {
  margin: 0.5rem 0; padding: 0.75rem; background: var(--panel); border: 1px solid var(--line); border-radius: 6px;
  white-space: pre-wrap; overflow-wrap: anywhere;
}
.lead, .summary { font-weight: 600; }
.method { color: var(--mark); }
.small, .type { color: var(--soft); font-size: 0.875rem; }
.small code { overflow-wrap: anywhere; }
dl { margin: 0.5rem 0; }
dt { margin-top: 0.6rem; overflow-wrap: anywhere; }
dd { margin: 0 0 0 1.25rem; overflow-wrap: anywhere; }
.codes { display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; padding: 0; list-style: none; font-size: 0.875rem; }
.skip { position: absolute; left: -999px; }
.skip:focus { left: 0.5rem; top: 0.5rem; padding: 0.5rem; background: var(--ground); z-index: 1; }
@media (max-width: 52rem) {
  body { grid-template-columns: minmax(0, 1fr); grid-template-areas: "head" "toc" "main"; }
  nav.contents { position: static; max-height: none; border-right: 0; border-bottom: 1px solid var(--line); }
  main { padding: 0.5rem 1rem 3rem; }
}
@media print { header, nav { display: none; } body { display: block; } }
`;
