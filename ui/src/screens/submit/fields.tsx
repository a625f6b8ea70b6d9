// A form from a JSON Schema: text, numbers, choices, dates, lists and objects inside objects; what it
// does not know is a box of JSON.
import { useState } from "preact/hooks";
import { type FieldError, parse, stringify } from "../../api/client";
import { Button } from "../../parts/kit";
import { initial, kindOf, type Part, resolve } from "./schema";

interface Shared { root: Part; errors: FieldError[] }
interface Props { schema: Part; value: unknown; change: (value: unknown) => void }

export function Fields({ schema, value, change, errors }: Props & { errors: FieldError[] }) {
  const part = resolve(schema, schema);
  if (kindOf(part) !== "object") return <Field name="payload" path="/payload" part={part} value={value} change={change} shared={{ root: schema, errors }} required />;
  return <ObjectFields part={part} value={value as Part} change={change} path="/payload" shared={{ root: schema, errors }} />;
}

function ObjectFields({ part, value, change, path, shared }: { part: Part; value: Part; change: (value: unknown) => void; path: string; shared: Shared }) {
  const properties = Object.entries((part["properties"] ?? {}) as Record<string, Part>);
  const required = (part["required"] ?? []) as string[];
  const set = (name: string, next: unknown) => {
    const { [name]: _, ...rest } = value ?? {};
    change(next === undefined ? rest : { ...value, [name]: next });
  };
  if (!properties.length) return <p class="quiet">This handler takes an empty payload.</p>;
  return (
    <div class="stack">
      {part["description"] ? <p class="quiet">{plain(part["description"])}</p> : null}
      {properties.map(([name, inner]) => <Field key={name} name={name} path={`${path}/${name}`} part={resolve(inner, shared.root)} value={value?.[name]} change={(next) => set(name, next)} shared={shared} required={required.includes(name)} />)}
    </div>
  );
}

function Field({ name, path, part, value, change, shared, required }: { name: string; path: string; part: Part; value: unknown; change: (value: unknown) => void; shared: Shared; required: boolean }) {
  const kind = kindOf(part);
  const wrong = shared.errors.find((one) => one.pointer === path)?.detail;
  const title = <span>{name}{required ? "" : <small> optional</small>}</span>;
  const hint = <>{part["description"] ? <small>{plain(part["description"])}</small> : null}{wrong && <span class="wrong">{wrong}</span>}</>;
  if (kind === "object") {
    return <fieldset style={{ border: "1px solid var(--line)", borderRadius: "8px", padding: "10px 12px" }}><legend>{title}</legend>{hint}<ObjectFields part={part} value={(value ?? {}) as Part} change={change} path={path} shared={shared} /></fieldset>;
  }
  if (kind === "array") return <ArrayField name={name} path={path} part={part} value={(value ?? []) as unknown[]} change={change} shared={shared} />;
  if (kind === "boolean") return <label class="row"><input type="checkbox" checked={Boolean(value)} onChange={(event) => change(event.currentTarget.checked)} />{title}{hint}</label>;
  return <label class="field">{title}<Control kind={kind} part={part} value={value} change={change} required={required} />{hint}</label>;
}

function Control({ kind, part, value, change, required }: { kind: string; part: Part; value: unknown; change: (value: unknown) => void; required: boolean }) {
  const given = (text: string, made: unknown) => change(text === "" && !required ? undefined : made);
  switch (kind) {
    case "enum":
      return <select value={String(value ?? "")} onChange={(event) => given(event.currentTarget.value, (part["enum"] as unknown[])[event.currentTarget.selectedIndex - (required ? 0 : 1)])}>{!required && <option value="" />}{(part["enum"] as unknown[]).map((one) => <option value={String(one)}>{String(one)}</option>)}</select>;
    case "integer": case "number":
      return <input type="number" step={kind === "integer" ? 1 : "any"} min={part["minimum"] as number} max={part["maximum"] as number} value={value === undefined || value === null ? "" : String(value)} onInput={(event) => given(event.currentTarget.value, Number(event.currentTarget.value))} />;
    case "date":
      return <input type="datetime-local" step={1} onInput={(event) => given(event.currentTarget.value, event.currentTarget.value ? new Date(event.currentTarget.value).toISOString() : "")} />;
    case "string":
      return <input type="text" maxLength={part["maxLength"] as number} value={String(value ?? "")} onInput={(event) => given(event.currentTarget.value, event.currentTarget.value)} />;
    default:
      return <JsonBox value={value} change={change} />;
  }
}

function JsonBox({ value, change }: { value: unknown; change: (value: unknown) => void }) {
  const [text, setText] = useState(stringify(value ?? null, 2));
  const [bad, setBad] = useState(false);
  const input = (next: string) => {
    setText(next);
    try {
      change(parse(next));
      setBad(false);
    } catch {
      setBad(true);
    }
  };
  return <><textarea spellcheck={false} rows={3} aria-invalid={bad} value={text} onInput={(event) => input(event.currentTarget.value)} />{bad && <span class="wrong">not JSON yet</span>}</>;
}

function ArrayField({ name, path, part, value, change, shared }: { name: string; path: string; part: Part; value: unknown[]; change: (value: unknown) => void; shared: Shared }) {
  const inner = resolve(part["items"] as Part, shared.root);
  return (
    <fieldset style={{ border: "1px solid var(--line)", borderRadius: "8px", padding: "10px 12px" }}>
      <legend>{name}</legend>
      <div class="stack">
        {value.map((item, at) => (
          <div class="row" key={at}><div class="grow"><Field name={`${at + 1}`} path={`${path}/${at}`} part={inner} value={item} change={(next) => change(value.map((one, n) => (n === at ? next : one)))} shared={shared} required /></div><Button kind="plain small" onClick={() => change(value.filter((_, n) => n !== at))}>Remove</Button></div>
        ))}
        <div><Button kind="small" onClick={() => change([...value, initial(inner, shared.root)])}>Add</Button></div>
      </div>
    </fieldset>
  );
}

/** A description without the marks of its markup. */
function plain(text: unknown): string {
  return String(text).replaceAll("`", "");
}
