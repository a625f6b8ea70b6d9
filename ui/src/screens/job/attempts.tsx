import { Link } from "wouter-preact";
import type { Job, Run } from "../../api/types";
import { Copy, Empty, short } from "../../parts/kit";
import { State } from "../../parts/state";
import { Time, Took } from "../../parts/time";
import { brief } from "../../parts/json";

export function Attempts({ runs, job }: { runs: Run[]; job: Job }) {
  if (!runs.length) return <Empty title="No attempt yet"><p>{job.status === "pending" ? "It starts when a worker has a free slot." : "It never started."}</p></Empty>;
  return (
    <div>
      {[...runs].reverse().map((run) => (
        <details key={run.fence} open={run === runs[runs.length - 1]} style={{ borderBottom: "1px solid var(--line)" }}>
          <summary style={{ padding: "9px 14px", cursor: "pointer" }}>
            <span class="row" style={{ display: "inline-flex", gap: "14px" }}><b>Attempt {run.attempt}</b><State state={run.outcome ?? "running"} /><Took from={run.started_at} to={run.finished_at} /><Time at={run.started_at} /><span class="quiet">fence {run.fence}</span></span>
          </summary>
          {run.worker_id && <p style={{ padding: "0 14px 8px" }}>on worker <Link class="mono link" href={`/workers/${run.worker_id}`}>{short(run.worker_id)}</Link></p>}
          {run.error && (
            <div style={{ padding: "0 14px 12px" }}>
              <div class="spread"><p><b class="tone-bad">{run.error.type}</b> {run.error.message}</p>{run.error.traceback && <Copy text={run.error.traceback} label="Copy traceback" />}</div>
              {run.error.traceback && <Trace text={run.error.traceback} />}
            </div>
          )}
          {run.outcome === "completed" && <p class="mono quiet" style={{ padding: "0 14px 12px" }}>{brief(run.result, 400)}</p>}
        </details>
      ))}
    </div>
  );
}

/** Frames of the user's own files stand out from those of libraries. */
function Trace({ text }: { text: string }) {
  let own = false;
  return (
    <pre class="block trace" tabIndex={0}>
      {text.split("\n").map((line) => {
        if (/^\s+File "/.test(line)) own = !/site-packages|\/lib\/python|<frozen/.test(line);
        return <span class={own ? "own" : undefined}>{line}{"\n"}</span>;
      })}
    </pre>
  );
}
