/** What a page shows for a moment only. */

import type { CDPSession, Page } from "playwright-core";

/** What has changed is on the screen after so long, ms. */
const FRAME_MS = 40;

/** Every frame that the page draws: an election is over sooner than a picture can be asked for. */
export class Film {
  readonly #page: Page;
  readonly #session: CDPSession;
  readonly #frames: { readonly atMs: number; readonly png: Buffer }[] = [];

  private constructor(page: Page, session: CDPSession) {
    this.#page = page;
    this.#session = session;
    session.on("Page.screencastFrame", ({ data, metadata, sessionId }) => {
      this.#frames.push({ atMs: (metadata.timestamp ?? 0) * 1_000, png: Buffer.from(data, "base64") });
      session.send("Page.screencastFrameAck", { sessionId }).catch(() => undefined);
    });
  }

  static async start(page: Page): Promise<Film> {
    const film = new Film(page, await page.context().newCDPSession(page));
    await page.evaluate(() => {
      const bar = document.querySelector(".verdict");
      const seen: [string, number][] = [];
      const look = (): void => {
        const text = bar?.querySelector(".verdict-sentence")?.textContent ?? "";
        if (seen.at(-1)?.[0] !== text) seen.push([text, Date.now()]);
      };
      if (bar !== null) {
        new MutationObserver(look).observe(bar, { childList: true, characterData: true, subtree: true });
      }
      Object.assign(window, { seenSentences: seen });
    });
    await film.#session.send("Page.startScreencast", { format: "png", everyNthFrame: 1 });
    return film;
  }

  /** The last frame on which somebody stood for election, if there is one. */
  async stop(): Promise<Buffer | undefined> {
    await this.#session.send("Page.stopScreencast");
    const seen = await this.#page.evaluate(
      () => (window as unknown as { seenSentences: [string, number][] }).seenSentences,
    );
    await this.#session.detach();
    const at = seen.findLastIndex(([text]) => /^Electing: .* stands? for term/.test(text));
    const [from, to] = [seen[at]?.[1] ?? Infinity, seen[at + 1]?.[1] ?? Infinity];
    // A frame is drawn a moment after what it shows has changed.
    return this.#frames.findLast(({ atMs }) => atMs > from + FRAME_MS && atMs < to)?.png;
  }
}
