/**
 * The page that every node serves at `/`: plain TypeScript on the document, no framework.
 *
 * `main.ts` is where the browser begins: it listens to the nodes (live/), which fill the model (model/, without a
 * document and without a clock, so that its tests need no browser), and mounts the panels (panels/).
 *
 * A panel is a function
 *
 *     mountThing(root: HTMLElement, store: Store): () => void
 *
 * `root` is an empty element inside a section whose heading the shell has made. It makes its elements once (`h`, `svg` in
 * dom.ts), subscribes, and from then on changes only what differs (`setText`, `setAttribute`, `keyed`), so that focus
 * and selection stay. It gives back what undoes it. Its styles are a file of its own beside it, imported by
 * `style.css`; colours and sizes are the custom properties of `tokens.css`. The page's policy forbids `style`
 * attributes: numbers reach the styles as custom properties (`vars`). Whoever moves things asks `motionIsWelcome`.
 */
export { ClusterModel } from "./model/cluster.ts";
export { type Facts, judge } from "./model/verdict.ts";
export {
  type ClusterView,
  EVENTS_MAX,
  type FeedEvent,
  type LinkState,
  type Membership,
  type NodeView,
  STALE_MS,
  type Tone,
  type Verdict,
  type VerdictKind,
} from "./model/view.ts";
