// Where the boxes of a workflow stand: dagre for small ones; beyond that layers by depth, ordered by
// their neighbours, which takes milliseconds for thousands.
import dagre from "@dagrejs/dagre";
import { fold, type Item, type Link, MOST_BOXES, sorted } from "./fold";

export interface Box { key: string; x: number; y: number; members: string[] }
/** `links` by the places of their ends in `boxes`. */
export interface Laid { boxes: Box[]; links: { from: number; to: number; on: string }[]; width: number; height: number }

export const WIDTH = 176;
export const HEIGHT = 44;
const ACROSS = 64;
const DOWN = 16;
const MOST_LINKS = 500; // dagre takes a second for these
const LEAST_ROWS = 24;

type Place = { x: number; y: number };

export function layOut(items: Item[]): Laid {
  const { groups, links } = fold(items);
  const keys = [...groups.keys()];
  const number = new Map(keys.map((key, n) => [key, n]));
  const ends = links.map((link) => ({ from: number.get(link.from)!, to: number.get(link.to)!, on: link.on }));
  const small = keys.length <= MOST_BOXES && links.length <= MOST_LINKS;
  const places = small ? byDagre(keys, links) : byLayers(keys.length, ends);
  const boxes = keys.map((key, n) => ({ key, members: groups.get(key)!, ...places[n]! }));
  const furthest = (of: (box: Box) => number) => boxes.reduce((most, box) => Math.max(most, of(box)), 0);
  return { boxes, links: ends, width: furthest((box) => box.x) + WIDTH, height: furthest((box) => box.y) + HEIGHT };
}

function byDagre(keys: string[], links: Link[]): Place[] {
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: "LR", nodesep: DOWN, ranksep: ACROSS });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const key of keys) graph.setNode(key, { width: WIDTH, height: HEIGHT });
  for (const link of links) graph.setEdge(link.from, link.to);
  dagre.layout(graph);
  return keys.map((key) => {
    const { x, y } = graph.node(key) as Place;
    return { x: x - WIDTH / 2, y: y - HEIGHT / 2 };
  });
}

/** Layers from left to right; one that is very high is broken into several columns. */
function byLayers(count: number, links: { from: number; to: number }[]): Place[] {
  const parents: number[][] = Array.from({ length: count }, () => []);
  for (const link of links) parents[link.to]!.push(link.from);
  const depth: number[] = [];
  const layers: number[][] = [];
  for (const n of sorted(parents)) {
    depth[n] = parents[n]!.reduce((most, from) => Math.max(most, depth[from]! + 1), 0);
    (layers[depth[n]!] ??= []).push(n);
  }
  const rows = Math.max(LEAST_ROWS, Math.ceil(Math.sqrt(2 * count)));
  const highest = Math.min(rows, layers.reduce((most, layer) => Math.max(most, layer.length), 0));
  const rank: number[] = [];
  const places: Place[] = [];
  let left = 0;
  for (const layer of layers) {
    const weight = new Map(layer.map((n) => [n, parents[n]!.reduce((sum, from) => sum + rank[from]!, 0) / (parents[n]!.length || 1)]));
    layer.sort((a, b) => weight.get(a)! - weight.get(b)!);
    const columns = Math.ceil(layer.length / rows);
    const high = Math.ceil(layer.length / columns);
    for (const [at, n] of layer.entries()) {
      rank[n] = at / layer.length;
      places[n] = { x: left + Math.floor(at / high) * (WIDTH + DOWN), y: ((at % high) + (highest - high) / 2) * (HEIGHT + DOWN) };
    }
    left += columns * (WIDTH + DOWN) + ACROSS - DOWN;
  }
  return places;
}
