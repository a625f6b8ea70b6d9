// The columns of the list of jobs: what there are, which one wants, and how close rows stand.
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { Link } from "wouter-preact";
import type { Job } from "../../api/types";
import { kept, keep } from "../../data/kept";
import { brief } from "../../parts/json";
import { short } from "../../parts/kit";
import { Menu } from "../../parts/menu";
import { Glyph } from "../../parts/state";
import { Time, Took } from "../../parts/time";

interface Column {
  id: string; name: string; cell: (job: Job) => ComponentChildren; title?: (job: Job) => string | undefined;
  /** Pixels; a column without takes what is left. */
  width?: number; look?: string;
  /** It cannot be hidden. */ always?: true;
  /** It is hidden until asked for. */ extra?: true;
}

const none = <span class="quiet">–</span>;

const COLUMNS: Column[] = [
  { id: "state", name: "State", width: 122, always: true, title: (job) => job.reason ?? undefined, cell: (job) => <span class="row" style={{ gap: "6px", flexWrap: "nowrap" }}><Glyph state={job.status} />{job.status}</span> },
  { id: "job", name: "Job", width: 136, always: true, look: "mono", cell: (job) => <Link href={`/jobs/${job.id}`}>{short(job.id)}</Link> },
  { id: "type", name: "Type", width: 150, title: (job) => (job.name ? `${job.type}: ${job.name}` : job.type), cell: (job) => <>{job.type}{job.name && <span class="quiet"> {job.name}</span>}</> },
  { id: "payload", name: "Payload", look: "mono quiet", cell: (job) => (job.error && job.status === "failed" ? <span class="tone-bad">{brief(`${job.error.type}: ${job.error.message}`, 100)}</span> : brief(job.payload)) },
  { id: "tags", name: "Tags", width: 150, extra: true, title: (job) => job.tags.join(", "), cell: (job) => job.tags.map((tag) => <><span class="tag">{tag}</span> </>) },
  { id: "reason", name: "Reason", width: 120, extra: true, cell: (job) => job.reason ?? none },
  { id: "queue", name: "Queue", width: 110, cell: (job) => job.queue },
  { id: "priority", name: "Prio", width: 58, look: "number", cell: (job) => job.priority },
  { id: "attempt", name: "Attempt", width: 70, look: "number", cell: (job) => `${job.attempt}/${job.max_attempts}` },
  { id: "worker", name: "Worker", width: 140, extra: true, look: "mono", cell: (job) => (job.worker_id ? <Link href={`/workers/${job.worker_id}`}>{short(job.worker_id)}</Link> : none) },
  { id: "workflow", name: "Workflow", width: 140, extra: true, look: "mono", cell: (job) => (job.workflow_id ? <Link href={`/workflows/${job.workflow_id}`}>{job.key ?? short(job.workflow_id)}</Link> : none) },
  { id: "schedule", name: "Schedule", width: 140, extra: true, look: "mono", cell: (job) => (job.schedule_id ? <Link href={`/schedules/${job.schedule_id}`}>{short(job.schedule_id)}</Link> : none) },
  { id: "owner", name: "Owner", width: 140, extra: true, look: "mono", cell: (job) => (job.owner_id ? short(job.owner_id) : none) },
  { id: "took", name: "Took", width: 88, look: "number", cell: (job) => <Took from={job.started_at} to={job.finished_at} /> },
  { id: "runs", name: "Runs at", width: 104, extra: true, look: "number quiet", cell: (job) => <Time at={job.finished_at ? null : job.run_at} /> },
  { id: "finished", name: "Finished", width: 112, extra: true, look: "number quiet", cell: (job) => <Time at={job.finished_at} /> },
  { id: "submitted", name: "Submitted", width: 112, look: "number quiet", cell: (job) => <Time at={job.created_at} /> },
];
const REST = 130; // for what has no width of its own, and for what a row begins and ends with

interface Look { columns: string[]; dense: boolean }
const KEY = "tenure.jobs.look";
const PLAIN: Look = { columns: COLUMNS.filter((one) => !one.extra).map((one) => one.id), dense: false };

const look = signal<Look>(read());

function read(): Look {
  const found = kept<Partial<Look>>(KEY, {});
  const columns = Array.isArray(found.columns) ? found.columns : PLAIN.columns;
  return { columns, dense: found.dense === true };
}

function change(next: Look): void {
  look.value = next;
  keep(KEY, next);
}

/** The columns that are shown, in order; the least width of the table and the height of its rows in pixels. */
export function useLook(): { columns: Column[]; least: number; row: number } {
  const { columns: ids, dense } = look.value;
  const columns = COLUMNS.filter((one) => one.always || ids.includes(one.id));
  const least = columns.reduce((sum, one) => sum + (one.width ?? REST), 86);
  return { columns, least, row: dense ? 26 : 34 };
}

export function LookMenu() {
  const { columns, dense } = look.value;
  const flip = (id: string) => change({ columns: columns.includes(id) ? columns.filter((one) => one !== id) : [...columns, id], dense });
  return (
    <Menu name="Columns" label="Columns and density">
      {() => (
        <>
          <div class="segments" role="group" aria-label="Density">
            <button type="button" aria-pressed={!dense} onClick={() => change({ columns, dense: false })}>Roomy</button>
            <button type="button" aria-pressed={dense} onClick={() => change({ columns, dense: true })}>Dense</button>
          </div>
          {COLUMNS.map((one) => (
            <label key={one.id} class="row"><input type="checkbox" disabled={one.always} checked={one.always || columns.includes(one.id)} onChange={() => flip(one.id)} />{one.name}</label>
          ))}
          <button type="button" class="button small" onClick={() => change(PLAIN)}>As at first</button>
        </>
      )}
    </Menu>
  );
}
