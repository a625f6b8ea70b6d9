// Reading from the API into a component: again when its topics change, at most once a second, and only
// while the tab is seen.
import { useCallback, useLayoutEffect, useRef, useState } from "preact/hooks";
import { call, Problem } from "../api/client";
import { paused, standing, watch } from "../live/live";

const LEAST_MS = 900;
const REST = 8; // what took a second to read is not read again for eight
const KEPT = 60;
const cache = new Map<string, unknown>();

export interface Load<T> {
  data: T | undefined;
  /** The last attempt failed; `data` is then what was read before. */
  problem: Problem | null;
  loading: boolean;
  /** When `data` was read. */
  at: number;
  reload: () => void;
}

interface Held<T> { path: string | null; data: T | undefined; problem: Problem | null; loading: boolean; at: number }

function remember(path: string, data: unknown): void {
  cache.delete(path);
  cache.set(path, data);
  if (cache.size > KEPT) cache.delete(cache.keys().next().value as string);
}

/** The answer of a path; null reads nothing. What was read before is shown at once. */
export function useLoad<T>(path: string | null, topics: string[] = [], everyMs = 0, leastMs = LEAST_MS): Load<T> {
  const blank = (): Held<T> => ({ path, data: path === null ? undefined : (cache.get(path) as T), problem: null, loading: path !== null, at: Date.now() });
  const [held, hold] = useState<Held<T>>(blank);
  const state = useRef({ last: 0, took: 0, timer: 0, due: Infinity, reading: false, old: false, missed: false, abort: null as AbortController | null });
  const later = useRef<() => void>(() => undefined);
  const shown = held.path === path ? held : blank();

  const read = useCallback(async () => {
    const now = state.current;
    if (path === null) return;
    now.abort?.abort();
    const abort = (now.abort = new AbortController());
    now.last = Date.now();
    now.due = Infinity;
    now.reading = true;
    now.old = false;
    try {
      const data = await call<T>(path, { signal: abort.signal });
      if (abort.signal.aborted) return;
      now.took = Date.now() - now.last;
      remember(path, data);
      hold({ path, data, problem: null, loading: false, at: Date.now() });
    } catch (error) {
      if (abort.signal.aborted) return;
      const problem = error instanceof Problem ? error : new Problem(0, "failed", "Something failed here", String(error));
      hold((before) => ({ path, data: before.path === path ? before.data : (cache.get(path) as T), problem, loading: false, at: before.at }));
      if (problem.status === 0 || problem.status >= 500) now.timer = window.setTimeout(() => void read(), 3_000);
    }
    now.reading = false;
    if (now.old) later.current();
  }, [path]);

  const again = useCallback((pause: number) => {
    const now = state.current;
    const due = Math.min(now.due, now.last + pause);
    clearTimeout(now.timer);
    now.due = due;
    now.timer = window.setTimeout(() => void read(), Math.max(0, due - Date.now()));
  }, [read]);
  const reload = useCallback(() => again(leastMs), [again, leastMs]);
  const soon = useCallback(() => {
    const now = state.current;
    if (document.hidden) now.missed = true;
    else if (now.reading) now.old = true; // what is under way may not have seen it
    else again(Math.max(leastMs, REST * now.took));
  }, [again, leastMs]);
  later.current = soon;

  // Asked for before the picture is drawn, not after.
  useLayoutEffect(() => {
    void read();
    const unwatch = topics.length ? watch(topics, soon) : () => undefined;
    const seen = () => {
      if (!document.hidden && state.current.missed) {
        state.current.missed = false;
        reload();
      }
    };
    document.addEventListener("visibilitychange", seen);
    const ticking = everyMs ? setInterval(() => !paused.value && !document.hidden && soon(), everyMs) : 0;
    return () => {
      unwatch();
      document.removeEventListener("visibilitychange", seen);
      clearInterval(ticking);
      clearTimeout(state.current.timer);
      Object.assign(state.current, { due: Infinity, took: 0, reading: false });
      state.current.abort?.abort();
    };
  }, [read, soon, topics.join(), everyMs]);

  return { data: shown.data, problem: shown.problem, loading: shown.loading, at: shown.at, reload };
}

/** Whether what is on the page may be old. */
export function isStale(): boolean {
  const { state, since } = standing.value;
  return state !== "live" && state !== "polling" && Date.now() - since > 10_000;
}
