// Is it healthy, is it keeping up, what broke?
import { Link } from "wouter-preact";
import type { DeadGroups, Handlers, Operation, Page, Pulse, Queues, Rule, Schedule, Series, Worker } from "../api/types";
import { useLoad } from "../data/load";
import { submitting } from "../frame/state";
import { pulse } from "../live/live";
import { query, useParameter } from "../parts/address";
import type { ChartProps } from "../parts/chart";
import { Button, Card, Command, count, Empty, Loaded, Meter, Title } from "../parts/kit";
import { lazy } from "../parts/lazy";
import { snapped, useWindow, type Window, WindowBar, WindowMenu, within } from "../parts/window";
import { everyWords } from "../parts/words";
import { Glyph, State } from "../parts/state";
import { now, span, Time } from "../parts/time";

const Chart = lazy<ChartProps>(() => import("../parts/chart").then((m) => m.default));
const RANGES: [string, string][] = [["900", "15m"], ["3600", "1h"], ["21600", "6h"], ["86400", "24h"], ["604800", "7d"]];

export default function Overview() {
  const stats = useLoad<Pulse>("api/stats", ["jobs"]);
  const dead = useLoad<DeadGroups>("api/dead-letters?limit=5", ["jobs"], 15_000);
  const live = pulse.value ?? stats.data ?? null;
  const fresh = live !== null && (live.totals["submitted"] ?? 0) === 0;
  return (
    <>
      <Title name="Overview" source={{ path: "api/stats", cli: "stats" }} actions={!fresh && <Ranges />} />
      {!live ? <Loaded load={stats} lines={8}>{() => null}</Loaded> : fresh ? <FirstSteps live={live} /> : <Healthy live={live} dead={dead.data} />}
      {!fresh && live && (
        <>
          <Charts />
          <div class="cards"><QueueCard /><FailingCard /></div>
          <div class="cards"><ScheduleCard /><WorkerCard /></div>
          <div class="cards"><AlarmCard /><OperationCard /></div>
        </>
      )}
    </>
  );
}

function Ranges() {
  const [range, setRange] = useParameter("range", "3600");
  const [chosen, choose] = useWindow();
  return (
    <>
    <WindowMenu window={chosen} set={choose} />
    <div class="segments" role="group" aria-label="Time range">
      {RANGES.map(([seconds, name]) => <button type="button" key={seconds} aria-pressed={seconds === range} onClick={() => setRange(seconds)}>{name}</button>)}
    </div>
    </>
  );
}

function Healthy({ live, dead }: { live: Pulse; dead: DeadGroups | undefined }) {
  const waiting = live.active["pending"] ?? 0;
  const running = live.active["running"] ?? 0;
  const totals = live.totals;
  const ended = (totals["completed"] ?? 0) + (totals["failed"] ?? 0);
  const p99 = live.start_delay_seconds?.p99;
  return (
    <div class="figures">
      <Figure href="/jobs?q=status:pending" name="Ready" value={count(waiting)} note={live.oldest_pending_seconds == null ? "nothing waits" : `oldest ${span(live.oldest_pending_seconds)}`} />
      <Figure href="/jobs?q=status:running" name="Running" value={<>{count(running)} <small>/ {count(live.slots ?? 0)} slots</small></>} note={<Meter value={running} of={live.slots ?? 0} label="Slots in use" />} />
      <Figure href="/jobs?q=status:scheduled" name="Scheduled" value={count(live.active["scheduled"] ?? 0)} note={`${count(live.active["blocked"] ?? 0)} blocked, ${count(live.active["paused"] ?? 0)} paused`} />
      <Figure href="/jobs?q=status:completed" name="Completed" value={count(totals["completed"] ?? 0)} note={`of ${count(totals["submitted"] ?? 0)} submitted`} />
      <Figure href="/jobs" name="Start delay p99" value={p99 == null ? "–" : `≤ ${span(p99)}`} note="last hour" />
      <Figure href="/dead" name="Dead letters" value={<span class={dead?.failed ? "tone-bad" : ""}>{dead ? `${count(dead.failed)}${dead.complete ? "" : "+"}` : "–"}</span>} note={ended ? `${(((totals["failed"] ?? 0) / ended) * 100).toFixed(1)} % of ended jobs` : "none so far"} />
    </div>
  );
}

function Figure({ href, name, value, note }: { href: string; name: string; value: preact.ComponentChildren; note: preact.ComponentChildren }) {
  return <Link href={href} class="figure"><span class="name">{name}</span><span class="value">{value}</span><span class="note">{note}</span></Link>;
}

function Charts() {
  const [range] = useParameter("range", "3600");
  const load = useLoad<Series>(`api/stats/series?range_seconds=${range}`, [], Number(range) > 3600 ? 30_000 : 5_000);
  const minutes = (load.data?.step_seconds ?? 60) / 60;
  const [chosen, choose] = useWindow();
  const brush = (drawn: Window) => choose(snapped(drawn, load.data?.step_seconds ?? 60));
  const per = minutes === 1 ? "a minute" : minutes < 60 ? `in ${minutes} minutes` : `in ${minutes / 60} hours`;
  return (
    <>
    {chosen && <WindowBar window={chosen} set={choose} series={load.data} />}
    <div class="cards">
      <Card title={<>Throughput <span class="quiet">{per}</span></>}>
        <Loaded load={load} lines={7}>{(series) => (
          <Chart label="Jobs ended over time" stacked window={chosen} brush={brush} times={series.points.map((p) => Date.parse(p.at) / 1000)} unit={compact} lines={[
            { name: "completed", tone: "good", values: series.points.map((p) => p.completed) },
            { name: "failed", tone: "bad", values: series.points.map((p) => p.failed) },
            { name: "retried", tone: "warn", values: series.points.map((p) => p.retried) },
          ]} />
        )}</Loaded>
      </Card>
      <Card title={<>Start delay <span class="quiet">from ready to started</span></>}>
        <Loaded load={load} lines={7}>{(series) => (
          <Chart label="Start delay over time" window={chosen} brush={brush} times={series.points.map((p) => Date.parse(p.at) / 1000)} unit={span} lines={[
            { name: "p50", tone: "good", values: series.points.map((p) => p.start_delay_seconds.p50) },
            { name: "p95", tone: "busy", values: series.points.map((p) => p.start_delay_seconds.p95) },
            { name: "p99", tone: "wait", values: series.points.map((p) => p.start_delay_seconds.p99) },
          ]} />
        )}</Loaded>
      </Card>
    </div>
    </>
  );
}

function compact(value: number): string {
  return Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 }).format(value);
}

function QueueCard() {
  const load = useLoad<Queues>("api/queues", ["jobs", "workers"]);
  return (
    <Card title="Queues" aside={<Link class="link" href="/queues">All</Link>}>
      <Loaded load={load}>{({ items }) => items.length === 0 ? <Empty title="No queue is in use" /> : (
        <div class="scroll"><table>
          <thead><tr><th>Queue</th><th class="number">Ready</th><th class="number">Running</th><th class="number">Oldest</th><th class="number">Workers</th></tr></thead>
          <tbody>
            {[...items].sort((a, b) => (b.counts["pending"] ?? 0) - (a.counts["pending"] ?? 0)).slice(0, 8).map((queue) => (
              <tr key={queue.name}>
                <td><Link href={`/queues/${encodeURIComponent(queue.name)}`}>{queue.name}</Link> {queue.paused_at ? <State state="paused" /> : null}</td>
                <td class="number"><Link href={`/jobs?q=queue:${queue.name} status:pending`}>{count(queue.counts["pending"] ?? 0)}</Link></td>
                <td class="number">{count(queue.counts["running"] ?? 0)}</td>
                <td class="number">{queue.oldest_pending_seconds == null ? "–" : span(queue.oldest_pending_seconds)}</td>
                <td class={`number ${queue.workers ? "" : "tone-bad"}`}>{queue.workers || "none"}</td>
              </tr>
            ))}
          </tbody>
        </table></div>
      )}</Loaded>
    </Card>
  );
}

function FailingCard() {
  const [chosen] = useWindow();
  const load = useLoad<DeadGroups>(`api/dead-letters${query({ limit: 5, q: chosen && within("finished", chosen) })}`, ["jobs"], 15_000);
  return (
    <Card title={chosen ? "Failed in the window" : "Failing"} aside={<Link class="link" href="/dead">Dead letters</Link>}>
      <Loaded load={load}>{({ items }) => items.length === 0 ? <Empty title={chosen ? "Nothing failed for good then" : "Nothing has failed for good"}><p>Jobs whose attempts are used up are grouped here by their error.</p></Empty> : (
        <table class="fixed">
          <thead><tr><th>Error</th><th style={{ width: "30%" }}>Type</th><th class="number" style={{ width: "64px" }}>Jobs</th><th class="number" style={{ width: "92px" }}>Last</th></tr></thead>
          <tbody>
            {items.map((group) => (
              <tr key={group.fingerprint}>
                <td title={group.error?.message}><Link href={`/dead?group=${group.fingerprint}`}><b class="tone-bad">{group.error?.type ?? "no error"}</b> {group.error?.message}</Link></td>
                <td class="mono">{Object.keys(group.types).join(", ")}</td>
                <td class="number">{count(group.count)}</td>
                <td class="number quiet"><Time at={group.last_seen_at} /></td>
              </tr>
            ))}
          </tbody>
        </table>
      )}</Loaded>
    </Card>
  );
}

function ScheduleCard() {
  const load = useLoad<Page<Schedule>>("api/schedules?limit=100", ["schedules"]);
  return (
    <Card title="Next schedules" aside={<Link class="link" href="/schedules">All</Link>}>
      <Loaded load={load}>{({ items }) => {
        const next = items.filter((one) => one.next_fire_at).sort((a, b) => a.next_fire_at!.localeCompare(b.next_fire_at!)).slice(0, 5);
        return next.length === 0 ? <Empty title="No schedule is active"><p>A schedule submits a job at set times.</p><Command>{"tenure schedules add --cron '0 9 * * 1-5' --tz Europe/Berlin echo"}</Command></Empty> : (
          <table><tbody>{next.map((one) => (
            <tr key={one.id}><td><Link href={`/schedules/${one.id}`}>{one.name ?? one.job?.type ?? "workflow"}</Link></td><td class="quiet">{everyWords(one)}</td><td class="right"><Time at={one.next_fire_at} /></td></tr>
          ))}</tbody></table>
        );
      }}</Loaded>
    </Card>
  );
}

function WorkerCard() {
  const load = useLoad<Page<Worker>>("api/workers", ["workers"]);
  return (
    <Card title="Workers" aside={<Link class="link" href="/workers">All</Link>}>
      <Loaded load={load}>{({ items }) => {
        const there = items.filter((one) => one.state !== "gone").slice(0, 6);
        return there.length === 0 ? <Empty title="No worker is online"><Command>tenure worker</Command></Empty> : (
          <table><tbody>{there.map((one) => (
            <tr key={one.id}><td><Link href={`/workers/${one.id}`}><Glyph state={one.state} /> {one.name}</Link></td><td style={{ width: "34%" }}><Meter value={one.running} of={one.slots} label={`Slots of ${one.name}`} /></td><td class="right nowrap">{one.running} / {one.slots}</td></tr>
          ))}</tbody></table>
        );
      }}</Loaded>
    </Card>
  );
}

function AlarmCard() {
  const load = useLoad<Page<Rule>>("api/notifications/rules?limit=500", [], 10_000);
  return (
    <Card title="Alarms" aside={<Link class="link" href="/alerts">All rules</Link>}>
      <Loaded load={load} lines={3}>{({ items }) => {
        const told = items.filter((one) => one.told_at).sort((a, b) => Number(b.alarmed) - Number(a.alarmed) || b.told_at!.localeCompare(a.told_at!)).slice(0, 5);
        return told.length === 0 ? <Empty title={items.length ? "No rule has spoken" : "Nobody is told of anything"}><p>{items.length ? `${count(items.length)} ${items.length === 1 ? "rule watches" : "rules watch"}.` : <>A <Link class="link" href="/alerts">rule</Link> tells a webhook, a mailbox or a chat when jobs fail, schedules are missed or workers fall silent.</>}</p></Empty> : (
          <table><tbody>{told.map((one) => <tr key={one.id}><td><Link href="/alerts"><State state={one.alarmed ? "alarmed" : "active"} /> <b>{one.name}</b></Link></td><td class="quiet">{one.event}</td><td class="right">spoke <Time at={one.told_at} /></td></tr>)}</tbody></table>
        );
      }}</Loaded>
    </Card>
  );
}

function OperationCard() {
  const load = useLoad<Page<Operation>>("api/operations?limit=5", ["operations"]);
  return (
    <Card title="Recent operations" aside={<Link class="link" href="/operations">All</Link>}>
      <Loaded load={load} lines={3}>{({ items }) => items.length === 0 ? <Empty title="None yet"><p>One action on many jobs: choose them in <Link class="link" href="/jobs">Jobs</Link> or <Link class="link" href="/dead">Dead letters</Link>.</p></Empty> : (
        <table><tbody>{items.map((one) => <tr key={one.id}><td><Link href="/operations"><State state={one.status} /> <b>{one.action}</b></Link></td><td class="mono quiet cut" style={{ maxWidth: "180px" }} title={one.filter}>{one.filter}</td><td class="right nowrap">{count(one.done)} of {count(one.expected)}</td></tr>)}</tbody></table>
      )}</Loaded>
    </Card>
  );
}

function FirstSteps({ live }: { live: Pulse }) {
  const handlers = useLoad<Handlers>("api/handlers", ["workers"]);
  const connected = live.workers > 0 || (handlers.data?.items.some((one) => one.workers > 0) ?? false);
  return (
    <Card title="Three steps to a first job">
      <div class="steps">
        <div class="step" data-done={connected}>
          <span class="number">{connected ? "✓" : 1}</span><h2>Start a worker</h2>
          <Command>tenure worker</Command>
          <p class={connected ? "tone-good" : "quiet"}>{connected ? "Connected" : `Waiting for one${".".repeat(1 + (Math.floor(now.value / 1000) % 3))}`}</p>
        </div>
        <div class="step" data-done="false">
          <span class="number">2</span><h2>Submit a job</h2>
          <Command>tenure submit echo hello=world</Command>
          <Button kind="primary small" needs="execute" onClick={() => (submitting.value = { type: "echo", payload: { hello: "world" } })}>Submit one here</Button>
        </div>
        <div class="step" data-done="false">
          <span class="number">3</span><h2>Watch it finish</h2>
          <p class="quiet">It shows up here and under <Link class="link" href="/jobs">Jobs</Link> as it happens.</p>
        </div>
      </div>
    </Card>
  );
}
