// Labelled controls of forms. Every value is text, as it stands in the control.
import type { ComponentChildren } from "preact";
import { useId, useState } from "preact/hooks";
import type { Problem } from "../api/client";

interface Labelled {
  label: string;
  hint?: ComponentChildren;
  /** What is wrong with the value; nothing when it is fine. */
  wrong?: string | undefined;
  value: string;
  set: (value: string) => void;
}

function Around({ label, hint, wrong, children }: Pick<Labelled, "label" | "hint" | "wrong"> & { children: ComponentChildren }) {
  return <label class="field"><span>{label} {hint && <small>{hint}</small>}</span>{children}{wrong && <span class="wrong">{wrong}</span>}</label>;
}

interface Rest {
  type?: "text" | "number" | "datetime-local"; required?: boolean; autoFocus?: boolean; maxLength?: number; placeholder?: string; class?: string;
  min?: number; max?: number; step?: number | "any"; list?: string; rows?: number;
}

export function TextField({ label, hint, wrong, value, set, type = "text", ...rest }: Labelled & Rest) {
  return <Around label={label} hint={hint} wrong={wrong}><input {...rest} type={type} autoComplete="off" spellcheck={false} aria-invalid={wrong ? "true" : undefined} value={value} onInput={(event) => set(event.currentTarget.value)} /></Around>;
}

export function NumberField(props: Labelled & Rest) {
  return <TextField type="number" {...props} />;
}

export function AreaField({ label, hint, wrong, value, set, rows = 6 }: Labelled & Rest) {
  return <Around label={label} hint={hint} wrong={wrong}><textarea spellcheck={false} rows={rows} aria-invalid={wrong ? "true" : undefined} value={value} onInput={(event) => set(event.currentTarget.value)} /></Around>;
}

export function ChoiceField({ label, hint, wrong, value, set, choices }: Labelled & { choices: [value: string, words: string][] }) {
  return <Around label={label} hint={hint} wrong={wrong}><select style={{ width: "100%" }} value={value} onChange={(event) => set(event.currentTarget.value)}>{choices.map(([one, words]) => <option key={one} value={one}>{words}</option>)}</select></Around>;
}

/** An instant in this browser's time; `local` and `instant` go to and from what the API says. */
export function InstantField(props: Labelled) {
  return <TextField type="datetime-local" step={1} {...props} />;
}

/** An instant as a `datetime-local` control wants it. */
export function local(at: string | null | undefined): string {
  if (!at) return "";
  const date = new Date(at);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

/** The instant that a `datetime-local` control shows; null for an empty one. */
export function instant(text: string): string | null {
  return text ? new Date(text).toISOString() : null;
}

const UNITS: [unit: number, name: string][] = [[86_400, "days"], [3_600, "hours"], [60, "minutes"], [1, "seconds"]];

/** A span of time: a number and its unit, seconds to the caller; an empty one is "". */
export function SpanField({ label, hint, wrong, value, set, placeholder }: Labelled & { placeholder?: string }) {
  const id = useId();
  const [unit, setUnit] = useState(() => UNITS.find(([size]) => Number(value) > 0 && Number(value) % size === 0)?.[0] ?? (value ? 1 : 60));
  const shown = value === "" ? "" : String(Number((Number(value) / unit).toPrecision(12)));
  const give = (text: string, size: number) => set(text === "" ? "" : String(Number((Number(text) * size).toPrecision(12))));
  return (
    <div class="field">
      <label for={id}>{label} {hint && <small>{hint}</small>}</label>
      <span class="spanned">
        <input id={id} type="number" min={0} step="any" aria-label={label} aria-invalid={wrong ? "true" : undefined} placeholder={placeholder} value={shown} onInput={(event) => give(event.currentTarget.value, unit)} />
        <select aria-label={`Unit of ${label}`} value={unit} onChange={(event) => { const size = Number(event.currentTarget.value); setUnit(size); give(shown, size); }}>{UNITS.map(([size, name]) => <option key={size} value={size}>{name}</option>)}</select>
      </span>
      {wrong && <span class="wrong">{wrong}</span>}
    </div>
  );
}

export function Tick({ label, hint, value, set }: Labelled) {
  return <label class="row"><input type="checkbox" checked={value === "yes"} onChange={(event) => set(event.currentTarget.checked ? "yes" : "")} /><span>{label} {hint && <small class="quiet">{hint}</small>}</span></label>;
}

/** What the API refused of a form, field by field where it said so. */
export function Refused({ problem }: { problem: Problem | null }) {
  if (!problem) return null;
  return <div class="problem" role="alert"><h2>{problem.title}</h2>{problem.errors.length ? problem.errors.map((one) => <p>{one.pointer && <code>{one.pointer}</code>} {one.detail}</p>) : problem.detail && <p>{problem.detail}</p>}</div>;
}

/** What the API said of one field. */
export function wrongOf(problem: Problem | null, pointer: string): string | undefined {
  return problem?.errors.find((one) => one.pointer === pointer)?.detail;
}
