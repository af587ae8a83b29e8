/** Sends items several at a time, and does something else at given points on the way. */

/** What happens on the way. `at` and `before` are shares of all items, from 0 to 1. */
export interface Milestone {
  /** It begins when this share has been sent. */
  readonly at: number;
  /** Items from here on wait until it is done. Not beyond the next milestone's `at`. */
  readonly before: number;
  readonly run: () => Promise<void>;
}

export interface FeedOptions<T> {
  readonly items: readonly T[];
  /** Sends one item; resolves when it is answered. */
  readonly send: (item: T, position: number) => Promise<void>;
  readonly inFlight: number;
  /** In order of `at`. */
  readonly milestones: readonly Milestone[];
  /** Called after each answer with how many have come. */
  readonly onAnswer: (answered: number) => void;
}

/** Resolves when every item is answered and every milestone done; rejects with the first failure of either. */
export async function feed<T>(options: FeedOptions<T>): Promise<void> {
  const { items, send, milestones, onAnswer } = options;
  const begun: Promise<void>[] = [];
  let next = 0;
  let answered = 0;
  let failed = false;

  /** Begins what is due, and waits for what must be done before this item. */
  const pass = async (position: number): Promise<void> => {
    for (const [at, milestone] of milestones.entries()) {
      if (position < milestone.at * items.length) break;
      if (begun[at] === undefined) {
        begun[at] = milestone.run();
        // Whoever waits for it hears of a failure; until somebody does, it is no unhandled one.
        begun[at].catch(() => undefined);
      }
      if (position >= milestone.before * items.length) await begun[at];
    }
  };
  const work = async (): Promise<void> => {
    try {
      while (next < items.length && !failed) {
        const position = next++;
        await pass(position);
        await send(items[position] as T, position);
        answered += 1;
        onAnswer(answered);
      }
    } catch (error) {
      failed = true;
      throw error;
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: options.inFlight }, work));
  const rest = await Promise.allSettled(begun);
  const failure = [...ended, ...rest].find(({ status }) => status === "rejected");
  if (failure?.status === "rejected") throw failure.reason;
}
