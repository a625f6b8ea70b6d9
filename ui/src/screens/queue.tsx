import { useState } from "preact/hooks";
import { Link } from "wouter-preact";
import type { Page, Queue, Queues, Series, Upcoming, Worker } from "../api/types";
import { useLoad } from "../data/load";
import { query } from "../parts/address";
import type { ChartProps } from "../parts/chart";
import { ClashNote, useDraft, type Values } from "../parts/draft";
import { NumberField, Refused, SpanField, wrongOf } from "../parts/fields";
import { Button, Card, count, Empty, Icon, JobLink, Loaded, Meter, Title, Trouble } from "../parts/kit";
import { lazy } from "../parts/lazy";
import { ACTIVE, Badge, Glyph } from "../parts/state";
import { span, Time } from "../parts/time";
import { quoted } from "../parts/shell";
import { toast } from "../parts/toast";
import { Confirm } from "./jobs/bulk";
import { PauseButton } from "./queues";

const Chart = lazy<ChartProps>(() => import("../parts/chart").then((m) => m.default));

export default function QueueScreen({ name }: { name: string }) {
  const topics = [`queue:${name}`, "jobs"];
  const load = useLoad<Queues>("api/queues", topics, 3_000);
  const next = useLoad<Page<Upcoming>>(`api/jobs/pending${query({ queue: name, limit: 20 })}`, topics);
  const series = useLoad<Series>(`api/stats/series${query({ range_seconds: 3600, queue: name })}`, [], 5_000);
  const workers = useLoad<Page<Worker>>("api/workers", ["workers"]);
  const queue = load.data?.items.find((one) => one.name === name);
  const unfinished = Object.values(queue?.counts ?? {}).reduce((sum, number) => sum + number, 0);
  const [purging, purge] = useState(false);
  const serving = workers.data?.items.filter((one) => one.queues.includes(name) && one.state !== "gone") ?? [];
  return (
    <>
      <Title name={`Queue ${name}`} source={{ path: `api/queues/${encodeURIComponent(name)}`, cli: `queues get ${quoted(name)}` }} actions={queue && <div class="row"><PauseButton queue={queue} reload={load.reload} /><Button kind="small danger" needs="control" refused={unfinished ? null : "Nothing in it is unfinished"} onClick={() => purge(true)}>Purge…</Button></div>}><span class="row"><Link href="/queues" class="button plain small" aria-label="Queues"><Icon name="back" /></Link>{name}</span></Title>
      {load.problem && !load.data && <Trouble problem={load.problem} retry={load.reload} />}
      {queue?.paused_at && <div class="row"><Badge state="paused">paused by {queue.paused_by ?? "somebody"} </Badge><Time at={queue.paused_at} /> <span class="quiet">{queue.pause_reason}</span></div>}
      {load.data && !queue && <div class="banner">Nothing is in this queue now, and no worker serves it.</div>}
      {queue && (
        <div class="figures">
          {["pending", "running", "scheduled", "blocked", "paused"].map((state) => <Link key={state} class="figure" href={`/jobs?q=queue:${encodeURIComponent(name)} status:${state}`}><span class="name row"><Glyph state={state} />{state}</span><span class="value">{count(queue.counts[state] ?? 0)}</span></Link>)}
          <div class="figure"><span class="name">Oldest ready</span><span class="value">{queue.oldest_pending_seconds === null ? "–" : span(queue.oldest_pending_seconds)}</span></div>
        </div>
      )}
      <div class="cards">
        <Card title={<>Throughput <span class="quiet">a minute, last hour</span></>}>
          <Loaded load={series} lines={7}>{({ points }) => <Chart label={`Jobs of ${name} over time`} times={points.map((p) => Date.parse(p.at) / 1000)} lines={[
            { name: "in", tone: "busy", values: points.map((p) => p.submitted) }, { name: "out", tone: "good", values: points.map((p) => p.completed) }, { name: "failed", tone: "bad", values: points.map((p) => p.failed) },
          ]} />}</Loaded>
        </Card>
        {queue && <Limits queue={queue} reload={load.reload} />}
      </div>
      <div class="cards">
        <Card title="Next to start, in order">
          <Loaded load={next}>{({ items }) => items.length === 0 ? <Empty title="Nothing waits here" /> : (
            <div class="scroll"><table><thead><tr><th class="number">#</th><th>Job</th><th>Type</th><th class="number">Priority</th><th class="number">Ready</th></tr></thead>
              <tbody>{items.map((one, n) => <tr key={one.job_id}><td class="number quiet">{n + 1}</td><td><JobLink id={one.job_id} /></td><td>{one.type}</td><td class="number">{one.priority}</td><td class="number"><Time at={one.run_at} /></td></tr>)}</tbody></table></div>
          )}</Loaded>
        </Card>
        <Card title="Workers that serve it">
          {serving.length === 0 ? <Empty title="None"><p><code>tenure worker --queues {name}</code></p></Empty> : (
            <table><tbody>{serving.map((one) => <tr key={one.id}><td><Link href={`/workers/${one.id}`}><Glyph state={one.state} /> {one.name}</Link></td><td style={{ width: "40%" }}><Meter value={one.running} of={one.slots} label={`Slots of ${one.name}`} /></td><td class="right">{one.running} / {one.slots}</td></tr>)}</tbody></table>
          )}
        </Card>
      </div>
      {purging && <Confirm action="cancel" filter={`queue:${name} status:${ACTIVE.join(",")}`} close={() => purge(false)} done={load.reload} />}
    </>
  );
}

const LABELS: Record<string, string> = { most: "Running at a time", rate: "Starts", per: "In", aging: "Aging" };
const text = (value: number | null | undefined) => (value === null || value === undefined ? "" : String(value));
const number = (value: string | undefined) => (value ? Number(value) : null);

function settings(queue: Queue): Values {
  return { most: text(queue.max_running), rate: text(queue.rate?.count), per: text(queue.rate?.per_seconds ?? 1), aging: text(queue.aging_seconds) };
}

function edited(changed: string[], values: Values): object {
  const rate = number(values["rate"]);
  return {
    ...(changed.includes("most") ? { max_running: number(values["most"]) } : {}),
    ...(changed.includes("rate") || changed.includes("per") ? { rate: rate === null ? null : { count: rate, per_seconds: number(values["per"]) ?? 1 } } : {}),
    ...(changed.includes("aging") ? { aging_seconds: number(values["aging"]) } : {}),
  };
}

function Limits({ queue, reload }: { queue: Queue; reload: () => void }) {
  const draft = useDraft<Queue>({ path: `api/queues/${encodeURIComponent(queue.name)}`, thing: queue, read: settings, body: edited, saved: () => { toast("Saved"); reload(); } });
  const of = (name: string, pointer: string) => ({ label: LABELS[name]!, value: draft.values[name]!, set: draft.set(name), wrong: wrongOf(draft.problem, pointer) });
  return (
    <Card title="Limits" pad>
      <form class="stack" onSubmit={(event) => { event.preventDefault(); void draft.save(); }}>
        <div class="fields">
          <NumberField {...of("most", "/max_running")} hint="over all workers" min={1} placeholder="no limit" />
          <NumberField {...of("rate", "/rate/count")} hint="at most so many" min={1} placeholder="no limit" />
          <SpanField {...of("per", "/rate/per_seconds")} hint="so long" />
          <SpanField {...of("aging", "/aging_seconds")} hint="wait worth a step of priority" placeholder="none" />
        </div>
        {queue.rate && <p class="quiet">{queue.rate.tokens} may start now{queue.rate.next_start_at && <>, the next <Time at={queue.rate.next_start_at} /></>}.</p>}
        <ClashNote clash={draft.clash} labels={LABELS} />
        <Refused problem={draft.problem} />
        <div class="actions"><Button kind="primary" needs="administer" type="submit" refused={draft.changed.length ? null : "Nothing is changed yet"}>Save</Button></div>
      </form>
    </Card>
  );
}
