// Around every screen: rail, top bar, banners, and the keys that work everywhere.
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Link, useLocation } from "wouter-preact";
import { me, signOut } from "../api/session";
import { paused, pulse, standing, togglePause } from "../live/live";
import { Button, count, Icon } from "../parts/kit";
import { lazy } from "../parts/lazy";
import { now, span, toggleZone, zone } from "../parts/time";
import { Toasts } from "../parts/toast";
import { useKeys } from "./keys";
import { Help, helpOpen, Palette, paletteOpen } from "./palette";
import { PLACES } from "./places";
import { submitting } from "./state";
import { nextTheme, theme } from "./theme";

const SubmitDrawer = lazy(() => import("../screens/submit").then((m) => m.default));
const ENVIRONMENT = document.documentElement.dataset["environment"] ?? "";

export function Frame({ children }: { children: ComponentChildren }) {
  const [path, go] = useLocation();
  const stage = useRef<HTMLElement>(null);
  const first = useRef(true);
  const screen = path.split("/")[1] ?? "";
  useEffect(() => {
    if (first.current) first.current = false;
    else stage.current?.focus({ preventScroll: true });
    stage.current?.scrollTo(0, 0);
  }, [screen]);
  useKeys([
    ...PLACES.map((place) => ({ keys: `g ${place.key}`, does: `go to ${place.name}`, run: () => go(place.path) })),
    { keys: "mod k", does: "command palette (Ctrl or ⌘)", run: () => (paletteOpen.value = true) },
    { keys: "/", does: "find jobs", run: find },
    { keys: "n", does: "submit a job", run: () => (submitting.value = {}) },
    { keys: "p", does: "pause and resume live updates", run: togglePause },
    { keys: "t", does: "change theme", run: nextTheme },
    { keys: "z", does: "local time or UTC", run: toggleZone },
    { keys: "?", does: "this help", run: () => (helpOpen.value = true) },
  ]);
  return (
    <div class="frame">
      <a class="skip" href="#stage" onClick={(event) => { event.preventDefault(); stage.current?.focus(); }}>Skip to the content</a>
      <Bar />
      <Rail path={path} />
      <main class="stage" id="stage" ref={stage} tabIndex={-1}>
        <Banners />
        {children}
      </main>
      {submitting.value && <SubmitDrawer />}
      <Palette />
      <Help />
      <Toasts />
    </div>
  );
}

function find(): void {
  const filter = document.getElementById("filter");
  if (filter) filter.focus();
  else paletteOpen.value = true;
}

function Bar() {
  const who = me.value;
  return (
    <header class="bar" data-environment={ENVIRONMENT}>
      <Link href="/" class="brand"><Logo /><span>Tenure</span></Link>
      {ENVIRONMENT && <span class="environment">{ENVIRONMENT}</span>}
      <button type="button" class="search" onClick={() => (paletteOpen.value = true)}><Icon name="search" /><span>Find a job, go somewhere…</span><kbd>Ctrl K</kbd></button>
      <div class="grow" />
      <Indicator />
      <Button kind="plain" title="Local time or UTC (z)" onClick={toggleZone}>{zone.value === "utc" ? "UTC" : "Local"}</Button>
      <Button kind="plain" title={`Theme: ${theme.value} (t)`} aria-label={`Theme: ${theme.value}`} onClick={nextTheme}><Icon name={theme.value === "light" ? "sun" : theme.value === "dark" ? "moon" : "auto"} /></Button>
      <Button kind="primary" needs="execute" onClick={() => (submitting.value = {})}><Icon name="plus" />Submit</Button>
      {who && who.kind !== "local" && <Button kind="plain" title={`${who.name} (${who.role}): sign out`} onClick={() => void signOut()}>{who.name}<Icon name="out" /></Button>}
    </header>
  );
}

function Logo() {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="7" fill="#3558d4" />
      <path d="M8 10.5h16M16 10.5v13" stroke="#fff" stroke-width="3.4" stroke-linecap="round" fill="none" />
      <circle cx="23.2" cy="21.4" r="3.4" fill="#7ee0b8" />
    </svg>
  );
}

function Indicator() {
  const { state, since, retryAt } = standing.value;
  const away = (now.value - since) / 1000;
  const shown = paused.value ? "paused" : state !== "live" && state !== "polling" && away > 30 ? "stale" : state;
  const words: Record<string, string> = {
    live: "Live", paused: "Paused", polling: "Every 5 s", connecting: "Connecting",
    reconnecting: retryAt ? `Reconnecting in ${Math.max(0, Math.ceil((retryAt - now.value) / 1000))} s` : "Reconnecting",
    stale: `Stale ${span(away)}`,
  };
  return <button type="button" class="indicator" data-state={shown} title="Pause or resume live updates (p)" onClick={togglePause}><i /><span>{words[shown]}</span></button>;
}

function Rail({ path }: { path: string }) {
  const active = pulse.value?.active ?? {};
  const counts: Record<string, number | undefined> = { "/jobs": (active["pending"] ?? 0) + (active["running"] ?? 0) || undefined, "/workers": pulse.value?.workers };
  return (
    <nav class="rail" aria-label="Screens">
      {PLACES.map((place) => {
        const here = place.path === "/" ? path === "/" : path.startsWith(place.path);
        const number = counts[place.path];
        return (
          <Link key={place.path} href={place.path} title={`${place.name} (g ${place.key})`} aria-current={here ? "page" : undefined}>
            <Icon name={place.icon} /><span>{place.name}</span>{number !== undefined && <b>{count(number)}</b>}
          </Link>
        );
      })}
      <div class="foot"><a href={`${document.documentElement.dataset["root"] ?? "./"}swagger`}>API</a><span>Press <kbd>?</kbd> for keys</span></div>
    </nav>
  );
}

function Banners() {
  const now_ = pulse.value;
  const waiting = now_ ? (now_.active["pending"] ?? 0) : 0;
  return (
    <>
      {standing.value.state === "reconnecting" && now.value - standing.value.since > 3_000 && <div class="banner bad" role="status">The coordinator cannot be reached. What you see is from {span((now.value - standing.value.since) / 1000)} ago; this page tries again by itself.</div>}
      {paused.value && <div class="banner" role="status">Paused: nothing changes by itself. <Button kind="small" onClick={togglePause}>Resume</Button></div>}
      {now_ && now_.workers === 0 && waiting > 0 && <div class="banner" role="status">{count(waiting)} {waiting === 1 ? "job waits" : "jobs wait"} and no worker is online. <Link class="link" href="/workers">Start one</Link></div>}
    </>
  );
}
