// The list of jobs: the filter language, live, a page at a time, of any length.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { useLocation } from "wouter-preact";
import type { Job } from "../../api/types";
import { useKeys } from "../../frame/keys";
import { pulse } from "../../live/live";
import { query, useParameter } from "../../parts/address";
import { Button, count, Icon, short, Skeleton, Title, Trouble } from "../../parts/kit";
import { lazy } from "../../parts/lazy";
import { quoted } from "../../parts/shell";
import { ACTIVE, FINAL, Glyph } from "../../parts/state";
import { VirtualTable } from "../../parts/virtual";
import { Bulk } from "./bulk";
import { LookMenu, useLook } from "./columns";
import { FilterBar, statusesIn, withStatus } from "./filter";
import { type Listed, PAGE, useJobs } from "./list";
import { Nothing } from "./nothing";
import { ViewsMenu } from "./views";

const Peek = lazy<{ id: string; close: () => void }>(() => import("./peek").then((m) => m.default));
const Export = lazy<{ q: string; close: () => void }>(() => import("./export").then((m) => m.default));

export default function Jobs() {
  const [q, setQ] = useParameter("q");
  const [peek, setPeek] = useParameter("peek");
  const [chosen, choose] = useState<ReadonlySet<string>>(new Set());
  const [exporting, setExporting] = useState(false);
  const list = useJobs(q);
  const clear = () => choose(new Set());
  useEffect(clear, [q]);
  return (
    <>
      <Title name="Jobs" source={{ path: `api/jobs${query({ q, limit: PAGE })}`, cli: `jobs ls${q && ` ${quoted(q)}`}` }} actions={<div class="row"><ViewsMenu q={q} /><LookMenu /><Button onClick={() => setExporting(true)}>Export…</Button></div>} />
      <FilterBar q={q} set={setQ} problem={list.problem?.status === 422 ? list.problem : null} />
      <StateChips q={q} set={setQ} />
      {list.problem && list.problem.status !== 422 && <Trouble problem={list.problem} retry={list.reload} />}
      {list.fresh > 0 && <button type="button" class="pill" onClick={list.showNew}>{list.fresh} new, press .</button>}
      <div class={peek ? "beside" : undefined}>
        <div class="card">{!list.loaded ? <Skeleton lines={10} /> : list.items.length === 0 ? !list.problem && <Nothing q={q} set={setQ} more={list.more} /> : <Rows key={q} list={list} chosen={chosen} choose={choose} peek={peek} setPeek={setPeek} />}</div>
        {peek && <Peek id={peek} close={() => setPeek("")} />}
      </div>
      <div class="spread quiet">
        <span>{list.items.length ? `${count(list.items.length)} shown${list.total ? ` of about ${count(list.total)}` : ""}${list.more ? "" : ", all there are"}` : ""}</span>
        {list.more && <Button kind="small" onClick={list.loadMore}>Load more</Button>}
      </div>
      {(chosen.size > 0 || (q && list.items.length > 0)) && <Bulk chosen={[...chosen]} q={q} done={() => { clear(); list.reload(); }} />}
      {exporting && <Export q={q} close={() => setExporting(false)} />}
    </>
  );
}

interface RowsProps { list: Listed; chosen: ReadonlySet<string>; choose: (ids: ReadonlySet<string>) => void; peek: string; setPeek: (id: string) => void }

function Rows({ list, chosen, choose, peek, setPeek }: RowsProps) {
  const { items } = list;
  const [at, setAt] = useState(-1);
  const [, go] = useLocation();
  const { columns, least, row: height } = useLook();
  const here = items[at];
  const toggle = (id: string) => {
    const next = new Set(chosen);
    if (!next.delete(id)) next.add(id);
    choose(next);
  };
  const move = (to: number) => {
    setAt(to);
    if (peek && items[to]) setPeek(items[to].id);
  };
  const look = (index: number) => {
    setAt(index);
    const id = items[index]?.id ?? "";
    setPeek(id === peek ? "" : id);
  };
  useKeys([
    { keys: "j", does: "next row", run: () => move(Math.min(at + 1, items.length - 1)) },
    { keys: "k", does: "previous row", run: () => move(Math.max(at - 1, 0)) },
    { keys: "Enter", does: "open the row", run: () => here && go(`/jobs/${here.id}`) },
    { keys: "Space", does: "peek at the row", run: () => look(Math.max(at, 0)) },
    { keys: "Escape", does: "close the peek panel", run: () => setPeek("") },
    { keys: "x", does: "select the row", run: () => here && toggle(here.id) },
    { keys: ".", does: "show new jobs", run: list.showNew },
    { keys: "y", does: "copy the id", run: () => here && void navigator.clipboard.writeText(here.id) },
  ]);
  const every = items.every((job) => chosen.has(job.id));
  const head = (
    <thead>
      <tr>
        <th style={{ width: "40px" }}><input type="checkbox" aria-label="Select all shown" checked={every} onChange={() => choose(every ? new Set() : new Set(items.map((job) => job.id)))} /></th>
        {columns.map((one) => <th key={one.id} class={one.look?.startsWith("number") ? "number" : undefined} style={one.width ? { width: `${one.width}px` } : undefined} aria-sort={one.id === "submitted" ? "descending" : undefined}>{one.name}</th>)}
        <th class="edge" style={{ width: "46px" }}><span class="offscreen">Peek</span></th>
      </tr>
    </thead>
  );
  return (
    <VirtualTable
      label="Jobs" items={items} columns={columns.length + 2} least={least} height={height} total={list.total} at={at} atEnd={list.loadMore} head={head}
      row={(job, index) => <Row key={job.id} job={job} index={index} here={index === at} chosen={chosen.has(job.id)} peeked={job.id === peek} toggle={() => toggle(job.id)} look={() => look(index)}>{columns.map((one) => <td key={one.id} class={one.look} title={one.title?.(job)}>{one.cell(job)}</td>)}</Row>}
    />
  );
}

interface RowProps { job: Job; index: number; here: boolean; chosen: boolean; peeked: boolean; toggle: () => void; look: () => void; children: ComponentChildren }

function Row({ job, index, here, chosen, peeked, toggle, look, children }: RowProps) {
  return (
    <tr aria-rowindex={index + 2} aria-selected={chosen} class={here || peeked ? "at" : ""}>
      <td><input type="checkbox" aria-label={`Select ${short(job.id)}`} checked={chosen} onChange={toggle} /></td>
      {children}
      <td class="edge"><button type="button" class="button plain peeker" aria-label={`Peek at ${short(job.id)}`} aria-expanded={peeked} title="Peek (Space)" onClick={look}><Icon name="peek" /></button></td>
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
