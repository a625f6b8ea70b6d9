// Single keys and the two-key `g x`, off while somebody types, and off altogether if so chosen.
import { signal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";

export interface Key { keys: string; does: string; run: () => void }

const KEY = "tenure.keys";
export const singleKeys = signal(localStorage.getItem(KEY) !== "off");
export function toggleKeys(): void {
  singleKeys.value = !singleKeys.value;
  localStorage.setItem(KEY, singleKeys.value ? "on" : "off");
}

const layers = new Set<{ current: Key[] }>();
const PREFIX_MS = 1_500;
let prefixed = -Infinity; // when `g` was pressed, while it waits for its second key

/** The keys of a screen, while it is shown; the last one to name a key has it. */
export function useKeys(keys: Key[]): void {
  const layer = useRef(keys);
  layer.current = keys; // at once: effects come after the next picture, and fingers are faster
  useLayoutEffect(() => {
    layers.add(layer);
    return () => void layers.delete(layer);
  }, []);
}

/** All keys that work now. */
export function keysNow(): Key[] {
  const all = new Map<string, Key>();
  for (const layer of layers) for (const key of layer.current) all.set(key.keys, key);
  return [...all.values()];
}

function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

addEventListener("keydown", (event) => {
  const chord = (event.metaKey || event.ctrlKey) && event.key.toLowerCase() === "k";
  if (!chord && (event.metaKey || event.ctrlKey || event.altKey || typing(event.target) || !singleKeys.value)) return;
  if (!chord && document.querySelector("dialog[open]")) return;
  const key = event.key === " " ? "Space" : event.key;
  const name = chord ? "mod k" : event.timeStamp - prefixed < PREFIX_MS ? `g ${key}` : key;
  if (name === "g") {
    prefixed = event.timeStamp;
    return;
  }
  prefixed = -Infinity;
  const onControl = event.target instanceof HTMLElement && event.target.closest("a, button, summary, [role=tab]");
  if (onControl && (key === "Enter" || key === "Space")) return;
  const found = keysNow().find((key) => key.keys === name);
  if (!found) return;
  event.preventDefault();
  found.run();
});
