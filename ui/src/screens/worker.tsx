import { Link } from "wouter-preact";
import type { Job, Page, Worker } from "../api/types";
import { useLoad } from "../data/load";
import { Card, count, Empty, Icon, JobLink, Loaded, Meter, short, Title, Trouble } from "../parts/kit";
import { Badge } from "../parts/state";
import { Time, Took } from "../parts/time";
import { Drain } from "./workers";

export default function WorkerScreen({ id }: { id: string }) {
  const load = useLoad<Worker>(`api/workers/${id}`, ["workers"], 5_000);
  const running = useLoad<Page<Job>>("api/jobs?status=running&limit=500", ["jobs"], 3_000);
  const worker = load.data;
  if (!worker) return load.problem ? <><Title name="Worker" /><Trouble problem={load.problem} retry={load.reload} /></> : <Loaded load={load}>{() => null}</Loaded>;
  const held = running.data?.items.filter((job) => job.worker_id === id) ?? [];
  return (
    <>
      <Title name={worker.name} source={{ path: `api/workers/${id}` }} actions={<Drain worker={worker} reload={load.reload} />}><span class="row"><Link href="/workers" class="button plain small" aria-label="Workers"><Icon name="back" /></Link>{worker.name}<span class="mono quiet" style={{ fontWeight: 400 }}>{short(worker.id)}</span></span></Title>
      <div class="row"><Badge state={worker.state} /><span class="quiet">heard <Time at={worker.last_seen_at} />, here since <Time at={worker.registered_at} /></span></div>
      <div class="two">
        <Card title={`Running ${count(worker.running)}`}>
          {held.length === 0 ? <Empty title={worker.running ? "What it runs is further down the list of jobs" : "It runs nothing now"} /> : (
            <table><thead><tr><th>Job</th><th>Type</th><th>Progress</th><th class="number">Attempt</th><th class="number">For</th></tr></thead>
              <tbody>{held.map((job) => <tr key={job.id}><td><JobLink id={job.id} /></td><td>{job.type}</td><td>{job.progress ? <span class="row"><progress value={job.progress.fraction ?? undefined} max={1} aria-label="Progress" />{job.progress.message}</span> : <span class="quiet">–</span>}</td><td class="number">{job.attempt}/{job.max_attempts}</td><td class="number"><Took from={job.started_at} to={null} /></td></tr>)}</tbody></table>
          )}
        </Card>
        <Card title="Facts" pad>
          <dl class="facts">
            <dt>Slots</dt><dd><Meter value={worker.running} of={worker.slots} label="Slots" />{worker.running} of {worker.slots}</dd>
            <dt>Host</dt><dd>{worker.hostname}, process {worker.pid}</dd><dt>Version</dt><dd>{worker.version}</dd>
            <dt>Queues</dt><dd>{worker.queues.map((queue) => <><Link class="tag" href={`/queues/${encodeURIComponent(queue)}`}>{queue}</Link> </>)}</dd>
            <dt>Handlers</dt><dd>{worker.types.map((type) => <><span class="tag">{type}</span> </>)}</dd>
            {Object.entries(worker.labels).map(([name, value]) => <><dt>{name}</dt><dd>{value}</dd></>)}
          </dl>
        </Card>
      </div>
    </>
  );
}
