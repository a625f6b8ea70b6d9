// Jobs that are alike as one box: a fan of a thousand is one thing to look at, with a number on it.

export interface Item { key: string; type: string; after: { key: string; on: string }[] }
export interface Link { from: string; to: string; on: string }
/** Boxes by their first member's key, and the links between boxes. */
export interface Folded { groups: Map<string, string[]>; links: Link[] }

export const MOST_BOXES = 250;
const ALIKE = 12;

/** More than twelve jobs of one type with the same parents and children stand as one. Where that
 * leaves more boxes than one can look at, those whose parents and children are alike do so too. */
export function fold(items: Item[]): Folded {
  const exact = grouped(items, shapes(items));
  return linked(items, exact.size <= MOST_BOXES ? exact : grouped(items, kinds(items)));
}

function grouped(items: Item[], shape: (string | number)[]): Map<string, string[]> {
  const alike = new Map<string | number, string[]>();
  for (const [n, item] of items.entries()) push(alike, shape[n]!, item.key);
  const groups = new Map<string, string[]>();
  for (const keys of alike.values()) {
    if (keys.length > ALIKE) groups.set(keys[0]!, keys);
    else for (const key of keys) groups.set(key, [key]);
  }
  return groups;
}

/** What a job has in common with those that have the same parents and children. */
function shapes(items: Item[]): string[] {
  const children = new Map<string, string[]>();
  for (const item of items) for (const edge of item.after) push(children, edge.key, item.key);
  return items.map((item) => `${item.type}|${item.after.map((edge) => `${edge.key}:${edge.on}`).sort().join()}|${(children.get(item.key) ?? []).join()}`);
}

/** What a job has in common with those that stand between jobs alike: one walk down, one up. */
function kinds(items: Item[]): number[] {
  const place = new Map(items.map((item, n) => [item.key, n]));
  const order = sorted(items.map((item) => item.after.flatMap((edge) => place.get(edge.key) ?? [])));
  const numbers = new Map<string, number>();
  const number = (text: string) => numbers.get(text) ?? (numbers.set(text, numbers.size), numbers.size - 1);
  const down: number[] = [];
  const below: Set<number>[] = items.map(() => new Set());
  for (const n of order) {
    const from = new Set(items[n]!.after.map((edge) => `${edge.on}${down[place.get(edge.key) ?? -1] ?? "outside"}`));
    down[n] = number(`${items[n]!.type}|${[...from].sort().join()}`);
  }
  const kind: number[] = [];
  for (const n of order.reverse()) {
    kind[n] = number(`${down[n]}>${[...below[n]!].sort((a, b) => a - b).join()}`);
    for (const edge of items[n]!.after) below[place.get(edge.key) ?? -1]?.add(kind[n]!);
  }
  return kind;
}

function linked(items: Item[], groups: Map<string, string[]>): Folded {
  const of = new Map([...groups].flatMap(([box, keys]) => keys.map((key) => [key, box] as const)));
  const links = new Map<string, Link>();
  for (const item of items) {
    const to = of.get(item.key)!;
    for (const edge of item.after) {
      const from = of.get(edge.key);
      if (from !== undefined && !links.has(`${from}>${to}`)) links.set(`${from}>${to}`, { from, to, on: edge.on });
    }
  }
  return { groups, links: [...links.values()] };
}

/** Numbers of nodes so that parents come first, given each one's parents. */
export function sorted(parents: number[][]): number[] {
  const children: number[][] = parents.map(() => []);
  const open = parents.map((from, n) => {
    for (const parent of from) children[parent]!.push(n);
    return from.length;
  });
  const order = open.flatMap((count, n) => (count ? [] : [n]));
  for (const n of order) for (const child of children[n]!) if (--open[child]! === 0) order.push(child);
  return order;
}

function push<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const found = lists.get(key);
  if (found) found.push(value);
  else lists.set(key, [value]);
}
