// The next times of what stands in a form, while one types.
import { useEffect, useState } from "preact/hooks";
import type { NextTime } from "../../api/types";
import { useLoad } from "../../data/load";
import { query } from "../../parts/address";
import type { Values } from "../../parts/draft";
import { instant } from "../../parts/fields";
import { Time } from "../../parts/time";
import { everyWords } from "../../parts/words";

const SHOWN = 5;
const REST_MS = 250;

/** The value once it has rested for a moment. */
function useRested<T>(value: T): T {
  const [rested, rest] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => rest(value), REST_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return rested;
}

export function Preview({ values }: { values: Values }) {
  const { way, cron, every, timezone } = values;
  const timing = way === "cron" ? { cron } : { every_seconds: every };
  const empty = way === "cron" ? !cron?.trim() : !every;
  const start = instant(values["start"] ?? "");
  const later = start !== null && Date.parse(start) > Date.now() ? start : null;
  const path = useRested(empty ? null : `api/schedules/preview${query({ ...timing, timezone, after: later, count: SHOWN })}`);
  const load = useLoad<{ items: NextTime[] }>(path);
  const end = instant(values["end"] ?? "");
  const items = (load.data?.items ?? []).filter((time) => end === null || Date.parse(time.at) <= Date.parse(end));
  const words = everyWords({ cron: way === "cron" ? (cron ?? "") : null, every_seconds: way === "every" ? Number(every) : null, timezone: timezone || "UTC" });
  return (
    <section class="why" aria-label="Next times" aria-live="polite">
      {empty ? <p class="quiet">Say when, and the next times are shown here.</p> : load.problem ? <p class="tone-bad">{load.problem.errors[0]?.detail ?? load.problem.detail}</p> : (
        <>
          <p><b>{words}</b>{way === "every" && <span class="quiet">, counted from now</span>}</p>
          {load.data && items.length === 0 && <p class="tone-warn">It would never fire.</p>}
          <ol class="times">{items.map((time) => <li key={time.at}><span class="mono">{time.local}</span> <span class="quiet"><Time at={time.at} /></span>{time.note && <span class="tone-warn"> {time.note}</span>}</li>)}</ol>
        </>
      )}
    </section>
  );
}
