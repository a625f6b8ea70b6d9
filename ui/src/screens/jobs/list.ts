// The rows of a filter, a page at a time.
import { useCallback, useEffect, useState } from "preact/hooks";
import { call, type Problem } from "../../api/client";
import type { Job, Page } from "../../api/types";
import { useLoad } from "../../data/load";
import { paused } from "../../live/live";
import { query } from "../../parts/address";

export const PAGE = 100;
const LIST_MS = 1_800; // a busy system changes all the time

export interface Listed { items: Job[]; fresh: number; loaded: boolean; more: boolean; total: number | null; problem: Problem | null; reload: () => void; loadMore: () => void; showNew: () => void }
/** The list for a filter. Rows in place change as they change; new ones wait to be asked for. */
export function useJobs(q: string): Listed {
  const first = useLoad<Page<Job>>(`api/jobs${query({ q, limit: PAGE })}`, ["jobs"], 0, LIST_MS);
  const [held, hold] = useState<{ q: string; items: Job[]; next: string | null }>({ q, items: [], next: null });
  const [busy, setBusy] = useState(false);
  const page = first.data;
  useEffect(() => {
    if (!page) return;
    hold((before) => {
      if (before.q !== q || before.items.length === 0) return { q, items: page.items, next: page.next };
      const newest = new Map(page.items.map((job) => [job.id, job]));
      return { ...before, items: before.items.map((job) => newest.get(job.id) ?? job) };
    });
  }, [page, q]);
  const items = held.q === q && held.items.length ? held.items : (page?.items ?? []);
  const known = new Set(items.map((job) => job.id));
  const fresh = paused.value ? 0 : (page?.items.filter((job) => !known.has(job.id) && job.id > (items[0]?.id ?? "")).length ?? 0);
  const next = held.q === q && held.items.length ? held.next : (page?.next ?? null);
  const loadMore = useCallback(() => {
    if (busy || !next) return;
    setBusy(true);
    call<Page<Job>>(`api/jobs${query({ q, limit: PAGE, after: next })}`)
      .then((more) => hold((before) => ({ q, items: [...before.items, ...more.items], next: more.next })))
      .catch(() => undefined)
      .finally(() => setBusy(false));
  }, [busy, next, q]);
  const showNew = () => page && hold({ q, items: page.items, next: page.next });
  return { items, fresh, loaded: page !== undefined || first.problem !== null, more: next !== null, total: page?.approx_total ?? null, problem: first.problem, reload: () => { hold({ q, items: [], next: null }); first.reload(); }, loadMore, showNew };
}
