import { useState } from "preact/hooks";
import { Link, useLocation } from "wouter-preact";
import { call } from "../api/client";
import { refusal } from "../api/session";
import type { Backfilled, Fire, NextTime, Page, Schedule } from "../api/types";
import { useLoad } from "../data/load";
import { useKeys } from "../frame/keys";
import { useParameter } from "../parts/address";
import { Sure } from "../parts/ask";
import { Json } from "../parts/json";
import { Button, Card, count, Dialog, Empty, Icon, JobLink, Loaded, Panel, Tabs, Title, Trouble } from "../parts/kit";
import { Badge, State } from "../parts/state";
import { Time } from "../parts/time";
import { attempt } from "../parts/toast";
import { everyWords } from "../parts/words";
import { EditSchedule } from "./scheduling/form";
import { Strip, Switch } from "./schedules";

export default function ScheduleScreen({ id }: { id: string }) {
  const load = useLoad<Schedule>(`api/schedules/${id}`, ["schedules"]);
  const [tab, setTab] = useParameter("tab", "next");
  const [filling, fill] = useState(false);
  const [editing, edit] = useState(false);
  const [deleting, sure] = useState(false);
  useKeys([{ keys: "e", does: "change the schedule", run: () => load.data && !refusal("control") && edit(true) }]);
  const [, go] = useLocation();
  const one = load.data;
  if (!one) return load.problem ? <><Title name="Schedule" /><Trouble problem={load.problem} retry={load.reload} /></> : <Loaded load={load}>{() => null}</Loaded>;
  const name = one.name ?? one.id.slice(0, 13);
  const remove = () => attempt(() => call(`api/schedules/${id}`, { method: "DELETE" }), "Deleted").then((good) => { if (good) go("/schedules"); return good; });
  return (
    <>
      <Title name={name} source={{ path: `api/schedules/${id}`, cli: `schedules get ${id}` }} actions={<div class="row"><Switch schedule={one} reload={load.reload} /><Button kind="small" needs="control" onClick={() => edit(true)}>Edit…</Button><Button kind="small" needs="execute" onClick={() => fill(true)}>Backfill…</Button><Button kind="small danger" needs="control" onClick={() => sure(true)}>Delete…</Button></div>}><span class="row"><Link href="/schedules" class="button plain small" aria-label="Schedules"><Icon name="back" /></Link>{name}</span></Title>
      <div class="row sentence"><Badge state={one.status} /><span>{everyWords(one)}</span><span class="mono quiet">{one.cron}</span>{one.next_fire_at && <span>next <Time at={one.next_fire_at} /></span>}<Strip id={id} /></div>
      {one.paused_at && <p class="quiet">Paused by {one.paused_by ?? "somebody"} <Time at={one.paused_at} />: {one.pause_reason ?? "no reason given"}</p>}
      <div class="two">
        <section class="card">
          <Tabs label="About this schedule" tabs={[{ id: "next", name: "Next times" }, { id: "past", name: "What became of past times" }, { id: "code", name: "As code" }]} chosen={tab} choose={setTab} />
          <Panel tab={tab}>{tab === "past" ? <Past id={id} /> : tab === "code" ? <Json value={one} label="Schedule" /> : <Next id={id} zone={one.timezone} />}</Panel>
        </section>
        <Card title="Rules" pad>
          <dl class="facts">
            <dt>Submits</dt><dd>{one.job ? <>{one.job.type} in <Link class="link" href={`/queues/${encodeURIComponent(one.job.queue)}`}>{one.job.queue}</Link></> : `a workflow of ${one.workflow?.jobs.length} jobs`}</dd>
            <dt>Time zone</dt><dd>{one.timezone}</dd><dt>While one still runs</dt><dd>{one.overlap}</dd><dt>Missed times</dt><dd>{one.misfire}</dd>
            {one.jitter_seconds > 0 && <><dt>Jitter</dt><dd>{one.jitter_seconds} s</dd></>}
            {one.start_at && <><dt>From</dt><dd><Time at={one.start_at} as="clock" /></dd></>}{one.end_at && <><dt>Until</dt><dd><Time at={one.end_at} as="clock" /></dd></>}
            <dt>Last fired</dt><dd><Time at={one.last_fired_at} /></dd><dt>Version</dt><dd>{one.version}</dd>
          </dl>
        </Card>
      </div>
      {deleting && <Sure title={`Delete ${name}`} button="Delete 1 schedule" close={() => sure(false)} act={remove}><p>It fires no more, and goes from every list. Its jobs stay.</p></Sure>}
      {editing && <EditSchedule schedule={one} close={() => edit(false)} done={load.reload} />}
      {filling && <Backfill id={id} close={() => fill(false)} />}
    </>
  );
}

function Next({ id, zone }: { id: string; zone: string }) {
  const load = useLoad<{ items: NextTime[] }>(`api/schedules/${id}/next?count=20`, ["schedules"]);
  return (
    <Loaded load={load}>{({ items }) => items.length === 0 ? <Empty title="It fires no more" /> : (
      <table><thead><tr><th>In {zone}</th><th>In</th><th>Clock change</th></tr></thead>
        <tbody>{items.map((time) => <tr key={time.at}><td class="mono">{time.local}</td><td><Time at={time.at} /></td><td class="tone-warn">{time.note ?? ""}</td></tr>)}</tbody></table>
    )}</Loaded>
  );
}

function Past({ id }: { id: string }) {
  const load = useLoad<Page<Fire>>(`api/schedules/${id}/fires?limit=100`, ["schedules"]);
  return (
    <Loaded load={load}>{({ items }) => items.length === 0 ? <Empty title="No time has come yet" /> : (
      <table><thead><tr><th>Time</th><th>Outcome</th><th class="number">Times</th><th>Submitted</th></tr></thead>
        <tbody>{items.map((fire) => <tr key={fire.nominal_at + fire.outcome}><td><Time at={fire.nominal_at} as="clock" />{fire.count > 1 && <> to <Time at={fire.until_at} as="clock" /></>}</td><td><State state={fire.outcome} /></td><td class="number">{count(fire.count)}</td><td>{fire.job_id ? <JobLink id={fire.job_id} /> : fire.workflow_id ? <Link class="link" href={`/workflows/${fire.workflow_id}`}>workflow</Link> : <span class="quiet">nothing</span>}</td></tr>)}</tbody></table>
    )}</Loaded>
  );
}

/** A range of past times: what it would submit is shown before it does. */
function Backfill({ id, close }: { id: string; close: () => void }) {
  const [from, setFrom] = useState("");
  const [to, setTo] = useState("");
  const [shown, show] = useState<Backfilled | null>(null);
  const body = { from: from && new Date(from).toISOString(), to: to && new Date(to).toISOString() };
  const ask = () => void attempt(async () => show(await call<Backfilled>(`api/schedules/${id}/backfill`, { method: "POST", body: { ...body, preview: true } })), "Nothing was submitted yet");
  const act = () => void attempt(() => call(`api/schedules/${id}/backfill`, { method: "POST", body }), "Submitted").then((good) => good && close());
  const field = (name: string, value: string, set: (text: string) => void) => <label class="field">{name}<input type="datetime-local" required value={value} onInput={(event) => { set(event.currentTarget.value); show(null); }} /></label>;
  return (
    <Dialog label="Backfill" onClose={close}>
      <form method="dialog" onSubmit={(event) => { event.preventDefault(); if (shown) act(); else ask(); }}>
        <h1>Backfill</h1>
        <p class="quiet">Submits the times of a range that never fired. Times that fired are left out.</p>
        <div class="fields">{field("From", from, setFrom)}{field("To", to, setTo)}</div>
        {shown && <div><p><b>{count(shown.count)}</b> times would be submitted, {count(shown.existing)} fired already.</p><ul class="mono quiet" style={{ maxHeight: "160px", overflow: "auto" }} tabIndex={0}>{shown.items.slice(0, 200).map((item) => <li>{item.local}</li>)}</ul></div>}
        <div class="actions"><Button onClick={close}>Close</Button><button class="button primary" disabled={shown?.count === 0}>{shown ? `Submit ${count(shown.count)}` : "Preview"}</button></div>
      </form>
    </Dialog>
  );
}
