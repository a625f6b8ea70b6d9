// A form over something that others may change too: it sends only what was changed, names the version
// it began with, and when somebody was faster it shows theirs beside one's own instead of overwriting.
import { useEffect, useState } from "preact/hooks";
import { call, Problem } from "../api/client";

export type Values = Record<string, string>;
export interface Clash { version: number; theirs: { name: string; value: string; kept: boolean }[] }

export interface Draft {
  values: Values;
  set: (name: string) => (value: string) => void;
  /** The fields that differ from what was there. */
  changed: string[];
  problem: Problem | null;
  clash: Clash | null;
  busy: boolean;
  save: () => Promise<void>;
}

interface Asked<T> {
  path: string;
  thing: T;
  read: (thing: T) => Values;
  /** What to send for the changed fields: an object, or JSON text. Raises Problem. */
  body: (changed: string[], values: Values, thing: T) => unknown;
  saved: (thing: T) => void;
}

interface Held<T> { thing: T; base: Values; values: Values }

export function useDraft<T extends { version?: number }>({ path, thing, read, body, saved }: Asked<T>): Draft {
  const begin = (from: T): Held<T> => ({ thing: from, base: read(from), values: read(from) });
  const [held, hold] = useState(() => begin(thing));
  const [problem, setProblem] = useState<Problem | null>(null);
  const [clash, setClash] = useState<Clash | null>(null);
  const [busy, setBusy] = useState(false);
  const changed = Object.keys(held.values).filter((name) => held.values[name] !== held.base[name]);
  const version = held.thing.version ?? 0;
  useEffect(() => {
    if (!changed.length && (thing.version ?? 0) > version) hold(begin(thing)); // nothing of ours is lost
  }, [thing.version]);

  const meet = (fresh: T) => {
    const now = read(fresh);
    const theirs = Object.keys(now).filter((name) => now[name] !== held.base[name]);
    setClash({ version: fresh.version ?? 0, theirs: theirs.map((name) => ({ name, value: now[name]!, kept: changed.includes(name) })) });
    hold({ thing: fresh, base: now, values: { ...now, ...Object.fromEntries(changed.map((name) => [name, held.values[name]!])) } });
  };
  const send = async () => {
    const sent = body(changed, held.values, held.thing);
    const made = await call<T>(path, { method: "PATCH", headers: { "If-Match": `"${version}"` }, body: sent });
    hold(begin(made));
    setClash(null);
    saved(made);
  };
  const save = async () => {
    if (busy) return;
    setBusy(true);
    setProblem(null);
    try {
      await send();
    } catch (error) {
      const told = asProblem(error);
      if (told.status === 412 || told.code === "version_conflict") await call<T>(path).then(meet, (failed) => setProblem(asProblem(failed)));
      else setProblem(told);
    } finally {
      setBusy(false);
    }
  };
  return { values: held.values, set: (name) => (value) => hold((before) => ({ ...before, values: { ...before.values, [name]: value } })), changed, problem, clash, busy, save };
}

/** Whatever went wrong, as something to show. */
export function asProblem(error: unknown): Problem {
  return error instanceof Problem ? error : new Problem(0, "failed", "Something failed here", String(error));
}

/** Says that somebody was faster, and what they changed. */
export function ClashNote({ clash, labels }: { clash: Clash | null; labels: Record<string, string> }) {
  if (!clash) return null;
  return (
    <div class="problem clash" role="alert">
      <h2>Somebody else changed this meanwhile</h2>
      <p>Nothing of yours was saved. The form now stands on version {clash.version}: look, then save again.</p>
      {clash.theirs.length > 0 && <ul>{clash.theirs.map(({ name, value, kept }) => <li key={name}><b>{labels[name] ?? name}</b> is now <code>{value === "" ? "empty" : value.slice(0, 200)}</code>{kept ? "; yours is kept in the form" : ""}</li>)}</ul>}
    </div>
  );
}
