// States by shape, word and colour, so that none of the three is needed alone.
import type { ComponentChildren } from "preact";

export type Tone = "good" | "bad" | "warn" | "busy" | "wait" | "calm";

const TONES: Record<string, Tone> = {
  scheduled: "wait", blocked: "calm", pending: "warn", paused: "warn", running: "busy",
  completed: "good", failed: "bad", cancelled: "calm", skipped: "calm", expired: "calm",
  timeout: "bad", lost: "bad", released: "calm", snoozed: "wait",
  online: "good", draining: "warn", gone: "calm", active: "good", ended: "calm", aborted: "calm", stopped: "bad",
  fired: "good", backfilled: "good", missed: "bad", overlapped: "warn",
  delivered: "good", alarmed: "bad", disabled: "calm",
};

export const ACTIVE = ["pending", "running", "scheduled", "blocked", "paused"] as const;
export const FINAL = ["completed", "failed", "cancelled", "skipped", "expired"] as const;

export function toneOf(state: string): Tone {
  return TONES[state] ?? "calm";
}

const line = { fill: "none", stroke: "currentColor", "stroke-width": "1.8", "stroke-linecap": "round", "stroke-linejoin": "round" } as const;

function shape(state: string): ComponentChildren {
  switch (state) {
    case "completed": case "fired": case "backfilled": case "online": case "active": case "delivered":
      return <><circle cx="8" cy="8" r="6.6" fill="currentColor" opacity=".16" /><path d="m4.8 8.3 2.2 2.2 4.2-4.8" {...line} /></>;
    case "failed": case "timeout": case "lost": case "stopped": case "missed": case "alarmed":
      return <><circle cx="8" cy="8" r="6.6" fill="currentColor" opacity=".16" /><path d="m5.4 5.4 5.2 5.2m0-5.2-5.2 5.2" {...line} /></>;
    case "running":
      return <><circle cx="8" cy="8" r="5.8" {...line} /><path d="M8 2.2a5.8 5.8 0 0 1 0 11.6z" fill="currentColor" /></>;
    case "pending":
      return <><circle cx="8" cy="8" r="5.8" {...line} /><path d="M8 8V2.2A5.8 5.8 0 0 1 13.8 8z" fill="currentColor" /></>;
    case "scheduled": case "snoozed":
      return <><circle cx="8" cy="8" r="5.8" {...line} /><path d="M8 4.8V8l2.2 1.6" {...line} /></>;
    case "paused": case "draining": case "overlapped":
      return <path d="M5.6 3.5v9m4.8-9v9" {...line} stroke-width="2.4" />;
    case "blocked":
      return <><rect x="3.2" y="7" width="9.6" height="6.4" rx="1.4" {...line} /><path d="M5.4 7V5a2.6 2.6 0 0 1 5.2 0v2" {...line} /></>;
    case "cancelled": case "aborted": case "disabled":
      return <><circle cx="8" cy="8" r="5.8" {...line} /><path d="m4.2 11.8 7.6-7.6" {...line} /></>;
    case "skipped":
      return <path d="M3.5 4v8l5-4zm6 0v8l4-4z" fill="currentColor" />;
    case "expired":
      return <path d="M4 2.5h8M4 13.5h8M5 2.5c0 3 6 5 6 11m0-11c0 3-6 5-6 11" {...line} />;
    default:
      return <circle cx="8" cy="8" r="5" {...line} stroke-dasharray="2.4 2.4" />;
  }
}

export function Glyph({ state }: { state: string }) {
  return <svg class={`glyph tone-${toneOf(state)}`} viewBox="0 0 16 16" aria-hidden="true">{shape(state)}</svg>;
}

export function State({ state, note }: { state: string; note?: ComponentChildren }) {
  return <span class={`state tone-${toneOf(state)}`}><Glyph state={state} />{state}{note && <span class="quiet"> {note}</span>}</span>;
}

export function Badge({ state, children }: { state: string; children?: ComponentChildren }) {
  return <span class={`badge tone-${toneOf(state)}`}><Glyph state={state} />{children ?? state}</span>;
}
