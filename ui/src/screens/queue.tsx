import { useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { call } from "../api/client";
import type { Page, Queue, Queues, Series, Upcoming, Worker } from "../api/types";
import { useLoad } from "../data/load";
import { query } from "../parts/address";
import type { ChartProps } from "../parts/chart";
import { Button, Card, count, Empty, Icon, JobLink, Loaded, Meter, Title, Trouble } from "../parts/kit";
import { lazy } from "../parts/lazy";
import { Badge, Glyph } from "../parts/state";
import { span, Time } from "../parts/time";
import { attempt } from "../parts/toast";
import { PauseButton } from "./queues";

const Chart = lazy<ChartProps>(() => import("../parts/chart").then((m) => m.default));

export default function QueueScreen({ name }: { name: string }) {
  const topics = [`queue:${name}`, "jobs"];
  const load = useLoad<Queues>("api/queues", topics, 3_000);
  const next = useLoad<Page<Upcoming>>(`api/jobs/pending${query({ queue: name, limit: 20 })}`, topics);
  const series = useLoad<Series>(`api/stats/series${query({ range_seconds: 3600, queue: name })}`, [], 5_000);
  const workers = useLoad<Page<Worker>>("api/workers", ["workers"]);
  const queue = load.data?.items.find((one) => one.name === name);
  const serving = workers.data?.items.filter((one) => one.queues.includes(name) && one.state !== "gone") ?? [];
  return (
    <>
      <Title name={`Queue ${name}`} actions={queue && <PauseButton queue={queue} reload={load.reload} />}><span class="row"><Link href="/queues" class="button plain small" aria-label="Queues"><Icon name="back" /></Link>{name}</span></Title>
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
        {queue && <Limits key={queue.version} queue={queue} reload={load.reload} />}
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
    </>
  );
}

function Limits({ queue, reload }: { queue: Queue; reload: () => void }) {
  const [most, setMost] = useState(queue.max_running ? String(queue.max_running) : "");
  const [rate, setRate] = useState(queue.rate ? String(queue.rate.count) : "");
  const [per, setPer] = useState(queue.rate ? String(queue.rate.per_seconds) : "1");
  const [aging, setAging] = useState(queue.aging_seconds ? String(queue.aging_seconds) : "");
  const save = () => void attempt(() => call(`api/queues/${encodeURIComponent(queue.name)}`, {
    method: "PUT",
    body: { max_running: most ? Number(most) : null, rate: rate ? { count: Number(rate), per_seconds: Number(per) } : null, aging_seconds: aging ? Number(aging) : null, ...(queue.version === undefined ? {} : { version: queue.version }) },
  }), "Saved").then(reload);
  const field = (name: string, hint: string, value: string, set: (text: string) => void) => <label class="field">{name} <small>{hint}</small><input type="number" min={0} step="any" placeholder="no limit" value={value} onInput={(event) => set(event.currentTarget.value)} /></label>;
  return (
    <Card title="Limits" pad>
      <form class="stack" onSubmit={(event) => { event.preventDefault(); save(); }}>
        <div class="fields">
          {field("Running at a time", "over all workers", most, setMost)}
          {field("Starts", "at most so many", rate, setRate)}
          {field("in seconds", "of the rate", per, setPer)}
          {field("Aging in seconds", "one step of priority is worth so long a wait", aging, setAging)}
        </div>
        {queue.rate && <p class="quiet">{queue.rate.tokens} may start now{queue.rate.next_start_at && <>, the next <Time at={queue.rate.next_start_at} /></>}.</p>}
        <div class="actions"><Button kind="primary" needs="control" type="submit">Save</Button></div>
      </form>
    </Card>
  );
}
