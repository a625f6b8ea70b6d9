// A new job from anywhere: the handler's form, the options, and the same as a command.
import { useState } from "preact/hooks";
import { useLocation } from "wouter-preact";
import { call, parse, Problem, ROOT, stringify } from "../../api/client";
import type { Handlers, Job, Schema } from "../../api/types";
import { useLoad } from "../../data/load";
import { submitting, type Draft } from "../../frame/state";
import { Refused } from "../../parts/fields";
import { Button, Copy, Dialog, Icon, Tabs } from "../../parts/kit";
import { command, curl, quoted } from "../../parts/shell";
import { toast } from "../../parts/toast";
import { Fields } from "./fields";
import { Backoff, blank, type Options, OptionFields, body as optionBody } from "./options";
import { initial } from "./schema";

export default function SubmitDrawer() {
  const draft = submitting.value;
  return draft ? <Drawer draft={draft} close={() => (submitting.value = null)} /> : null;
}

function Drawer({ draft, close }: { draft: Draft; close: () => void }) {
  const handlers = useLoad<Handlers>("api/handlers", ["workers"]);
  const [type, setType] = useState(draft.type ?? "");
  const schema: Schema = handlers.data?.items.find((one) => one.type === type)?.schema ?? null;
  const [value, setValue] = useState<unknown>(draft.payload);
  const [text, setText] = useState<string | null>(draft.payload === undefined ? null : stringify(draft.payload, 2));
  const [options, setOptions] = useState<Options>({ ...blank, queue: draft.queue ?? "", priority: draft.priority ? String(draft.priority) : "", tags: (draft.tags ?? []).join(", "), name: draft.name ?? "" });
  const [wrong, setWrong] = useState<Problem | null>(null);
  const [, go] = useLocation();
  const form = schema !== null && text === null;
  const payload = form ? (value ?? initial(schema)) : text === null || !text.trim() ? {} : read(text);
  const asked = { type, payload: payload === INVALID ? null : payload, ...optionBody(options) };

  const send = async (open: boolean) => {
    if (payload === INVALID) {
      setWrong(new Problem(0, "", "The payload is not JSON", "Put text into quotes, and look for a comma too many."));
      return;
    }
    try {
      const job = await call<Job>("api/jobs", { method: "POST", body: stringify(asked) });
      close();
      if (open) go(`/jobs/${job.id}`);
      else toast(`Submitted ${job.type}`);
    } catch (error) {
      setWrong(error instanceof Problem ? error : new Problem(0, "", "It was not submitted", String(error)));
    }
  };

  return (
    <Dialog label="Submit a job" class="drawer" onClose={close}>
      <form method="dialog" onSubmit={(event) => { event.preventDefault(); void send(true); }}>
        <div class="spread"><h1>Submit a job</h1><Button kind="plain" aria-label="Close" onClick={close}><Icon name="close" /></Button></div>
        <label class="field">Type
          <input type="text" list="types" autoFocus required value={type} placeholder="echo" autoComplete="off" spellcheck={false} onInput={(event) => { setType(event.currentTarget.value); setValue(undefined); setWrong(null); }} />
          <datalist id="types">{handlers.data?.items.map((one) => <option value={one.type}>{one.workers ? `${one.workers} workers` : "no worker online"}</option>)}</datalist>
          {type && handlers.data && !handlers.data.items.some((one) => one.type === type && one.workers > 0) && <small class="tone-warn">No worker online offers this type: the job will wait for one.</small>}
        </label>
        <fieldset style={{ border: 0, margin: 0, padding: 0 }} class="stack">
          <div class="spread"><legend><b>Payload</b></legend>
            {schema && <div class="segments" role="group" aria-label="Form of the payload"><button type="button" aria-pressed={form} onClick={() => { const known = text === null ? undefined : read(text); if (known !== INVALID && known !== undefined) setValue(known); setText(null); }}>Form</button><button type="button" aria-pressed={!form} onClick={() => setText(stringify(payload === INVALID ? {} : payload, 2))}>JSON</button></div>}
          </div>
          {form ? <Fields schema={schema} value={value ?? initial(schema)} change={setValue} errors={wrong?.errors ?? []} /> : <textarea aria-label="Payload as JSON" spellcheck={false} rows={6} value={text ?? "{}"} onInput={(event) => setText(event.currentTarget.value)} />}
        </fieldset>
        <details><summary><b>Options</b> <span class="quiet">queue, priority, time, retries, tags</span></summary>
          <div class="stack" style={{ paddingTop: "12px" }}><OptionFields options={options} change={setOptions} /><Backoff options={options} /></div>
        </details>
        <Refused problem={wrong} />
        <AsCode asked={asked} />
        <div class="actions"><Button needs="execute" onClick={() => void send(false)}>Submit</Button><Button kind="primary" needs="execute" type="submit">Submit and open</Button></div>
      </form>
    </Dialog>
  );
}

const INVALID = Symbol("invalid");

function read(text: string): unknown {
  try {
    return parse(text);
  } catch {
    return INVALID;
  }
}

function AsCode({ asked }: { asked: Record<string, unknown> }) {
  const [kind, setKind] = useState("cli");
  const { type, payload, ...options } = asked;
  const flags: Record<string, string> = { queue: "--queue", priority: "--priority", delay_seconds: "--after", run_at: "--at", name: "--name" };
  const cli = command(["submit", quoted(String(type || "TYPE")), quoted(stringify(payload)), ...Object.entries(options).flatMap(([name, value]) => flags[name] ? [`${flags[name]} ${quoted(name === "delay_seconds" ? `${value}s` : String(value))}`] : name === "tags" ? (value as string[]).map((tag) => `--tag ${quoted(tag)}`) : [])].join(" "));
  const python = `from tenure import Client\n\nwith Client("${ROOT.replace(/\/$/, "")}") as client:\n    client.submit(${[JSON.stringify(type || "TYPE"), pythonOf(payload), ...Object.entries(options).map(([name, value]) => `${name}=${pythonOf(value)}`)].join(", ")})`;
  const shown = { cli, curl: curl("api/jobs", stringify(asked)), python }[kind] ?? cli;
  return (
    <section class="card">
      <div class="tabbar"><Tabs label="As code" tabs={[{ id: "cli", name: "CLI" }, { id: "curl", name: "curl" }, { id: "python", name: "Python" }]} chosen={kind} choose={setKind} /><Copy text={shown} label="Copy the code" /></div>
      <pre class="block" id="panel" role="tabpanel" aria-labelledby={`tab-${kind}`} tabIndex={0} style={{ maxHeight: "140px" }}>{shown}</pre>
    </section>
  );
}

function pythonOf(value: unknown): string {
  return stringify(value).replace(/"(?:[^"\\]|\\.)*"|\b(?:true|false|null)\b/g, (word) => ({ true: "True", false: "False", null: "None" })[word] ?? word);
}
