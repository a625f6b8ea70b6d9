// One job: what it is, why it is where it is, and everything that happened to it.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Link, useLocation } from "wouter-preact";
import { call } from "../../api/client";
import { refusal } from "../../api/session";
import type { Explanation, Job, Page, Run } from "../../api/types";
import { useLoad } from "../../data/load";
import { useKeys } from "../../frame/keys";
import { submitting } from "../../frame/state";
import { useParameter } from "../../parts/address";
import { Sure } from "../../parts/ask";
import { Json } from "../../parts/json";
import { Button, Card, Copy, Icon, Linked, Loaded, Panel, short, Tabs, Title, Trouble } from "../../parts/kit";
import { lazy } from "../../parts/lazy";
import { Badge } from "../../parts/state";
import { exact, span, Time } from "../../parts/time";
import { attempt } from "../../parts/toast";
import { Attempts } from "./attempts";
import { Dependencies } from "./dependencies";
import { EditJob } from "./edit";
import { Events } from "./events";
import { Timeline } from "./timeline";

const Logs = lazy<{ job: Job }>(() => import("./logs").then((m) => m.default));
const TABS = ["timeline", "payload", "result", "logs", "attempts", "dependencies", "events", "raw"];
const FINISHED = new Set(["completed", "failed", "cancelled", "skipped", "expired"]);

export default function JobScreen({ id }: { id: string }) {
  const load = useLoad<Job>(`api/jobs/${encodeURIComponent(id)}`, /^[0-9a-f-]{36}$/.test(id) ? [`job:${id}`] : []);
  const job = load.data;
  if (!job) return load.problem ? <><Title name="Job" /><Trouble problem={load.problem} retry={load.reload} /></> : <Loaded load={load} lines={10}>{() => null}</Loaded>;
  return <Shown job={job} reload={load.reload} key={job.id} />;
}

function Shown({ job, reload }: { job: Job; reload: () => void }) {
  const [tab, setTab] = useParameter("tab", "timeline");
  const runs = useLoad<Page<Run>>(`api/jobs/${job.id}/runs`, [`job:${job.id}`]);
  useKeys([
    ...TABS.map((name, n) => ({ keys: String(n + 1), does: `tab ${name}`, run: () => setTab(name) })),
    { keys: "y", does: "copy the id", run: () => void navigator.clipboard.writeText(job.id) },
  ]);
  const names = TABS.map((name) => ({ id: name, name: <>{name[0]!.toUpperCase() + name.slice(1)}{name === "attempts" && runs.data?.items.length ? <span class="quiet"> {runs.data.items.length}</span> : null}</> }));
  return (
    <>
      <Title name={`${job.type} ${short(job.id)}`} source={{ path: `api/jobs/${job.id}`, cli: `jobs get ${job.id}` }} actions={<Actions job={job} reload={reload} />}>
        <span class="row"><Link href="/jobs" class="button plain small" aria-label="Jobs"><Icon name="back" /></Link>{job.type}{job.name && <span class="quiet">{job.name}</span>} <span class="mono quiet" style={{ fontWeight: 400 }}>{short(job.id)}</span><Copy text={job.id} label="Copy id" /></span>
      </Title>
      <div class="row sentence"><Badge state={job.status} /><span>{sentence(job)}</span>{job.cancel_requested && !FINISHED.has(job.status) && <Badge state="cancelled">cancel requested</Badge>}</div>
      {!FINISHED.has(job.status) && <WhyLine job={job} />}
      {job.error && <div class="problem"><h2>{job.error.type}</h2><p>{job.error.message}</p></div>}
      {job.progress && job.status === "running" && <div class="row"><progress value={job.progress.fraction ?? undefined} max={1} aria-label="Progress" /><span>{job.progress.fraction !== null ? `${Math.round(job.progress.fraction * 100)} %` : ""} {job.progress.message}</span></div>}
      <div class="two">
        <section class="card">
          <Tabs label="About this job" tabs={names} chosen={tab} choose={setTab} />
          <Panel tab={tab}>{content(tab, job, runs)}</Panel>
        </section>
        <Facts job={job} />
      </div>
    </>
  );
}

function content(tab: string, job: Job, runs: ReturnType<typeof useLoad<Page<Run>>>): ComponentChildren {
  switch (tab) {
    case "payload": return <Json value={job.payload} label="Payload" />;
    case "result": return job.status === "completed" ? <Json value={job.result} label="Result" /> : <div class="empty"><h2>No result yet</h2><p>A job has a result when it completes.</p></div>;
    case "logs": return <Logs job={job} />;
    case "attempts": return <Loaded load={runs}>{({ items }) => <Attempts runs={items} job={job} />}</Loaded>;
    case "dependencies": return <Dependencies job={job} />;
    case "events": return <Events job={job} />;
    case "raw": return <Json value={job} label="Job" />;
    default: return <Loaded load={runs}>{({ items }) => <Timeline job={job} runs={items} />}</Loaded>;
  }
}

function sentence(job: Job): string {
  const took = job.started_at && job.finished_at ? ` after ${span((Date.parse(job.finished_at) - Date.parse(job.started_at)) / 1000)}` : "";
  const tries = `attempt ${job.attempt} of ${job.max_attempts}`;
  switch (job.status) {
    case "completed": return `Completed in ${tries}${took}`;
    case "failed": return `Failed for good in ${tries}${job.reason ? ` (${job.reason})` : ""}`;
    case "running": return `Running, ${tries}`;
    case "scheduled": return job.attempt > 0 ? `${job.reason === "snoozed" ? "Snoozed" : "Failed once more, tries again"}; ${job.attempt} of ${job.max_attempts} attempts used` : "Waits for its time";
    case "pending": return job.attempt > 0 ? `Ready to run again, ${job.attempt} of ${job.max_attempts} attempts used` : "Ready to run";
    case "blocked": return "Waits for others";
    case "paused": return "Held by a person";
    default: return job.status[0]!.toUpperCase() + job.status.slice(1) + (job.reason ? ` (${job.reason})` : "");
  }
}

function WhyLine({ job }: { job: Job }) {
  const load = useLoad<Explanation>(`api/jobs/${job.id}/explain`, [`job:${job.id}`], 5_000);
  if (!load.data) return null;
  const { reasons, estimated_start_at } = load.data;
  return (
    <div class="why" aria-label="Why it is where it is">
      {reasons.map((why) => (
        <p><Linked text={why.detail} jobs={why.job_ids ?? []} />{why.worker_id && <> <Link class="link" href={`/workers/${why.worker_id}`}>worker</Link></>}</p>
      ))}
      {estimated_start_at && <p class="quiet">Estimated start <Time at={estimated_start_at} /></p>}
    </div>
  );
}

function Actions({ job, reload }: { job: Job; reload: () => void }) {
  const [, go] = useLocation();
  const [editing, edit] = useState(false);
  const [deleting, sure] = useState(false);
  const over = FINISHED.has(job.status);
  const fixed = over ? "It has ended: retry it, or clone it and change the clone" : job.status === "running" ? "A running job cannot be edited" : null;
  useKeys([{ keys: "e", does: "edit the job", run: () => !fixed && !refusal("control") && edit(true) }]);
  const act = (verb: string, said: string) => void attempt(() => call(`api/jobs/${job.id}/${verb}`, { method: "POST", body: {} }), said).then(reload);
  const remove = () => attempt(() => call(`api/jobs/${job.id}`, { method: "DELETE" }), "Deleted").then((good) => { if (good) go("/jobs"); return good; });
  const clone = () => (submitting.value = { type: job.type, queue: job.queue, payload: job.payload, priority: job.priority, tags: job.tags, name: job.name });
  return (
    <div class="row">
      {over ? <Button kind={job.status === "failed" ? "primary" : ""} needs="execute" onClick={() => act("retry", "Runs again")}>Retry</Button> : null}
      {!over && job.status !== "running" && (job.status === "paused" ? <Button needs="execute" onClick={() => act("resume", "Resumed")}>Resume</Button> : <Button needs="control" onClick={() => act("pause", "Paused")}>Pause</Button>)}
      {!over && <Button kind="danger" needs="control" refused={job.cancel_requested ? "It was told to stop already" : null} onClick={() => act("cancel", job.status === "running" ? "It was told to stop" : "Cancelled")}>Cancel</Button>}
      <Button needs="control" refused={fixed} onClick={() => edit(true)}>Edit…</Button>
      <Button needs="execute" onClick={clone}>Clone</Button>
      <Button kind="danger" needs="control" refused={job.status === "running" ? "A running job cannot be deleted: cancel it first" : null} onClick={() => sure(true)}>Delete…</Button>
      {deleting && <Sure title="Delete this job" button="Delete 1 job" close={() => sure(false)} act={remove}><p>{over ? "It goes from every list, with its attempts and its log." : "It is cancelled first, then it goes from every list."}</p></Sure>}
      {editing && <EditJob job={job} close={() => edit(false)} done={reload} />}
    </div>
  );
}

function Facts({ job }: { job: Job }) {
  const policy = job.retry_policy;
  const trace = document.documentElement.dataset["traceUrl"];
  const facts: [string, ComponentChildren][] = [
    ["Queue", <Link class="link" href={`/queues/${encodeURIComponent(job.queue)}`}>{job.queue}</Link>],
    ["Priority", job.priority],
    ["Submitted", <Time at={job.created_at} />],
    ["Runs at", job.run_at && !FINISHED.has(job.status) ? <Time at={job.run_at} /> : null],
    ["Started", job.started_at && <Time at={job.started_at} />],
    ["Finished", job.finished_at && <Time at={job.finished_at} />],
    ["Expires", job.expires_at && <Time at={job.expires_at} />],
    ["Worker", job.worker_id && <Link class="link mono" href={`/workers/${job.worker_id}`}>{short(job.worker_id)}</Link>],
    ["Attempts", `${job.attempt} of ${job.max_attempts}${job.lost ? `, ${job.lost} lost` : ""}`],
    ["Retry", `${policy.strategy}, ${span(policy.initial_delay_seconds)}${policy.strategy === "exponential" ? ` × ${policy.multiplier}` : ""}, at most ${span(policy.max_delay_seconds)}`],
    ["Timeout", job.timeout_seconds !== null ? span(job.timeout_seconds) : null],
    ["When lost", job.on_lost === "fail" ? "fails" : null],
    ["Workflow", job.workflow_id && <Link class="link mono" href={`/workflows/${job.workflow_id}`}>{job.key ?? short(job.workflow_id)}</Link>],
    ["Schedule", job.schedule_id && <Link class="link mono" href={`/schedules/${job.schedule_id}`}>{short(job.schedule_id)}</Link>],
    ["Nominal time", job.nominal_at && <Time at={job.nominal_at} as="clock" />],
    ["Concurrency key", job.concurrency_key && <span class="mono">{job.concurrency_key}</span>],
    ["Unique key", job.unique && <span class="mono">{job.unique.key}</span>],
    ["Owner", job.owner_id && <span class="mono">{short(job.owner_id)}</span>],
    ["Tags", job.tags.length > 0 && <span class="row" style={{ gap: "4px" }}>{job.tags.map((tag) => <Link class="tag" href={`/jobs?q=tag:${encodeURIComponent(tag)}`}>{tag}</Link>)}</span>],
    ["Version", job.version],
    ["Trace", trace && <a class="link" href={trace.replace("{job_id}", job.id).replace("{trace_id}", job.id.replaceAll("-", ""))}>open</a>],
  ];
  return (
    <Card title="Facts" pad>
      <dl class="facts">{facts.filter(([, value]) => value !== null && value !== undefined && value !== false && value !== "").map(([name, value]) => <><dt>{name}</dt><dd title={typeof value === "string" && value.endsWith("Z") ? exact(value) : undefined}>{value}</dd></>)}</dl>
    </Card>
  );
}
