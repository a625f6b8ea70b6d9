// A window of time in the address: drawn on a chart or typed, and what lists make of it.
import { useState } from "preact/hooks";
import { Link, useLocation, useSearch } from "wouter-preact";
import type { Series } from "../api/types";
import { query } from "./address";
import { Button, count } from "./kit";
import { Menu } from "./menu";
import { zone } from "./time";

/** Seconds since 1970, whole; `to` is not in it. */
export interface Window { from: number; to: number }

function instant(text: string | null): number {
  return text ? Date.parse(text) / 1000 : NaN;
}

function iso(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace(".000Z", "Z");
}

/** The window that the address names, and a way to name another one, or none. */
export function useWindow(): [Window | null, (next: Window | null) => void] {
  const search = useSearch();
  const [path, go] = useLocation();
  const named = new URLSearchParams(search);
  const [from, to] = [instant(named.get("from")), instant(named.get("to"))];
  const set = (next: Window | null) => {
    const all = new URLSearchParams(location.search);
    all.delete("from");
    all.delete("to");
    const rest = all.toString();
    const window_ = next ? `from=${iso(next.from)}&to=${iso(next.to)}` : "";
    const text = [rest, window_].filter(Boolean).join("&");
    go(text ? `${path}?${text}` : path);
  };
  return [from < to ? { from, to } : null, set];
}

/** Clauses of the filter language: the field lies in the window. */
export function within(field: "created" | "finished", { from, to }: Window): string {
  return `${field}:>=${iso(from)} ${field}:<${iso(to)}`;
}

/** The whole steps whose points, drawn where they begin, a window holds or nearly holds. */
export function snapped({ from, to }: Window, step: number): Window {
  return { from: Math.round(from / step) * step, to: Math.round(to / step) * step + step };
}

function words({ from, to }: Window): string {
  const utc = zone.value === "utc" ? { timeZone: "UTC" } : {};
  const long = to - from > 86_400 || Date.now() / 1000 - from > 86_400;
  const form = new Intl.DateTimeFormat("en-GB", { ...(long ? { month: "short", day: "numeric" } : {}), hour: "2-digit", minute: "2-digit", ...utc });
  return `${form.format(from * 1000)} to ${form.format(to * 1000)}`;
}

/** What happened within the window, each number a link to its list. */
export function WindowBar({ window: one, set, series }: { window: Window; set: (next: Window | null) => void; series: Series | undefined }) {
  const points = (series?.points ?? []).filter((point) => Date.parse(point.at) / 1000 >= one.from && Date.parse(point.at) / 1000 < one.to);
  const whole = points.length > 0 && Date.parse(series!.points[0]!.at) / 1000 <= one.from;
  const sum = (of: (point: Series["points"][number]) => number) => (whole ? count(points.reduce((all, point) => all + of(point), 0)) : "");
  const leads = (name: string, q: string, number: string) => <Link class="chip" href={`/jobs${query({ q })}`}>{number && <b>{number}</b>}{name}</Link>;
  return (
    <section class="window" aria-label="Window of time">
      <b>{words(one)}</b>
      {leads("submitted", within("created", one), sum((point) => point.submitted))}
      {leads("completed", `status:completed ${within("finished", one)}`, sum((point) => point.completed))}
      {leads("failed", `status:failed ${within("finished", one)}`, sum((point) => point.failed))}
      {leads("ended in any way", within("finished", one), "")}
      <Button kind="plain small" onClick={() => set(null)}>Clear the window</Button>
    </section>
  );
}

/** The same by keyboard. */
export function WindowMenu({ window: one, set }: { window: Window | null; set: (next: Window | null) => void }) {
  const now = Math.floor(Date.now() / 60_000) * 60;
  const shown = one ?? { from: now - 900, to: now };
  return <Menu name="Window" label="Window of time">{(close) => <Fields key={shown.from} shown={shown} take={(next) => { set(next); close(); }} />}</Menu>;
}

function Fields({ shown, take }: { shown: Window; take: (next: Window) => void }) {
  const [from, setFrom] = useState(field(shown.from));
  const [to, setTo] = useState(field(shown.to));
  const next = { from: read(from), to: read(to) };
  return (
    <form class="stack" onSubmit={(event) => { event.preventDefault(); if (next.from < next.to) take(next); }}>
      <label class="field">From<input type="datetime-local" value={from} onInput={(event) => setFrom(event.currentTarget.value)} /></label>
      <label class="field">To<input type="datetime-local" value={to} onInput={(event) => setTo(event.currentTarget.value)} /></label>
      <p class="quiet">Or draw over a chart.</p>
      <Button kind="small primary" refused={next.from < next.to ? null : "It must end after it begins"} onClick={() => take(next)}>Show</Button>
    </form>
  );
}

/** An instant as an input has it: in UTC or local time, as the page's other times. */
function field(seconds: number): string {
  const shift = zone.value === "utc" ? 0 : new Date(seconds * 1000).getTimezoneOffset() * 60;
  return iso(seconds - shift).slice(0, 16);
}

function read(text: string): number {
  return Date.parse(zone.value === "utc" ? `${text}Z` : text) / 1000;
}
