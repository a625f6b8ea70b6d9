// A look at a job beside the list: what it was asked, its last error, the end of its log.
import { useEffect, useRef, useState } from "preact/hooks";
import { call } from "../../api/client";
import type { Job, LogLine, Page, Run } from "../../api/types";
import { useLoad } from "../../data/load";
import { query } from "../../parts/address";
import { Json } from "../../parts/json";
import { Button, Icon, JobLink, Loaded } from "../../parts/kit";
import { Badge } from "../../parts/state";
import { Time } from "../../parts/time";

const TAIL = 15;
const LINES_AT_ONCE = 1_000;

export default function Peek({ id, close }: { id: string; close: () => void }) {
  const load = useLoad<Job>(`api/jobs/${encodeURIComponent(id)}`, [`job:${id}`]);
  const box = useRef<HTMLElement>(null);
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    box.current?.focus({ preventScroll: true });
    return () => before?.isConnected && before.focus({ preventScroll: true });
  }, []);
  const key = (event: KeyboardEvent) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    close();
  };
  return (
    <section class="card peek" aria-label="Peek at a job" ref={box} tabIndex={-1} onKeyDown={key}>
      <header><h2 class="cut">{load.data?.type ?? "Job"}</h2><JobLink id={id} /><Button kind="plain small" aria-label="Close the peek panel" onClick={close}><Icon name="close" /></Button></header>
      <Loaded load={load}>{(job) => <Shown job={job} at={load.at} />}</Loaded>
    </section>
  );
}

function Shown({ job, at }: { job: Job; at: number }) {
  const lines = useTail(job.id, at);
  return (
    <>
      <div class="row pad"><Badge state={job.status} />{job.reason && <span class="quiet">{job.reason}</span>}<span>attempt {job.attempt} of {job.max_attempts}</span><span class="quiet">{job.queue}, <Time at={job.created_at} /></span></div>
      {job.error && <div class="problem"><h3 class="tone-bad">{job.error.type}</h3><p>{job.error.message}</p></div>}
      <h3>Payload</h3>
      <Json value={job.payload} label="Payload" />
      {job.status === "completed" && <><h3>Result</h3><Json value={job.result} label="Result" /></>}
      <h3>End of the log</h3>
      {lines === null ? <p class="quiet pad">…</p> : lines.length === 0 ? <p class="quiet pad">No log lines.</p> : (
        <ol class="tail" aria-label="Last log lines">{lines.map((line) => <li key={`${line.fence}.${line.index}`} class={line.level === "error" || line.level === "critical" ? "tone-bad" : ""}>{line.text}</li>)}</ol>
      )}
    </>
  );
}

/** The last lines of the last attempt; null until they were read. Read again whenever `at` moves. */
function useTail(id: string, at: number): LogLine[] | null {
  const [held, hold] = useState<{ id: string; lines: LogLine[] } | null>(null);
  useEffect(() => {
    const abort = new AbortController();
    const mine = (lines: LogLine[]) => !abort.signal.aborted && hold({ id, lines });
    lastLines(id, abort.signal).then(mine, () => mine([]));
    return () => abort.abort();
  }, [id, at]);
  return held?.id === id ? held.lines : null;
}

async function lastLines(id: string, signal: AbortSignal): Promise<LogLine[]> {
  const runs = await call<Page<Run>>(`api/jobs/${id}/runs`, { signal });
  const fence = runs.items[runs.items.length - 1]?.fence;
  let lines: LogLine[] = [];
  let after: string | null = null;
  do {
    const page: Page<LogLine> = await call(`api/jobs/${id}/logs${query({ fence, limit: LINES_AT_ONCE, after })}`, { signal });
    lines = [...lines, ...page.items].slice(-TAIL);
    after = page.next;
  } while (after);
  return lines;
}
