// Live events as a tab sees them: which topics it shows, and who is to read again.
import { effect, signal } from "@preact/signals";
import { ROOT } from "../api/client";
import { accessToken } from "../api/session";
import type { Pulse } from "../api/types";
import type { Asked, Standing, Told } from "./events";
import { Stream } from "./stream";

export const standing = signal<Standing>({ state: "connecting", since: Date.now() });
export const pulse = signal<Pulse | null>(null);
/** While set, nothing on the page changes by itself. */
export const paused = signal(false);

type Reader = () => void;
const readers = new Map<string, Set<Reader>>();
let missed = false;

/** Calls `reader` whenever one of these topics changes; what it returns ends that. */
export function watch(topics: string[], reader: Reader): () => void {
  for (const topic of topics) {
    const those = readers.get(topic) ?? new Set<Reader>();
    those.add(reader);
    readers.set(topic, those);
  }
  tellTopics();
  return () => {
    for (const topic of topics) {
      const those = readers.get(topic);
      those?.delete(reader);
      if (!those?.size) readers.delete(topic);
    }
    tellTopics();
  };
}

function heard(told: Told): void {
  if (told.kind === "standing") {
    standing.value = told.standing;
  } else if (paused.value) {
    missed = true;
  } else if (told.kind === "stats") {
    pulse.value = told.data as Pulse;
    run(["stats"]);
  } else {
    run(told.kind === "change" ? [told.topic] : (told.topics ?? [...readers.keys()]));
  }
}

function run(topics: string[]): void {
  const all = new Set(topics.flatMap((topic) => [...(readers.get(topic) ?? [])]));
  for (const reader of all) reader();
}

let send: (asked: Asked) => void = () => undefined;
let pending = false;

function tellTopics(): void {
  if (pending) return;
  pending = true;
  queueMicrotask(() => {
    pending = false;
    send({ topics: ["stats", ...readers.keys()] });
  });
}

/** Freezes and thaws the page. */
export function togglePause(): void {
  paused.value = !paused.value;
  if (!paused.value && missed) {
    missed = false;
    run([...readers.keys()]);
  }
}

/** Opens the stream, once; shared with the browser's other tabs where that is possible. */
export function connect(): void {
  const url = new URL("api/events", ROOT).href;
  if (typeof SharedWorker === "undefined") alone(url);
  else shared(url);
  effect(() => send({ token: accessToken.value }));
  tellTopics();
}

function shared(url: string): void {
  const script = new URL(`assets/${SHARED_STREAM}#${encodeURIComponent(url)}`, ROOT);
  const worker = new SharedWorker(script, { type: "module", name: url });
  worker.port.onmessage = ({ data }: MessageEvent<Told>) => heard(data);
  worker.port.start();
  worker.onerror = () => alone(url);
  send = (asked) => worker.port.postMessage(asked);
  addEventListener("pagehide", () => send({ bye: true }));
  addEventListener("pageshow", () => tellTopics());
  setInterval(() => send({ alive: true }), 45_000);
}

function alone(url: string): void {
  const stream = new Stream(url, heard);
  let topics: string[] = ["stats", ...readers.keys()];
  const open = () => (document.hidden ? stream.close() : stream.listen(topics));
  send = (asked) => {
    if (asked.token !== undefined) stream.authorize(asked.token);
    if (asked.topics) topics = asked.topics;
    open();
  };
  document.addEventListener("visibilitychange", () => {
    open();
    if (!document.hidden) run([...readers.keys()]);
  });
  open();
}
