// A schedule to be made, or one to be changed: the same fields, the next times as one types.
import { useState } from "preact/hooks";
import { call, type Problem } from "../../api/client";
import type { Handlers, Schedule } from "../../api/types";
import { useLoad } from "../../data/load";
import { asProblem, ClashNote, useDraft, type Values } from "../../parts/draft";
import { AreaField, ChoiceField, InstantField, NumberField, Refused, SpanField, TextField, Tick, wrongOf } from "../../parts/fields";
import { Button, Dialog, Icon } from "../../parts/kit";
import { toast } from "../../parts/toast";
import { Preview } from "./preview";
import { BLANK, body, LABELS, read } from "./values";

interface Bound { values: Values; set: (name: string) => (value: string) => void; problem: Problem | null }
const ZONES = ["UTC", ...Intl.supportedValuesOf("timeZone")];

export function NewSchedule({ close, done }: { close: () => void; done: (made: Schedule) => void }) {
  const [blank] = useState<Values>({ ...BLANK, timezone: Intl.DateTimeFormat().resolvedOptions().timeZone });
  const [values, setValues] = useState(blank);
  const [problem, setProblem] = useState<Problem | null>(null);
  const save = async () => {
    try {
      const changed = Object.keys(values).filter((name) => values[name] !== BLANK[name]);
      const made = await call<Schedule>("api/schedules", { method: "POST", body: body(changed, values, null) });
      toast("It fires from now on");
      done(made);
    } catch (error) {
      setProblem(asProblem(error));
    }
  };
  return (
    <Drawer title="Make a schedule" close={close} save={() => void save()}>
      <Fields bound={{ values, problem, set: (name) => (value) => setValues((before) => ({ ...before, [name]: value })) }} fresh />
      <Refused problem={problem} />
      <div class="actions"><Button onClick={close}>Close</Button><Button kind="primary" type="submit" needs="execute">Make it</Button></div>
    </Drawer>
  );
}

export function EditSchedule({ schedule, close, done }: { schedule: Schedule; close: () => void; done: () => void }) {
  const draft = useDraft<Schedule>({ path: `api/schedules/${schedule.id}`, thing: schedule, read, body, saved: () => { toast("Changed"); close(); done(); } });
  return (
    <Drawer title={`Change ${schedule.name ?? "this schedule"}`} close={close} save={() => void draft.save()}>
      <Fields bound={draft} fresh={false} />
      <ClashNote clash={draft.clash} labels={LABELS} />
      <Refused problem={draft.problem} />
      <div class="actions"><span class="quiet grow">Version {schedule.version}{draft.changed.length ? `, changed here: ${draft.changed.map((name) => LABELS[name]!.toLowerCase()).join(", ")}` : ""}</span><Button onClick={close}>Close</Button><Button kind="primary" type="submit" needs="control" refused={draft.changed.length ? null : "Nothing is changed yet"}>Save</Button></div>
    </Drawer>
  );
}

function Drawer({ title, close, save, children }: { title: string; close: () => void; save: () => void; children: preact.ComponentChildren }) {
  return (
    <Dialog label={title} class="drawer" onClose={close}>
      <form method="dialog" onSubmit={(event) => { event.preventDefault(); save(); }}>
        <div class="spread"><h1>{title}</h1><Button kind="plain" aria-label="Close" onClick={close}><Icon name="close" /></Button></div>
        {children}
      </form>
    </Dialog>
  );
}

function Fields({ bound, fresh }: { bound: Bound; fresh: boolean }) {
  const { values, set, problem } = bound;
  const of = (name: string, pointer = `/${name}`) => ({ label: LABELS[name]!, value: values[name]!, set: set(name), wrong: wrongOf(problem, pointer) });
  return (
    <>
      <TextField {...of("name")} autoFocus={fresh} placeholder="nightly-report" />
      <fieldset class="group"><legend>When</legend>
        <div class="stack">
          <div class="fields">
            <ChoiceField {...of("way")} choices={[["cron", "a cron expression"], ["every", "an interval"]]} />
            {values["way"] === "cron" ? <TextField {...of("cron")} class="mono" required placeholder="0 9 * * 1-5" hint="minute hour day month weekday" /> : <SpanField {...of("every", "/every_seconds")} />}
            <TextField {...of("timezone")} list="zones" placeholder="UTC" /><datalist id="zones">{ZONES.map((zone) => <option key={zone} value={zone} />)}</datalist>
          </div>
          <Preview values={values} />
        </div>
      </fieldset>
      <What bound={bound} of={of} />
      <fieldset class="group"><legend>When a time cannot be kept</legend>
        <div class="fields">
          <ChoiceField {...of("overlap")} choices={[["skip", "leave the time out"], ["allow", "submit all the same"], ["cancel_running", "cancel it first"]]} />
          <ChoiceField {...of("misfire")} choices={[["latest", "make up the latest"], ["skip", "leave them out"], ["all", "make up all"]]} />
          <SpanField {...of("misfire_after", "/misfire_after_seconds")} /><SpanField {...of("catchup", "/catchup_window_seconds")} hint="ago" placeholder="any" />
          {values["misfire"] === "all" && <NumberField {...of("most", "/max_catchup")} min={1} max={1000} />}
        </div>
      </fieldset>
      <div class="fields"><InstantField {...of("start", "/start_at")} /><InstantField {...of("end", "/end_at")} /><SpanField {...of("jitter", "/jitter_seconds")} hint="at random" /></div>
      {fresh && <Tick {...of("paused")} hint="fires once it is resumed" />}
    </>
  );
}

function What({ bound, of }: { bound: Bound; of: (name: string, pointer?: string) => { label: string; value: string; set: (value: string) => void; wrong: string | undefined } }) {
  const handlers = useLoad<Handlers>("api/handlers");
  return (
    <fieldset class="group"><legend>What it submits</legend>
      <div class="stack">
        <ChoiceField {...of("what")} choices={[["job", "a job"], ["workflow", "a workflow"]]} />
        {bound.values["what"] === "workflow" ? <AreaField {...of("flow", "/workflow")} hint="JSON: jobs with a key each, and what each depends on" rows={10} /> : (
          <>
            <div class="fields">
              <TextField {...of("type", "/job/type")} required list="offered" placeholder="echo" /><datalist id="offered">{handlers.data?.items.map((one) => <option key={one.type} value={one.type} />)}</datalist>
              <TextField {...of("queue", "/job/queue")} placeholder="default" /><NumberField {...of("priority", "/job/priority")} min={-100} max={100} />
              <TextField {...of("tags", "/job/tags")} hint="with commas" /><NumberField {...of("retries", "/job/max_attempts")} min={0} /><SpanField {...of("timeout", "/job/timeout_seconds")} placeholder="none" />
            </div>
            <AreaField {...of("payload", "/job/payload")} hint="a field shown as ******** keeps its secret value" rows={4} />
          </>
        )}
      </div>
    </fieldset>
  );
}
