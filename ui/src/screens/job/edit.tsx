// Changing what is asked of a job that waits.
import { checkedJson, stringify, withRaw } from "../../api/client";
import type { Job } from "../../api/types";
import { ClashNote, useDraft, type Values } from "../../parts/draft";
import { AreaField, ChoiceField, instant, InstantField, local, NumberField, Refused, SpanField, TextField, wrongOf } from "../../parts/fields";
import { Button, Dialog, Icon } from "../../parts/kit";
import { toast } from "../../parts/toast";

const LABELS: Record<string, string> = {
  name: "Name", queue: "Queue", priority: "Priority", tags: "Tags", payload: "Payload", run_at: "Run at", expires_at: "Expires",
  timeout: "Timeout", retries: "Retries", strategy: "Backoff", initial: "First delay", multiplier: "Multiplier", longest: "Longest delay",
  jitter: "Jitter", retry_until: "Retry until", on_lost: "When its worker is lost", concurrency: "Concurrency key",
};
const POLICY = ["strategy", "initial", "multiplier", "longest", "jitter"];
const text = (value: string | number | null | undefined) => (value === null || value === undefined ? "" : String(value));
const orNull = (value: string) => (value === "" ? null : value);
const number = (value: string) => (value === "" ? null : Number(value));

function read(job: Job): Values {
  const policy = job.retry_policy;
  return {
    name: text(job.name), queue: job.queue, priority: text(job.priority), tags: job.tags.join(", "), payload: stringify(job.payload, 2),
    run_at: local(job.run_at), expires_at: local(job.expires_at), timeout: text(job.timeout_seconds), retries: text(job.max_attempts - 1),
    strategy: policy.strategy, initial: text(policy.initial_delay_seconds), multiplier: text(policy.multiplier), longest: text(policy.max_delay_seconds), jitter: text(policy.jitter),
    retry_until: local(job.retry_until), on_lost: job.on_lost, concurrency: text(job.concurrency_key),
  };
}

const FIELDS: Record<string, (values: Values) => [name: string, value: unknown]> = {
  name: (v) => ["name", orNull(v["name"]!)],
  queue: (v) => ["queue", orNull(v["queue"]!)],
  priority: (v) => ["priority", number(v["priority"]!)],
  tags: (v) => ["tags", v["tags"]!.split(",").map((tag) => tag.trim()).filter(Boolean)],
  run_at: (v) => ["run_at", instant(v["run_at"]!)],
  expires_at: (v) => ["expires_at", instant(v["expires_at"]!)],
  timeout: (v) => ["timeout_seconds", number(v["timeout"]!)],
  retries: (v) => ["max_retries", number(v["retries"]!)],
  retry_until: (v) => ["retry_until", instant(v["retry_until"]!)],
  on_lost: (v) => ["on_lost", v["on_lost"]],
  concurrency: (v) => ["concurrency_key", orNull(v["concurrency"]!)],
};

function policy(values: Values): object {
  const numbers = { initial_delay_seconds: number(values["initial"]!), multiplier: number(values["multiplier"]!), max_delay_seconds: number(values["longest"]!), jitter: number(values["jitter"]!) };
  return { strategy: values["strategy"], ...Object.fromEntries(Object.entries(numbers).filter(([, value]) => value !== null)) };
}

function body(changed: string[], values: Values): unknown {
  const fields = Object.fromEntries(changed.filter((name) => FIELDS[name]).map((name) => FIELDS[name]!(values)));
  const whole = changed.some((name) => POLICY.includes(name)) ? { ...fields, retry_policy: policy(values) } : fields;
  return changed.includes("payload") ? withRaw(whole, "payload", checkedJson(values["payload"]!, "/payload")) : whole;
}

export function EditJob({ job, close, done }: { job: Job; close: () => void; done: () => void }) {
  const draft = useDraft<Job>({ path: `api/jobs/${job.id}`, thing: job, read, body, saved: () => { toast("Changed"); close(); done(); } });
  const { changed, problem } = draft;
  const bound = (name: string, pointer = `/${name}`) => ({ label: LABELS[name]!, value: draft.values[name]!, set: draft.set(name), wrong: wrongOf(problem, pointer) });
  return (
    <Dialog label="Edit this job" class="drawer" onClose={close}>
      <form method="dialog" onSubmit={(event) => { event.preventDefault(); void draft.save(); }}>
        <div class="spread"><h1>Edit {job.type}</h1><Button kind="plain" aria-label="Close" onClick={close}><Icon name="close" /></Button></div>
        <AreaField {...bound("payload")} hint="a field shown as ******** keeps its secret value" rows={8} />
        <div class="fields">
          <TextField {...bound("queue")} /><NumberField {...bound("priority")} min={-100} max={100} /><TextField {...bound("name")} />
          <TextField {...bound("tags")} hint="with commas" /><InstantField {...bound("run_at")} hint="not before" /><InstantField {...bound("expires_at")} hint="not started after" />
          <SpanField {...bound("timeout", "/timeout_seconds")} hint="of one attempt" placeholder="none" /><TextField {...bound("concurrency", "/concurrency_key")} />
          <ChoiceField {...bound("on_lost")} choices={[["retry", "it runs again"], ["fail", "it fails"]]} />
        </div>
        <fieldset class="group"><legend>Retries</legend>
          <div class="fields">
            <NumberField {...bound("retries", "/max_attempts")} hint={`${job.attempt} attempts made`} min={0} /><ChoiceField {...bound("strategy")} choices={[["exponential", "exponential"], ["linear", "linear"], ["fixed", "fixed"]]} />
            <SpanField {...bound("initial", "/retry_policy/initial_delay_seconds")} /><SpanField {...bound("longest", "/retry_policy/max_delay_seconds")} />
            {draft.values["strategy"] === "exponential" && <NumberField {...bound("multiplier", "/retry_policy/multiplier")} min={1} step="any" />}<NumberField {...bound("jitter", "/retry_policy/jitter")} hint="share of the delay" min={0} max={1} step="any" />
            <InstantField {...bound("retry_until")} />
          </div>
        </fieldset>
        <ClashNote clash={draft.clash} labels={LABELS} />
        <Refused problem={problem} />
        <div class="actions"><span class="quiet grow">Version {job.version}{changed.length ? `, changed here: ${changed.map((name) => LABELS[name]!.toLowerCase()).join(", ")}` : ""}</span><Button onClick={close}>Close</Button><Button kind="primary" type="submit" needs="control" refused={changed.length ? null : "Nothing is changed yet"}>Save</Button></div>
      </form>
    </Dialog>
  );
}
