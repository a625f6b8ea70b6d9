// The bar that takes the filter language and completes its words.
import { useEffect, useState } from "preact/hooks";
import type { Problem } from "../../api/client";
import type { Handlers, Queues } from "../../api/types";
import { useLoad } from "../../data/load";
import { Button } from "../../parts/kit";
import { ACTIVE, FINAL } from "../../parts/state";

const KEYS: [string, string][] = [
  ["status:", "its state"], ["type:", "its type, * for anything"], ["queue:", "its queue"], ["name:", "its name"], ["tag:", "one of its tags"],
  ["reason:", "why it is in its state"], ["priority:>=", "compares"], ["created:<", "less long ago than 2h"], ["finished:<", "ended less long ago than 30m"],
  ["error:", "text of the last error"], ["payload.", "a value in the payload"], ["workflow:", "of this workflow"], ["schedule:", "of this schedule"], ["not ", "turns the next clause round"],
];

export function statusesIn(q: string): string[] {
  const found = /(?:^|\s)status:([a-z,-]+)/.exec(q);
  return found && !/not\s+status:/.test(q) ? found[1]!.split(",").filter(Boolean) : [];
}

export function withStatus(q: string, states: string[]): string {
  const rest = q.replace(/(^|\s)status:[a-z,-]*/, "$1").replace(/\s+/g, " ").trim();
  return [rest, states.length ? `status:${states.join(",")}` : ""].filter(Boolean).join(" ");
}

function useSuggestions(word: string): [string, string][] {
  const key = word.slice(0, word.indexOf(":") + 1);
  const handlers = useLoad<Handlers>(key === "type:" ? "api/handlers" : null);
  const queues = useLoad<Queues>(key === "queue:" ? "api/queues" : null);
  if (!key) return KEYS.filter(([name]) => name.startsWith(word) && name !== word);
  const values = key === "status:" ? [...ACTIVE, ...FINAL] : key === "type:" ? (handlers.data?.items.map((one) => one.type) ?? []) : key === "queue:" ? (queues.data?.items.map((one) => one.name) ?? []) : [];
  const begun = word.slice(key.length);
  return values.filter((value) => value.startsWith(begun) && value !== begun).map((value) => [`${key}${value}`, ""]);
}

export function FilterBar({ q, set, problem }: { q: string; set: (q: string) => void; problem: Problem | null }) {
  const [text, setText] = useState(q);
  const [open, setOpen] = useState(false);
  const [at, setAt] = useState(-1);
  useEffect(() => setText(q), [q]);
  const word = /\S*$/.exec(text)![0];
  const suggestions = useSuggestions(open ? word : "\0").slice(0, 12);
  const take = (value: string) => {
    const next = text.slice(0, text.length - word.length) + value;
    setText(value.endsWith(":") || value.endsWith("<") || value.endsWith("=") || value.endsWith(".") || value.endsWith(" ") ? next : `${next} `);
    setAt(-1);
  };
  const apply = () => {
    setOpen(false);
    set(text.trim());
  };
  const key = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown" && suggestions.length) setAt((at + 1) % suggestions.length);
    else if (event.key === "ArrowUp" && suggestions.length) setAt((at - 1 + suggestions.length) % suggestions.length);
    else if ((event.key === "Enter" || event.key === "Tab") && open && at >= 0 && suggestions[at]) take(suggestions[at]![0]);
    else if (event.key === "Enter") apply();
    else if (event.key === "Escape") setOpen(false);
    else return;
    event.preventDefault();
  };
  const shown = open && suggestions.length > 0;
  return (
    <div class="stack" style={{ gap: "6px" }}>
      <div class="row">
        <div class="filter">
          <input
            id="filter" type="text" role="combobox" aria-expanded={shown} aria-controls="filter-words" aria-autocomplete="list" aria-activedescendant={shown && at >= 0 ? `word-${at}` : undefined}
            aria-label="Filter" aria-invalid={problem ? "true" : undefined} aria-describedby={problem ? "filter-problem" : undefined}
            placeholder="status:failed type:send_* not tag:slow created:<2h  …" spellcheck={false} autoComplete="off" value={text}
            onInput={(event) => { setText(event.currentTarget.value); setOpen(true); setAt(-1); }} onFocus={() => setOpen(true)} onBlur={() => setTimeout(() => setOpen(false), 150)} onKeyDown={key}
          />
          {shown && (
            <ul class="suggestions" id="filter-words" role="listbox" aria-label="Words of the filter">
              {suggestions.map(([value, hint], n) => <li key={value} id={`word-${n}`} role="option" aria-selected={n === at} onMouseDown={(event) => { event.preventDefault(); take(value); }}>{value}<small>{hint}</small></li>)}
            </ul>
          )}
        </div>
        <Button onClick={apply}>Filter</Button>
        {q && <Button kind="plain" onClick={() => set("")}>Clear</Button>}
      </div>
      {problem && <div id="filter-problem" class="problem" role="alert">{(problem.errors.length ? problem.errors.map((one) => one.detail) : [problem.detail]).map((line) => <p>{line}</p>)}</div>}
    </div>
  );
}
