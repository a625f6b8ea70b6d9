// Which boxes and links lie in a part of the plane.
import { HEIGHT, type Laid, WIDTH } from "./layout";

export interface Area { left: number; right: number; top: number; bottom: number }
const MOST_LINKS = 1_500;

/** The places of the boxes that touch it. */
export function boxesIn({ boxes }: Laid, area: Area): number[] {
  return boxes.flatMap(({ x, y }, n) => (x <= area.right && x + WIDTH >= area.left && y <= area.bottom && y + HEIGHT >= area.top ? [n] : []));
}

/** The links of these boxes, and those that may pass between them. */
export function among(laid: Laid, shown: number[], area: Area): number[] {
  const there = new Set(shown);
  const { boxes, links } = laid;
  const passes = (from: number, to: number) => {
    const [a, b] = [boxes[from]!, boxes[to]!];
    return a.x <= area.right && b.x >= area.left && Math.min(a.y, b.y) <= area.bottom && Math.max(a.y, b.y) + HEIGHT >= area.top;
  };
  const touching = links.flatMap(({ from, to }, n) => (there.has(from) || there.has(to) ? [n] : []));
  const passing = links.flatMap(({ from, to }, n) => (!there.has(from) && !there.has(to) && passes(from, to) ? [n] : []));
  return [...touching, ...passing].slice(0, MOST_LINKS);
}

/** The box nearest to a point, if it is no further than `reach`. */
export function boxAt({ boxes }: Laid, x: number, y: number, reach: number): number | null {
  let [found, least]: [number | null, number] = [null, reach];
  for (const [n, box] of boxes.entries()) {
    const away = Math.hypot(Math.max(box.x - x, x - box.x - WIDTH, 0), Math.max(box.y - y, y - box.y - HEIGHT, 0));
    if (away <= least) [found, least] = [n, away];
  }
  return found;
}
