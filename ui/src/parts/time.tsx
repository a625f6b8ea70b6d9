// Instants and spans for people: relative in the text, exact on hover and focus.
import { signal } from "@preact/signals";

/** The time now, moved once a second while the page is seen. */
export const now = signal(Date.now());
setInterval(() => {
  if (!document.hidden) now.value = Date.now();
}, 1_000);

export type Zone = "local" | "utc";
export const zone = signal<Zone>((localStorage.getItem("tenure.zone") as Zone) ?? "local");

export function toggleZone(): void {
  zone.value = zone.value === "local" ? "utc" : "local";
  localStorage.setItem("tenure.zone", zone.value);
}

/** `3.2 s`, `4 m 10 s`, `2 h 5 m`, `3 d 4 h`. */
export function span(seconds: number): string {
  const s = Math.max(0, seconds);
  if (s < 0.0995) return `${Math.round(s * 1000)} ms`;
  if (s < 10) return `${Number.isInteger(s) ? s : s.toFixed(1)} s`;
  if (s < 60) return `${Math.round(s)} s`;
  const pairs: [number, string, number, string][] = [[3600, "m", 60, "s"], [86_400, "h", 3600, "m"], [Infinity, "d", 86_400, "h"]];
  const units: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };
  const [, large, , small] = pairs.find(([below]) => s < below)!;
  const whole = Math.floor(s / units[large]!);
  const rest = Math.floor((s % units[large]!) / units[small]!);
  return rest && whole < 20 ? `${whole} ${large} ${rest} ${small}` : `${whole} ${large}`;
}

export function seconds(from: string, to: string | number | null = null): number {
  return ((to === null ? now.value : typeof to === "number" ? to : Date.parse(to)) - Date.parse(from)) / 1000;
}

export function exact(at: string): string {
  const options: Intl.DateTimeFormatOptions = { dateStyle: "medium", timeStyle: "medium" };
  const date = new Date(at);
  const local = new Intl.DateTimeFormat(undefined, options).format(date);
  const name = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return `${local} ${name}\n${at} UTC`;
}

function clock(at: string): string {
  const date = new Date(at);
  const utc = zone.value === "utc" ? { timeZone: "UTC" } : {};
  const today = date.toDateString() === new Date(now.value).toDateString();
  const options: Intl.DateTimeFormatOptions = today
    ? { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false, ...utc }
    : { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hour12: false, ...utc };
  return new Intl.DateTimeFormat("en-GB", options).format(date);
}

/** An instant: `4 m ago`, `in 2 h`; or the clock with `as="clock"`. */
export function Time({ at, as = "relative" }: { at: string | null | undefined; as?: "relative" | "clock" }) {
  if (!at) return <span class="quiet">–</span>;
  const ago = seconds(at);
  const text = as === "clock" ? clock(at) : Math.abs(ago) < 1 ? "now" : ago > 0 ? `${span(ago < 60 ? Math.floor(ago) : ago)} ago` : `in ${span(-ago < 60 ? Math.ceil(-ago) : -ago)}`;
  return <time dateTime={at} title={exact(at)} class="nowrap">{text}</time>;
}

/** How long from one instant to another, or until now. */
export function Took({ from, to }: { from: string | null | undefined; to: string | null | undefined }) {
  if (!from) return <span class="quiet">–</span>;
  return <span class="nowrap">{span(seconds(from, to ?? null))}</span>;
}
