// All jobs of a filter as a file, gathered by this browser a page at a time.
import { useEffect, useRef, useState } from "preact/hooks";
import { call, Problem } from "../../api/client";
import type { Job, Page } from "../../api/types";
import { query } from "../../parts/address";
import { Button, count, Dialog, Trouble } from "../../parts/kit";
import { FORMS, type Form } from "./forms";

const AT_ONCE = 500;
const MOST_JOBS = 100_000;
const MOST_BYTES = 256 * 1024 * 1024;

interface Progress { jobs: number; bytes: number; end: "running" | "whole" | "cut" }

export default function Export({ q, close }: { q: string; close: () => void }) {
  const [form, setForm] = useState<Form>("ndjson");
  const [most, setMost] = useState(MOST_JOBS);
  const [progress, setProgress] = useState<Progress | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const abort = useRef<AbortController | null>(null);
  useEffect(() => () => abort.current?.abort(), []);
  const running = progress?.end === "running" && !problem;
  const begin = () => {
    abort.current = new AbortController();
    setProblem(null);
    gather(q, form, most, abort.current.signal, setProgress).catch((error: unknown) => {
      if ((error as Error).name !== "AbortError") setProblem(error instanceof Problem ? error : new Problem(0, "failed", "The file could not be made", String(error)));
    });
  };
  return (
    <Dialog label="Export jobs" onClose={close}>
      <div class="inner">
        <h1>Export jobs</h1>
        <p>{q ? <>Those that fit <code>{q}</code>, newest first.</> : "All jobs, newest first."} A file ends at {count(MOST_JOBS)} jobs or {MOST_BYTES >> 20} MiB; if it had to, this window says so.</p>
        <fieldset class="stack" disabled={running}>
          <legend class="offscreen">Form of the file</legend>
          {(Object.keys(FORMS) as Form[]).map((one) => <label key={one} class="row"><input type="radio" name="form" checked={form === one} onChange={() => setForm(one)} /><b>{FORMS[one].name}</b><span class="quiet">{FORMS[one].says}</span></label>)}
          <label class="field">At most, jobs<input type="number" min={1} max={MOST_JOBS} value={most} onInput={(event) => setMost(Math.trunc(event.currentTarget.valueAsNumber))} /></label>
        </fieldset>
        {problem && <Trouble problem={problem} />}
        {progress && <p role="status">{told(progress)}</p>}
        {running && <progress aria-label="Gathering" style={{ width: "100%" }} />}
        <div class="actions">
          <Button onClick={close}>{running ? "Stop" : "Close"}</Button>
          <Button kind="primary" refused={running ? "It is being made" : most >= 1 && most <= MOST_JOBS ? null : `From 1 to ${count(MOST_JOBS)} jobs`} onClick={begin}>Make the file</Button>
        </div>
      </div>
    </Dialog>
  );
}

function told({ jobs, bytes, end }: Progress): string {
  const so = `${count(jobs)} ${jobs === 1 ? "job" : "jobs"}, ${bytes < 1 << 20 ? `${Math.ceil(bytes / 1024)} KiB` : `${(bytes / (1 << 20)).toFixed(1)} MiB`}`;
  if (end === "running") return `${so} so far`;
  return end === "whole" ? `${so}: all that fit` : `${so}. There are more: the file ends at its limit. Narrow the filter, for example with created:, for the rest`;
}

async function gather(q: string, form: Form, most: number, signal: AbortSignal, tell: (progress: Progress) => void): Promise<void> {
  const { head, line, type } = FORMS[form];
  const parts: Blob[] = head ? [new Blob([head])] : [];
  let [jobs, bytes, after] = [0, 0, null as string | null];
  tell({ jobs, bytes, end: "running" });
  do {
    const page: Page<Job> = await call(`api/jobs${query({ q, limit: Math.min(AT_ONCE, most - jobs + 1), after })}`, { signal });
    const taken = page.items.slice(0, most - jobs);
    const part = new Blob(taken.map(line)); // the browser may put it on disk
    parts.push(part);
    jobs += taken.length;
    bytes += part.size;
    after = taken.length < page.items.length ? "more" : page.next;
    tell({ jobs, bytes, end: "running" });
  } while (after && jobs < most && bytes < MOST_BYTES);
  save(new Blob(parts, { type }), `jobs-${new Date().toISOString().slice(0, 19).replaceAll(":", "")}.${form}`);
  tell({ jobs, bytes, end: after ? "cut" : "whole" });
}

function save(file: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
