// Small things every screen is made of.
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Link } from "wouter-preact";
import type { Problem } from "../api/client";
import { refusal } from "../api/session";
import { isStale, type Load } from "../data/load";
import { command, curl } from "./shell";
import { now, span } from "./time";

export function count(value: number): string {
  return value.toLocaleString("en-US");
}

/** An id cut in the middle: ids of one batch differ only at their ends. */
export function short(id: string): string {
  return id.length > 16 ? `${id.slice(0, 8)}…${id.slice(-5)}` : id;
}

type ButtonProps = Omit<JSX.IntrinsicElements["button"], "disabled" | "ref"> & {
  /** Why it cannot be used now; shown, and read out, instead of acting. */
  refused?: string | null;
  /** What the caller must be allowed to do. */
  needs?: string;
  kind?: string;
  onClick?: () => void;
};

/** A button that says why when it cannot be used; it stays in reach of the keyboard. */
export function Button({ refused, needs, kind = "", onClick, children, class: more, ...rest }: ButtonProps) {
  const why = (needs && refusal(needs)) || refused || null;
  return (
    <button
      type="button"
      {...rest}
      class={`button ${kind} ${(more as string) ?? ""}`}
      aria-disabled={why ? "true" : undefined}
      title={why ?? (rest.title as string | undefined)}
      aria-description={why ?? undefined}
      onClick={(event) => {
        if (why) event.preventDefault();
        else onClick?.();
      }}
    >
      {children}
    </button>
  );
}

/** Copies a text; says so for a moment. */
export function Copy({ text, label = "Copy", children }: { text: string; label?: string; children?: ComponentChildren }) {
  const [done, setDone] = useState(false);
  useEffect(() => {
    const timer = done ? setTimeout(() => setDone(false), 1_500) : 0;
    return () => clearTimeout(timer);
  }, [done]);
  return (
    <button type="button" class="button plain small" aria-label={children ? undefined : label} title={label} onClick={() => void copy(text).then(setDone)}>
      {done ? <Icon name="check" /> : <Icon name="copy" />}{children && <span>{done ? "Copied" : children}</span>}
    </button>
  );
}

/** Browsers keep the clipboard from pages of other hosts without TLS; the old way works there too. */
async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const box = document.createElement("textarea");
    box.value = text;
    (document.querySelector("dialog[open]") ?? document.body).append(box);
    box.select();
    const done = document.execCommand("copy");
    box.remove();
    return done;
  }
}

export function Command({ children }: { children: string }) {
  return <span class="command"><code>{children}</code><Copy text={children} /></span>;
}

const ICONS: Record<string, string> = {
  overview: "M2.5 13.5V7m3.7 6.5v-11m3.6 11V5m3.7 8.5V9",
  jobs: "M5.5 3.5h8m-8 4.5h8m-8 4.5h8M2.5 3.5h.01M2.5 8h.01m-.01 4.5h.01",
  workflows: "M2.5 2.5h4v3.6h-4zm7 7.4h4v3.6h-4zM4.5 6.1v5.6h5",
  schedules: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 5v3.2l2 1.4",
  queues: "m8 2 6 3-6 3-6-3zm-6 6 6 3 6-3M2 11l6 3 6-3",
  workers: "M3 3h10v4H3zm0 6h10v4H3zm2.5-4h.01m-.01 6h.01",
  dead: "M8 2.2 14.4 13.4H1.6zM8 6.5v3m0 2h.01",
  operations: "M2.5 8h2l2-5 3 10 2-5h2",
  handlers: "m5.5 4.5-3.5 3.5 3.5 3.5m5-7 3.5 3.5-3.5 3.5",
  admin: "M8 8a2.8 2.8 0 1 0 0-5.6A2.8 2.8 0 0 0 8 8Zm-5.2 6c.5-2.6 2.6-4 5.2-4s4.7 1.4 5.2 4",
  copy: "M5.5 5.5h7v8h-7zM3.5 10.5v-8h7",
  check: "m3 8.5 3.2 3.2 6.8-7.4",
  close: "m4 4 8 8m0-8-8 8",
  search: "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10Zm3.7-1.3 3.3 3.3",
  plus: "M8 3v10M3 8h10",
  sun: "M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6Zm0-10v1.5m0 11V15m7-7h-1.5m-11 0H1m11.9-4.9-1 1m-7.8 7.8-1 1m9.8 0-1-1M4.1 4.1l-1-1",
  moon: "M13.5 9.5A5.7 5.7 0 0 1 6.5 2.5a5.7 5.7 0 1 0 7 7Z",
  auto: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12Zm0-12v12",
  out: "M9.5 5V3h-6v10h6v-2M6.5 8h7m-2.5-2.5L13.5 8 11 10.5",
  back: "M10 3 5 8l5 5",
  alerts: "M4 11V7a4 4 0 0 1 8 0v4l1.2 1.5H2.8zM6.6 14.2h2.8",
  down: "m4.5 6.5 3.5 3.5 3.5-3.5",
  peek: "M1.5 8S4 3.8 8 3.8 14.5 8 14.5 8 12 12.2 8 12.2 1.5 8 1.5 8ZM8 9.8a1.8 1.8 0 1 0 0-3.6 1.8 1.8 0 0 0 0 3.6Z",
};

export function Icon({ name }: { name: string }) {
  return (
    <svg viewBox="0 0 16 16" width="15" height="15" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round">
      <path d={ICONS[name] ?? ""} />
    </svg>
  );
}

export function Skeleton({ lines = 5 }: { lines?: number }) {
  const widths = [72, 94, 86, 64, 90, 78];
  return <div class="skeleton" role="status" aria-label="Loading">{Array.from({ length: lines }, (_, n) => <i style={{ width: `${widths[n % 6]}%` }} />)}</div>;
}

export function Trouble({ problem, retry }: { problem: Problem; retry?: () => void }) {
  return (
    <div class="problem" role="alert">
      <h2>{problem.title}</h2>
      {problem.detail && <p>{problem.detail}</p>}
      {problem.code && <p class="quiet mono">{problem.status || ""} {problem.code}</p>}
      {retry && <Button kind="small" onClick={retry}>Try again</Button>}
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return <div class="empty"><h2>{title}</h2>{children}</div>;
}

/** The four states of what is loaded: loading, trouble, there (perhaps old), and what `children` says of empty. */
export function Loaded<T>({ load, lines, children }: { load: Load<T>; lines?: number; children: (data: T) => ComponentChildren }) {
  if (load.data === undefined) {
    return load.problem ? <div class="pad"><Trouble problem={load.problem} retry={load.reload} /></div> : <Skeleton lines={lines ?? 5} />;
  }
  const stale = load.problem !== null || isStale();
  return (
    <>
      {load.problem && <div class="banner bad" role="status">{load.problem.title}: this is {span((now.value - load.at) / 1000)} old</div>}
      <div class={stale ? "stale" : undefined}>{children(load.data)}</div>
    </>
  );
}

/** Where a page's data comes from: a path of the API, and the words after `tenure` that show the same. */
export interface Source { path: string; cli?: string }

/** A screen's heading. `source`: offered as a request of curl and as a command. */
export function Title({ children, actions, name, source }: { children?: ComponentChildren; actions?: ComponentChildren; name: string; source?: Source }) {
  useEffect(() => {
    document.title = `${name} · Tenure`;
  }, [name]);
  return (
    <div class="title">
      <h1>{children ?? name}</h1>
      {source && <span class="source" role="group" aria-label="For a terminal"><Copy text={curl(source.path)} label="Copy as curl">curl</Copy>{source.cli && <Copy text={command(source.cli)} label="Copy as command">CLI</Copy>}</span>}
      {actions}
    </div>
  );
}

export function Card({ title, aside, children, pad }: { title: ComponentChildren; aside?: ComponentChildren; children: ComponentChildren; pad?: boolean }) {
  return (
    <section class="card">
      <header><h2>{title}</h2>{aside}</header>
      {pad ? <div class="pad">{children}</div> : children}
    </section>
  );
}

export function Meter({ value, of, label }: { value: number; of: number; label: string }) {
  const share = of > 0 ? Math.min(1, value / of) : 0;
  return (
    <div class={`meter ${share >= 1 ? "full" : ""}`} role="meter" aria-label={label} aria-valuenow={value} aria-valuemin={0} aria-valuemax={of}>
      <i style={{ width: `${share * 100}%` }} />
    </div>
  );
}

export function JobLink({ id, children }: { id: string; children?: ComponentChildren }) {
  return <Link href={`/jobs/${id}`} class={children ? "" : "mono"}>{children ?? short(id)}</Link>;
}

const ID = /([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})/;

/** Text in which the ids of these jobs lead to them. */
export function Linked({ text, jobs }: { text: string; jobs: string[] }) {
  const parts = text.split(ID);
  const told = new Set(parts);
  return <>{parts.map((part) => (jobs.includes(part) ? <JobLink id={part} /> : part))}{jobs.filter((id) => !told.has(id)).slice(0, 3).map((id) => <> <JobLink id={id} /></>)}</>;
}

/** A native dialog; `onClose` runs however it is left, and the focus goes back to where it was. */
export function Dialog({ onClose, label, class: more, children }: { onClose: () => void; label: string; class?: string; children: ComponentChildren }) {
  const box = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    box.current?.showModal();
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog ref={box} class={more} aria-label={label} onClose={onClose} onClick={(event) => event.target === box.current && box.current?.close()}>
      {children}
    </dialog>
  );
}

export interface Tab { id: string; name: ComponentChildren }

/** Tabs whose choice is the caller's to keep (in the URL). */
export function Tabs({ tabs, chosen, choose, label }: { tabs: Tab[]; chosen: string; choose: (id: string) => void; label: string }) {
  const move = (event: KeyboardEvent, at: number) => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (!step) return;
    const next = tabs[(at + step + tabs.length) % tabs.length]!;
    choose(next.id);
    document.getElementById(`tab-${next.id}`)?.focus();
  };
  return (
    <div class="tabs" role="tablist" aria-label={label}>
      {tabs.map((tab, at) => (
        <button type="button" role="tab" id={`tab-${tab.id}`} aria-selected={tab.id === chosen} aria-controls="panel" tabIndex={tab.id === chosen ? 0 : -1} onClick={() => choose(tab.id)} onKeyDown={(event) => move(event, at)}>
          {tab.name}
        </button>
      ))}
    </div>
  );
}

export function Panel({ tab, children }: { tab: string; children: ComponentChildren }) {
  return <div role="tabpanel" id="panel" aria-labelledby={`tab-${tab}`} tabIndex={0}>{children}</div>;
}
