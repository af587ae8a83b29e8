/** Light or dark: as the system says, until somebody chooses; the choice is remembered. */

export type Theme = "light" | "dark";

const REMEMBERED = "raftally-theme";
const prefersDark: MediaQueryList = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();

function chosen(): Theme | undefined {
  try {
    const text = localStorage.getItem(REMEMBERED);
    return text === "light" || text === "dark" ? text : undefined;
  } catch {
    // A browser may refuse to remember anything.
    return undefined;
  }
}

export function currentTheme(): Theme {
  return document.documentElement.dataset["theme"] === "dark" ? "dark" : "light";
}

function show(theme: Theme): void {
  if (document.documentElement.dataset["theme"] === theme) return;
  document.documentElement.dataset["theme"] = theme;
  for (const listener of listeners) listener();
}

/** Called when the colours have changed, for whoever paints them itself (canvas). */
export function onTheme(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function toggleTheme(): void {
  const next: Theme = currentTheme() === "dark" ? "light" : "dark";
  show(next);
  try {
    localStorage.setItem(REMEMBERED, next);
  } catch {
    // It holds for as long as the page is open.
  }
}

/** To be called before anything is drawn. */
export function startTheme(): void {
  const follow = (): void => show(chosen() ?? (prefersDark.matches ? "dark" : "light"));
  follow();
  prefersDark.addEventListener("change", follow);
}

/** The value of a custom property now: a colour for a canvas. */
export function token(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
