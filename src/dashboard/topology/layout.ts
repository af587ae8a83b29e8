/** Where nodes stand in the picture: on a ring, with room for what is written beside them. Pixels throughout. */

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  /** Of a node's shape, without its ring. */
  readonly radius: number;
  readonly places: readonly Place[];
}

export interface Place extends Point {
  /** Whether the words of this node stand over it, where no edge runs. */
  readonly wordsAbove: boolean;
}

/** Between a node's shape and its election timer. */
export const RING_GAP = 6;
/** Height of the two lines of words beside a node. */
export const WORDS_HEIGHT = 38;
const NARROW = 480;
const WIDTH_MIN = 240;

/**
 * Places `count` nodes in a picture that is `available` wide. Two stand side by side; three and more stand on an
 * ellipse, the first at the top.
 */
export function layOut(count: number, available: number): Layout {
  const width = Math.max(WIDTH_MIN, Math.floor(available));
  const narrow = width < NARROW;
  const radius = count > 5 || narrow ? 27 : 38;
  const height = heightOf(count, width);
  const room = radius + RING_GAP + 4 + WORDS_HEIGHT;
  const turns = Array.from({ length: count }, (_, at) =>
    count === 2 ? Math.PI * (1 + at) : (2 * Math.PI * at) / count - Math.PI / 2,
  );
  // The ring is stretched so that the highest and the lowest node use all of the height: three stand in a triangle.
  const heights = turns.map((turn) => (count <= 2 ? 0 : Math.sin(turn)));
  const [highest, lowest] = [Math.min(0, ...heights), Math.max(0, ...heights)];
  const down = Math.max(0, height / 2 - room);
  const stretch = lowest === highest ? 0 : (2 * down) / (lowest - highest);
  const widest = width / 2 - radius - (narrow ? 20 : 44);
  const across = count === 1 ? 0 : Math.max(0, Math.min(widest, count === 2 ? 190 : down * 2.1));
  const places = turns.map((turn, at) => {
    const y = count <= 2 ? height / 2 : room + ((heights[at] ?? 0) - highest) * stretch;
    return { x: width / 2 + across * Math.cos(turn), y, wordsAbove: count > 2 && y < height / 2 - 1 };
  });
  return { width, height, radius, places };
}

function heightOf(count: number, width: number): number {
  if (count <= 2) return 190;
  if (width < NARROW) return Math.min(460, 300 + 30 * Math.max(0, count - 3));
  return count > 5 ? 480 : 380;
}

/** How far along its edge a label stands: where two of four nodes face each other, both edges cross in the middle. */
export function labelPlace(from: number, to: number, count: number): number {
  return count === 4 && Math.abs(from - to) === 2 ? 0.3 : 0.5;
}

/**
 * The visible part of an edge: from ring to ring, `aside` pixels to the right of its direction, so that there and
 * back are two ways.
 */
export function between(from: Point, to: Point, gap: number, aside = 0): readonly [Point, Point] {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = Math.hypot(dx, dy);
  if (length <= 2 * gap) return [from, to];
  const [ux, uy] = [dx / length, dy / length];
  const [sx, sy] = [-uy * aside, ux * aside];
  return [
    { x: from.x + ux * gap + sx, y: from.y + uy * gap + sy },
    { x: to.x - ux * gap + sx, y: to.y - uy * gap + sy },
  ];
}

/** A polygon of `corners` as the text of an SVG's `points`, a corner at the top. */
export function polygon(corners: number, radius: number): string {
  return Array.from({ length: corners }, (_, at) => {
    const turn = (2 * Math.PI * at) / corners - Math.PI / 2;
    return `${(radius * Math.cos(turn)).toFixed(1)},${(radius * Math.sin(turn)).toFixed(1)}`;
  }).join(" ");
}
