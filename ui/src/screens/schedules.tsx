import { useState } from "preact/hooks";
import { Link, useLocation } from "wouter-preact";
import { call } from "../api/client";
import type { Fire, Page, Schedule } from "../api/types";
import { useLoad } from "../data/load";
import { Button, Card, Command, Empty, Loaded, Title } from "../parts/kit";
import { State, toneOf } from "../parts/state";
import { Time } from "../parts/time";
import { attempt } from "../parts/toast";
import { everyWords } from "../parts/words";
import { command } from "../parts/shell";
import { NewSchedule } from "./scheduling/form";

export default function Schedules() {
  const load = useLoad<Page<Schedule>>("api/schedules?limit=200", ["schedules"]);
  const [making, make] = useState(false);
  const [, go] = useLocation();
  return (
    <>
      <Title name="Schedules" source={{ path: "api/schedules", cli: "schedules ls" }} actions={<Button kind="primary small" needs="execute" onClick={() => make(true)}>Make a schedule</Button>} />
      <Card title="Recurring jobs and workflows">
        <Loaded load={load}>{({ items }) => items.length === 0 ? (
          <Empty title="No schedules yet"><p>A schedule submits a job, or a whole workflow, at set times. It never fires a time twice, and says what became of every time it missed.</p><Command>{command("schedules add --cron '0 9 * * 1-5' --tz Europe/Berlin echo")}</Command></Empty>
        ) : (
          <div class="scroll"><table>
            <thead><tr><th>Schedule</th><th>When</th><th>Submits</th><th>State</th><th>Next</th><th>Last times</th><th>Overlap</th><th><span class="offscreen">Actions</span></th></tr></thead>
            <tbody>{items.map((one) => (
              <tr key={one.id}>
                <td><Link href={`/schedules/${one.id}`}><b>{one.name ?? one.id.slice(0, 13)}</b></Link></td>
                <td>{everyWords(one)}{one.cron && <div class="mono quiet">{one.cron}</div>}</td>
                <td>{one.job ? one.job.type : `${one.workflow?.jobs.length ?? 0} jobs`}</td>
                <td><State state={one.status} note={one.pause_reason ?? ""} /></td>
                <td><Time at={one.next_fire_at} /></td>
                <td><Strip id={one.id} /></td>
                <td class="quiet">{one.overlap}</td>
                <td class="right nowrap"><Switch schedule={one} reload={load.reload} /></td>
              </tr>
            ))}</tbody>
          </table></div>
        )}</Loaded>
      </Card>
      {making && <NewSchedule close={() => make(false)} done={(made) => go(`/schedules/${made.id}`)} />}
    </>
  );
}

/** The last 30 entries of the ledger as bars; what did not fire is short. */
export function Strip({ id }: { id: string }) {
  const load = useLoad<Page<Fire>>(`api/schedules/${id}/fires?limit=30`, ["schedules"]);
  const fires = [...(load.data?.items ?? [])].reverse();
  if (!fires.length) return <span class="quiet">none yet</span>;
  return <span class="strip" role="img" aria-label={`Last ${fires.length}: ${fires.map((fire) => fire.outcome).join(", ")}`}>{fires.map((fire) => <i key={fire.nominal_at + fire.outcome} class={`tone-${toneOf(fire.outcome)} ${fire.job_id || fire.workflow_id ? "" : "short"}`} title={`${fire.nominal_at}: ${fire.outcome}${fire.count > 1 ? ` × ${fire.count}` : ""}`} />)}</span>;
}

export function Switch({ schedule, reload }: { schedule: Schedule; reload: () => void }) {
  const act = (verb: string, said: string) => void attempt(() => call(`api/schedules/${schedule.id}/${verb}`, { method: "POST", body: {} }), said).then(reload);
  return (
    <span class="row" style={{ justifyContent: "flex-end", flexWrap: "nowrap" }}>
      <Button kind="small" needs="execute" onClick={() => act("trigger", "Submitted")}>Run now</Button>
      {schedule.status === "paused" ? <Button kind="small" needs="execute" onClick={() => act("resume", "It fires again")}>Resume</Button> : <Button kind="small" needs="control" refused={schedule.status === "ended" ? "It has ended" : null} onClick={() => act("pause", "Paused")}>Pause</Button>}
    </span>
  );
}
