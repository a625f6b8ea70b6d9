// Ctrl K: go anywhere, do anything, find a job by the beginning of its id.
import { signal } from "@preact/signals";
import { useState } from "preact/hooks";
import { useLocation } from "wouter-preact";
import { togglePause } from "../live/live";
import { Dialog } from "../parts/kit";
import { toggleZone } from "../parts/time";
import { keysNow, singleKeys, toggleKeys } from "./keys";
import { PLACES } from "./places";
import { submitting } from "./state";
import { nextTheme } from "./theme";

export const paletteOpen = signal(false);
export const helpOpen = signal(false);

interface Choice { name: string; hint: string; run: () => void }

export function Palette() {
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const [, go] = useLocation();
  if (!paletteOpen.value) return null;
  const close = () => {
    paletteOpen.value = false;
    setText("");
    setAt(0);
  };
  const all: Choice[] = [
    ...PLACES.map((place) => ({ name: `Go to ${place.name}`, hint: `g ${place.key}`, run: () => go(place.path) })),
    { name: "Submit a job", hint: "n", run: () => (submitting.value = {}) },
    { name: "Pause or resume live updates", hint: "p", run: togglePause },
    { name: "Change theme", hint: "t", run: nextTheme },
    { name: "Local time or UTC", hint: "z", run: toggleZone },
    { name: singleKeys.value ? "Switch single keys off" : "Switch single keys on", hint: "", run: toggleKeys },
    { name: "Keyboard help", hint: "?", run: () => (helpOpen.value = true) },
  ];
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const found = all.filter((one) => words.every((word) => one.name.toLowerCase().includes(word)));
  if (/^[0-9a-f]{4}[0-9a-f-]*$/i.test(text.trim())) found.unshift({ name: `Open job ${text.trim()}`, hint: "", run: () => go(`/jobs/${text.trim()}`) });
  if (text.trim()) found.push({ name: `Find jobs: ${text.trim()}`, hint: "", run: () => go(`/jobs?q=${encodeURIComponent(text.trim())}`) });
  const choose = (one: Choice | undefined) => {
    close();
    one?.run();
  };
  const key = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown") setAt(Math.min(at + 1, found.length - 1));
    else if (event.key === "ArrowUp") setAt(Math.max(at - 1, 0));
    else if (event.key === "Enter") choose(found[at]);
    else return;
    event.preventDefault();
  };
  return (
    <Dialog label="Command palette" class="palette" onClose={close}>
      <input type="text" autoFocus role="combobox" aria-expanded="true" aria-controls="palette-list" aria-activedescendant={`choice-${at}`} aria-label="Go to, do, or find" placeholder="Go to, do, or find jobs…" value={text} onInput={(event) => { setText(event.currentTarget.value); setAt(0); }} onKeyDown={key} />
      <ul id="palette-list" role="listbox" aria-label="Choices">
        {found.map((one, n) => (
          <li key={one.name} id={`choice-${n}`} role="option" aria-selected={n === at} onClick={() => choose(one)} onMouseMove={() => setAt(n)}>
            {one.name}{one.hint && <small><kbd>{one.hint}</kbd></small>}
          </li>
        ))}
      </ul>
    </Dialog>
  );
}

export function Help() {
  if (!helpOpen.value) return null;
  return (
    <Dialog label="Keyboard" onClose={() => (helpOpen.value = false)}>
      <div class="inner">
        <h1>Keyboard</h1>
        <dl class="facts">
          {keysNow().map((key) => <><dt><kbd>{key.keys}</kbd></dt><dd>{key.does}</dd></>)}
        </dl>
        <label class="row"><input type="checkbox" checked={singleKeys.value} onChange={toggleKeys} /> Single keys do something</label>
        <form method="dialog" class="actions"><button class="button">Close</button></form>
      </div>
    </Dialog>
  );
}
