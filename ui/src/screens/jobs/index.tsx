// The list of jobs: the filter language, live, a page at a time, of any length.
import { useCallback, useEffect, useState } from "preact/hooks";
import { Link, useLocation } from "wouter-preact";
import { call, Problem } from "../../api/client";
import type { Job, Page } from "../../api/types";
import { useLoad } from "../../data/load";
import { useKeys } from "../../frame/keys";
import { paused, pulse } from "../../live/live";
import { query, useParameter } from "../../parts/address";
import { brief } from "../../parts/json";
import { Button, Command, Copy, count, Empty, short, Skeleton, Title, Trouble } from "../../parts/kit";
import { ACTIVE, FINAL, Glyph } from "../../parts/state";
import { Time, Took } from "../../parts/time";
import { VirtualTable } from "../../parts/virtual";
import { Bulk } from "./bulk";
import { FilterBar, statusesIn, withStatus } from "./filter";

const PAGE = 100;
const LIST_MS = 1_800; // a busy system changes all the time

export default function Jobs() {
  const [q, setQ] = useParameter("q");
  const [chosen, choose] = useState<ReadonlySet<string>>(new Set());
  const [at, setAt] = useState(-1);
  const [, go] = useLocation();
  const list = useJobs(q);
  const items = list.items;
  const toggle = (id: string) => {
    const next = new Set(chosen);
    if (!next.delete(id)) next.add(id);
    choose(next);
  };
  useEffect(() => {
    choose(new Set());
    setAt(-1);
  }, [q]);
  const here = items[at];
  useKeys([
    { keys: "j", does: "next row", run: () => setAt(Math.min(at + 1, items.length - 1)) },
    { keys: "k", does: "previous row", run: () => setAt(Math.max(at - 1, 0)) },
    { keys: "Enter", does: "open the row", run: () => here && go(`/jobs/${here.id}`) },
    { keys: "x", does: "select the row", run: () => here && toggle(here.id) },
    { keys: ".", does: "show new jobs", run: list.showNew },
    { keys: "y", does: "copy the id", run: () => here && void navigator.clipboard.writeText(here.id) },
  ]);
  return (
    <>
      <Title name="Jobs" actions={<Copy text={`curl '${location.origin}/api/jobs${query({ q, limit: PAGE })}'`} label="Copy as curl">Copy as curl</Copy>} />
      <FilterBar q={q} set={setQ} problem={list.problem?.status === 422 ? list.problem : null} />
      <StateChips q={q} set={setQ} />
      {list.problem && list.problem.status !== 422 && <Trouble problem={list.problem} retry={list.reload} />}
      {list.fresh > 0 && <button type="button" class="pill" onClick={list.showNew}>{list.fresh} new, press .</button>}
      {!list.loaded ? <div class="card"><Skeleton lines={10} /></div> : items.length === 0 ? !list.problem && <div class="card"><Nothing q={q} set={setQ} more={list.more} /></div> : (
        <div class="card">
          <VirtualTable
            label="Jobs" items={items} columns={10} total={list.total} at={at} atEnd={list.loadMore}
            head={<Head all={items.length > 0 && items.every((job) => chosen.has(job.id))} toggle={() => choose(items.every((job) => chosen.has(job.id)) ? new Set() : new Set(items.map((job) => job.id)))} />}
            row={(job, index) => <Row key={job.id} job={job} index={index} here={index === at} chosen={chosen.has(job.id)} toggle={() => toggle(job.id)} />}
          />
        </div>
      )}
      <div class="spread quiet">
        <span>{items.length ? `${count(items.length)} shown${list.total ? ` of about ${count(list.total)}` : ""}${list.more ? "" : ", all there are"}` : ""}</span>
        {list.more && <Button kind="small" onClick={list.loadMore}>Load more</Button>}
      </div>
      {(chosen.size > 0 || (q && items.length > 0)) && <Bulk chosen={[...chosen]} q={q} done={() => { choose(new Set()); list.reload(); }} />}
    </>
  );
}

function Head({ all, toggle }: { all: boolean; toggle: () => void }) {
  return (
    <thead>
      <tr>
        <th style={{ width: "40px" }}><input type="checkbox" aria-label="Select all shown" checked={all} onChange={toggle} /></th>
        <th style={{ width: "122px" }}>State</th><th style={{ width: "136px" }}>Job</th><th style={{ width: "15%" }}>Type</th><th>Payload</th>
        <th style={{ width: "10%" }}>Queue</th><th class="number" style={{ width: "58px" }}>Prio</th><th class="number" style={{ width: "66px" }}>Attempt</th>
        <th class="number" style={{ width: "84px" }}>Took</th><th class="number" style={{ width: "112px" }} aria-sort="descending">Submitted</th>
      </tr>
    </thead>
  );
}

function Row({ job, index, here, chosen, toggle }: { job: Job; index: number; here: boolean; chosen: boolean; toggle: () => void }) {
  return (
    <tr aria-rowindex={index + 2} aria-selected={chosen} class={here ? "at" : ""}>
      <td><input type="checkbox" aria-label={`Select ${short(job.id)}`} checked={chosen} onChange={toggle} /></td>
      <td title={job.reason ?? undefined}><span class="row" style={{ gap: "6px", flexWrap: "nowrap" }}><Glyph state={job.status} />{job.status}</span></td>
      <td class="mono"><Link href={`/jobs/${job.id}`}>{short(job.id)}</Link></td>
      <td title={job.name ? `${job.type}: ${job.name}` : job.type}>{job.type}{job.name && <span class="quiet"> {job.name}</span>}</td>
      <td class="mono quiet">{job.error && job.status === "failed" ? <span class="tone-bad">{brief(`${job.error.type}: ${job.error.message}`, 100)}</span> : brief(job.payload)}</td>
      <td>{job.queue}</td>
      <td class="number">{job.priority}</td>
      <td class="number">{job.attempt}/{job.max_attempts}</td>
      <td class="number">{job.started_at ? <Took from={job.started_at} to={job.finished_at} /> : "–"}</td>
      <td class="number quiet"><Time at={job.created_at} /></td>
    </tr>
  );
}

function StateChips({ q, set }: { q: string; set: (q: string) => void }) {
  const chosen = statusesIn(q);
  const flip = (state: string) => set(withStatus(q, chosen.includes(state) ? chosen.filter((one) => one !== state) : [...chosen, state]));
  return (
    <div class="chips" role="group" aria-label="States">
      {[...ACTIVE, ...FINAL].map((state) => {
        const number = pulse.value?.active[state];
        return <button type="button" key={state} class="chip" aria-pressed={chosen.includes(state)} onClick={() => flip(state)}><Glyph state={state} />{state}{number !== undefined && <b>{count(number)}</b>}</button>;
      })}
    </div>
  );
}

function Nothing({ q, set, more }: { q: string; set: (q: string) => void; more: boolean }) {
  const clauses = q.match(/(?:[^\s"]|"[^"]*")+/g) ?? [];
  if (!q) return <Empty title="No jobs yet"><p>Submit one with the button above, or from a terminal:</p><Command>tenure submit echo hello=world</Command></Empty>;
  return (
    <Empty title={more ? "Nothing among the newest 10,000 jobs" : "No job fits this filter"}>
      <p>Every clause must hold. Drop one:</p>
      <div class="chips">{clauses.map((clause) => <button type="button" class="chip" onClick={() => set(clauses.filter((one) => one !== clause).join(" "))}>without <b class="mono">{clause}</b></button>)}</div>
    </Empty>
  );
}

interface Listed { items: Job[]; fresh: number; loaded: boolean; more: boolean; total: number | null; problem: Problem | null; reload: () => void; loadMore: () => void; showNew: () => void }

/** The list for a filter. Rows in place change as they change; new ones wait to be asked for. */
function useJobs(q: string): Listed {
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
  const items = held.q === q ? held.items : (page?.items ?? []);
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
