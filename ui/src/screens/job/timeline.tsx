// Where the time went: waiting, and each attempt, on one scale.
import { Link } from "wouter-preact";
import type { Job, Run } from "../../api/types";
import { JobLink, short } from "../../parts/kit";
import { toneOf } from "../../parts/state";
import { now, span } from "../../parts/time";

interface Bar { name: string; from: number; to: number; tone: string; hollow?: boolean; note: string; id: string }

export function Timeline({ job, runs }: { job: Job; runs: Run[] }) {
  const start = Date.parse(job.created_at);
  const end = job.finished_at ? Date.parse(job.finished_at) : Math.max(now.value, start + 1);
  const bars: Bar[] = [];
  let before = start;
  for (const run of runs.filter((one) => one.started_at)) {
    const from = Date.parse(run.started_at!);
    const to = run.finished_at ? Date.parse(run.finished_at) : end;
    if (from - before > 2) bars.push({ name: bars.length ? "wait" : "waiting", from: before, to: from, tone: "wait", hollow: true, note: span((from - before) / 1000), id: `w${run.fence}` });
    bars.push({ name: `attempt ${run.attempt}`, from, to, tone: toneOf(run.outcome ?? "running"), note: `${run.outcome ?? "running"} · ${span((to - from) / 1000)}`, id: `r${run.fence}` });
    before = to;
  }
  if (!job.finished_at && job.status !== "running") bars.push({ name: job.status, from: before, to: end, tone: toneOf(job.status), hollow: true, note: span((end - before) / 1000), id: "now" });
  const scale = (at: number) => `${(100 * (Math.min(Math.max(at, start), end) - start)) / Math.max(end - start, 1)}%`;
  return (
    <div class="waterfall" role="list" aria-label="Attempts over time">
      {bars.length === 0 && <p class="quiet">It ended before it ever started.</p>}
      {bars.map((bar) => (
        <div class="lane" role="listitem" key={bar.id}>
          <span>{bar.name}</span>
          <span class="track"><i class={`tone-${bar.tone} ${bar.hollow ? "hollow" : ""}`} style={{ left: scale(bar.from), width: `calc(${scale(bar.to)} - ${scale(bar.from)})` }} /></span>
          <span class="quiet nowrap">{bar.note}</span>
        </div>
      ))}
      <div class="lane" aria-hidden="true"><span /><span class="axis"><span>0</span><span>{span((end - start) / 2000)}</span><span>{span((end - start) / 1000)}</span></span><span /></div>
      {runs.some((run) => run.outcome === "lost") && <p class="tone-bad">A lease ran out without a report: the worker was silent, and the job went on elsewhere.</p>}
      {job.workflow_id && <p class="quiet">Part of workflow <Link class="link" href={`/workflows/${job.workflow_id}`}>{short(job.workflow_id)}</Link></p>}
      {job.depends_on?.length ? <p class="quiet">After {job.depends_on.map((one) => <><JobLink id={one.job_id} /> </>)}</p> : null}
    </div>
  );
}
