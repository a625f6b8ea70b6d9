// Where the jobs of a workflow stand: dagre for small ones; beyond that layers by depth, ordered by
// their neighbours, which takes milliseconds for thousands.
import dagre from "@dagrejs/dagre";

export interface Box { key: string; x: number; y: number; members: string[] }
export interface Link { from: string; to: string; on: string }
export interface Laid { boxes: Box[]; links: Link[]; width: number; height: number }

export const WIDTH = 176;
export const HEIGHT = 44;
const ACROSS = 64;
const DOWN = 16;
const MOST_FOR_DAGRE = 250;
const ALIKE = 12;

interface Item { key: string; type: string; after: { key: string; on: string }[] }

/** Many children of the same type and the same edges stand as one box. */
function fold(items: Item[]): { groups: Map<string, string[]>; of: Map<string, string> } {
  const children = new Map<string, string[]>();
  for (const item of items) for (const edge of item.after) children.set(edge.key, [...(children.get(edge.key) ?? []), item.key]);
  const alike = new Map<string, string[]>();
  for (const item of items) {
    const shape = `${item.type}|${item.after.map((edge) => `${edge.key}:${edge.on}`).sort().join()}|${(children.get(item.key) ?? []).sort().join()}`;
    alike.set(shape, [...(alike.get(shape) ?? []), item.key]);
  }
  const groups = new Map<string, string[]>();
  const of = new Map<string, string>();
  for (const keys of alike.values()) {
    if (keys.length > ALIKE) groups.set(keys[0]!, keys);
    else for (const key of keys) groups.set(key, [key]);
    for (const key of keys) of.set(key, keys.length > ALIKE ? keys[0]! : key);
  }
  return { groups, of };
}

export function layOut(items: Item[]): Laid {
  const { groups, of } = fold(items);
  const seen = new Set<string>();
  const links: Link[] = [];
  for (const item of items) {
    for (const edge of item.after) {
      const from = of.get(edge.key);
      const to = of.get(item.key)!;
      if (from && !seen.has(`${from}>${to}`)) {
        seen.add(`${from}>${to}`);
        links.push({ from, to, on: edge.on });
      }
    }
  }
  const keys = [...groups.keys()];
  const places = keys.length <= MOST_FOR_DAGRE ? byDagre(keys, links) : byLayers(keys, links);
  const boxes = keys.map((key) => ({ key, members: groups.get(key)!, ...places.get(key)! }));
  return { boxes, links, width: Math.max(...boxes.map((box) => box.x), 0) + WIDTH, height: Math.max(...boxes.map((box) => box.y), 0) + HEIGHT };
}

function byDagre(keys: string[], links: Link[]): Map<string, { x: number; y: number }> {
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: "LR", nodesep: DOWN, ranksep: ACROSS });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const key of keys) graph.setNode(key, { width: WIDTH, height: HEIGHT });
  for (const link of links) graph.setEdge(link.from, link.to);
  dagre.layout(graph);
  return new Map(keys.map((key) => {
    const { x, y } = graph.node(key) as { x: number; y: number };
    return [key, { x: x - WIDTH / 2, y: y - HEIGHT / 2 }];
  }));
}

function byLayers(keys: string[], links: Link[]): Map<string, { x: number; y: number }> {
  const above = new Map<string, string[]>(keys.map((key) => [key, []]));
  for (const link of links) above.get(link.to)!.push(link.from);
  const depth = new Map<string, number>();
  const deep = (key: string): number => {
    const stack = [key];
    while (stack.length) {
      const at = stack[stack.length - 1]!;
      const open = above.get(at)!.filter((one) => !depth.has(one));
      if (open.length && !depth.has(at)) stack.push(...open);
      else depth.set(stack.pop()!, 1 + Math.max(-1, ...above.get(at)!.map((one) => depth.get(one) ?? 0)));
    }
    return depth.get(key)!;
  };
  const layers: string[][] = [];
  for (const key of keys) (layers[deep(key)] ??= []).push(key);
  const place = new Map<string, number>();
  for (const layer of layers) {
    const weight = (key: string) => {
      const from = above.get(key)!;
      return from.length ? from.reduce((sum, one) => sum + (place.get(one) ?? 0), 0) / from.length : 0;
    };
    layer.sort((a, b) => weight(a) - weight(b)).forEach((key, n) => place.set(key, n));
  }
  return new Map(keys.map((key) => [key, { x: depth.get(key)! * (WIDTH + ACROSS), y: place.get(key)! * (HEIGHT + DOWN) }]));
}
