// JSON as a tree that opens, and as text. Numbers keep their digits; text is never markup.
import { useState } from "preact/hooks";
import { Digits, stringify } from "../api/client";
import { Copy } from "./kit";

const SHOWN = 200;

function Leaf({ name, value }: { name?: string; value: unknown }) {
  return (
    <div class="leaf">
      {name !== undefined && <span class="key">{name}: </span>}
      <span class={typeof value === "string" ? "text" : "value"}>{typeof value === "string" ? JSON.stringify(value) : value instanceof Digits ? value.text : String(value)}</span>
    </div>
  );
}

function Branch({ name, value, open }: { name?: string; value: object; open: boolean }) {
  const [shown, show] = useState(SHOWN);
  const entries = Object.entries(value);
  const array = Array.isArray(value);
  const size = `${array ? "[" : "{"}${entries.length}${array ? "]" : "}"}`;
  if (!entries.length) return <div class="leaf">{name !== undefined && <span class="key">{name}: </span>}{array ? "[]" : "{}"}</div>;
  return (
    <details open={open}>
      <summary>{name !== undefined && <span class="key">{name}: </span>}{size}</summary>
      {entries.slice(0, shown).map(([key, item]) => <Node key={key} name={key} value={item} open={open && entries.length < 40} />)}
      {entries.length > shown && <button type="button" class="button plain small" onClick={() => show(shown + 1_000)}>{entries.length - shown} more</button>}
    </details>
  );
}

function Node({ name, value, open }: { name?: string; value: unknown; open: boolean }) {
  const plain = value === null || typeof value !== "object" || value instanceof Digits;
  return plain ? <Leaf {...(name === undefined ? {} : { name })} value={value} /> : <Branch {...(name === undefined ? {} : { name })} value={value as object} open={open} />;
}

export function Json({ value, label }: { value: unknown; label: string }) {
  const [raw, setRaw] = useState(false);
  const text = stringify(value, 2);
  return (
    <div>
      <div class="spread" style={{ padding: "8px 14px 0" }}>
        <div class="segments" role="group" aria-label="Form">
          <button type="button" aria-pressed={!raw} onClick={() => setRaw(false)}>Tree</button>
          <button type="button" aria-pressed={raw} onClick={() => setRaw(true)}>Text</button>
        </div>
        <Copy text={text} label={`Copy ${label}`}>Copy</Copy>
      </div>
      {raw ? <pre class="block" tabIndex={0}>{text}</pre> : <div class="json" style={{ padding: "10px 14px 14px" }} tabIndex={0} role="group" aria-label={label}><Node value={value} open /></div>}
    </div>
  );
}

/** One line of JSON, cut. */
export function brief(value: unknown, most = 120): string {
  const text = value === null || value === undefined ? "" : typeof value === "string" ? value : stringify(value);
  return text.length > most ? `${text.slice(0, most)}…` : text;
}
