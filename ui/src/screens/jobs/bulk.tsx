// One action on the chosen jobs, or on all that fit the filter: counted first, then an operation.
import { useState } from "preact/hooks";
import { useLocation } from "wouter-preact";
import { call } from "../../api/client";
import type { Operation, Preview } from "../../api/types";
import { Button, count, Dialog, Skeleton } from "../../parts/kit";
import { attempt, toast } from "../../parts/toast";
import { State } from "../../parts/state";

const ACTIONS: [string, string, string][] = [["retry", "Retry", "execute"], ["cancel", "Cancel", "control"], ["pause", "Pause", "control"], ["resume", "Resume", "execute"], ["delete", "Delete", "control"]];
const MOST_IDS = 50;

export function Bulk({ chosen, q, done }: { chosen: string[]; q: string; done: () => void }) {
  const [asked, ask] = useState<{ action: string; filter: string } | null>(null);
  const filter = chosen.length ? `id:${chosen.join(",")}` : q;
  const tooMany = chosen.length > MOST_IDS ? `At most ${MOST_IDS} jobs by hand: use a filter for more` : null;
  return (
    <div class="bulk" role="toolbar" aria-label="Actions on jobs">
      <b>{chosen.length ? `${chosen.length} selected` : "All that fit the filter"}</b>
      {ACTIONS.map(([action, name, needs]) => <Button key={action} kind={`small ${action === "delete" ? "danger" : ""}`} needs={needs} refused={tooMany} onClick={() => ask({ action, filter })}>{name}…</Button>)}
      {chosen.length > 0 && <Button kind="plain small" onClick={done}>Clear</Button>}
      {asked && <Confirm {...asked} close={() => ask(null)} done={done} />}
    </div>
  );
}

/** Says what an action would meet, and begins it. */
export function Confirm({ action, filter, close, done, canary }: { action: string; filter: string; close: () => void; done: () => void; canary?: boolean }) {
  const [preview, setPreview] = useState<Preview | null>(null);
  const [started, setStarted] = useState(false);
  const [reason, setReason] = useState("");
  const [first, setFirst] = useState(canary ?? false);
  const [, go] = useLocation();
  if (!started) {
    setStarted(true);
    call<Preview>("api/operations", { method: "POST", body: { action, filter, dry_run: true } }).then(setPreview, (error: Error) => { toast(error.message, true); close(); });
  }
  const begin = async () => {
    const body = { action, filter, ...(reason ? { reason } : {}), ...(first ? { canary: true } : {}) };
    let begun: Operation | undefined;
    const good = await attempt(async () => { begun = await call<Operation>("api/operations", { method: "POST", body }); }, "The operation has begun");
    if (!good) return;
    close();
    done();
    if (begun && begun.expected > 100) go("/operations");
  };
  return (
    <Dialog label={`${action} jobs`} onClose={close}>
      <form method="dialog" onSubmit={(event) => { event.preventDefault(); void begin(); }}>
        <h1>{action[0]!.toUpperCase() + action.slice(1)} jobs</h1>
        {!preview ? <Skeleton lines={3} /> : (
          <>
            <p><b>{count(preview.applicable)}{preview.complete ? "" : " or more"}</b> of {count(preview.matched)}{preview.complete ? "" : " or more"} jobs can take this; the others stay as they are.</p>
            <div class="row">{Object.entries(preview.by_status).map(([state, number]) => <span class="row"><State state={state} /> {count(number)}</span>)}</div>
            {(preview.by_status["running"] ?? 0) > 0 && action === "cancel" && <p class="tone-warn">{count(preview.by_status["running"]!)} running jobs will be told to stop.</p>}
          </>
        )}
        <label class="field">Reason <small>kept with the operation</small><input type="text" value={reason} maxLength={1000} onInput={(event) => setReason(event.currentTarget.value)} /></label>
        {action === "retry" && <label class="row"><input type="checkbox" checked={first} onChange={() => setFirst(!first)} /> One job first; the others only when it completes</label>}
        <div class="actions">
          <Button onClick={close}>Keep everything</Button>
          <button class={`button primary ${action === "delete" || action === "cancel" ? "danger" : ""}`} disabled={!preview || preview.applicable === 0}>{action[0]!.toUpperCase() + action.slice(1)} {preview ? count(preview.applicable) : ""} {preview?.applicable === 1 ? "job" : "jobs"}</button>
        </div>
      </form>
    </Dialog>
  );
}
