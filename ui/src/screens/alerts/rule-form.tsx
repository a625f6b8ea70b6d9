import { useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { call, type Problem } from "../../api/client";
import type { Channel, Rule } from "../../api/types";
import { asProblem } from "../../parts/draft";
import { ChoiceField, NumberField, Refused, SpanField, TextField, Tick, wrongOf } from "../../parts/fields";
import { Button, Dialog, Icon } from "../../parts/kit";
import { toast } from "../../parts/toast";
import { rulePath } from "./rules";
import { EVENTS, ruleWords } from "./words";

interface Asked {
  name: string; event: string; filter: string | null; channels: string[]; threshold: number;
  window_seconds: number; cool_down_seconds: number; recovery: boolean;
}

function begin(rule: Rule | null, channels: Channel[]): Asked {
  const only = channels.length === 1 ? [channels[0]!.id] : [];
  return rule
    ? { name: rule.name, event: rule.event, filter: rule.filter, channels: rule.channels, threshold: rule.threshold, window_seconds: rule.window_seconds, cool_down_seconds: rule.cool_down_seconds, recovery: rule.recovery }
    : { name: "", event: "job.failed", filter: null, channels: only, threshold: 1, window_seconds: 300, cool_down_seconds: 0, recovery: false };
}

/** Only what differs from before. */
function changes(asked: Asked, before: Asked): Partial<Asked> {
  const same = (name: keyof Asked) => JSON.stringify(asked[name]) === JSON.stringify(before[name]);
  return Object.fromEntries((Object.keys(asked) as (keyof Asked)[]).filter((name) => !same(name)).map((name) => [name, asked[name]]));
}

/** A rule to be made, or one to be changed. */
export function RuleForm({ rule, channels, close, done }: { rule: Rule | null; channels: Channel[]; close: () => void; done: () => void }) {
  const [before] = useState(() => begin(rule, channels));
  const [asked, setAsked] = useState(before);
  const [wrong, setWrong] = useState<Problem | null>(null);
  const set = (part: Partial<Asked>) => setAsked((now) => ({ ...now, ...part }));
  const ofJobs = asked.event.startsWith("job.");
  const title = rule ? `Change the rule ${rule.name}` : "Make a rule";
  const save = async () => {
    const whole = ofJobs ? asked : { ...asked, filter: null };
    const body = rule ? changes(whole, before) : whole;
    if (!Object.keys(body).length) return close();
    try {
      await call(rule ? rulePath(rule) : "api/notifications/rules", { method: rule ? "PATCH" : "POST", body });
      toast(rule ? "Changed; it begins to count anew" : "It speaks from now on");
      done();
    } catch (error) {
      setWrong(asProblem(error));
    }
  };
  return (
    <Dialog label={title} class="drawer" onClose={close}>
      <form method="dialog" onSubmit={(event) => { event.preventDefault(); void save(); }}>
        <div class="spread"><h1>{title}</h1><Button kind="plain" aria-label="Close" onClick={close}><Icon name="close" /></Button></div>
        <TextField label="Name" required autoFocus maxLength={100} placeholder="mail-fails" value={asked.name} set={(name) => set({ name })} wrong={wrongOf(wrong, "/name")} />
        <ChoiceField label="When" value={asked.event} set={(event) => set({ event })} choices={EVENTS.map(([event, one]) => [event, `${one} (${event})`])} />
        {ofJobs && <TextField label="Of those that fit" class="mono" hint={<>a <Link class="link" href={`/jobs?q=${encodeURIComponent(asked.filter ?? "")}`}>filter</Link> without status; empty: all</>} placeholder="queue:mail type:send_*" value={asked.filter ?? ""} set={(filter) => set({ filter: filter || null })} wrong={wrongOf(wrong, "/filter")} />}
        <div class="fields">
          <NumberField label="How many" hint="before it speaks" min={1} max={1000} required value={String(asked.threshold)} set={(text) => set({ threshold: Number(text) })} wrong={wrongOf(wrong, "/threshold")} />
          <SpanField label="Within" value={String(asked.window_seconds)} set={(text) => set({ window_seconds: Math.round(Number(text)) })} wrong={wrongOf(wrong, "/window_seconds")} />
          <SpanField label="Then silent for" value={asked.cool_down_seconds ? String(asked.cool_down_seconds) : ""} placeholder="0" set={(text) => set({ cool_down_seconds: Math.round(Number(text)) })} wrong={wrongOf(wrong, "/cool_down_seconds")} />
        </div>
        <Tick label="Say when it is over" hint="a window passed without another" value={asked.recovery ? "yes" : ""} set={(value) => set({ recovery: value === "yes" })} />
        <Whom chosen={asked.channels} channels={channels} set={(chosen) => set({ channels: chosen })} />
        <p class="why">{ruleWords(asked)}{ofJobs && asked.filter ? `, of those that fit ${asked.filter}` : ""}.</p>
        <Refused problem={wrong} />
        <div class="actions"><Button onClick={close}>Close</Button><Button kind="primary" type="submit" refused={asked.channels.length ? null : "Choose whom to tell"}>{rule ? "Save" : "Make it"}</Button></div>
      </form>
    </Dialog>
  );
}

function Whom({ chosen, channels, set }: { chosen: string[]; channels: Channel[]; set: (chosen: string[]) => void }) {
  return (
    <fieldset class="group">
      <legend>Tell</legend>
      <div class="stack tight">{channels.map((one) => (
        <label class="row" key={one.id}><input type="checkbox" checked={chosen.includes(one.id)} onChange={() => set(chosen.includes(one.id) ? chosen.filter((id) => id !== one.id) : [...chosen, one.id])} /><span>{one.name} <small class="quiet">{one.kind}, {one.target}{one.disabled ? ", disabled" : ""}</small></span></label>
      ))}</div>
    </fieldset>
  );
}
