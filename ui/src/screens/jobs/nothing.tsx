// An empty list says why it is empty: which clause fits no job, or which one stands in the way.
import { useEffect, useState } from "preact/hooks";
import { call } from "../../api/client";
import type { Job, Page } from "../../api/types";
import { query } from "../../parts/address";
import { Command, Empty } from "../../parts/kit";
import { clausesOf, without } from "./clauses";

const MOST = 12; // clauses that are tried; each costs two small questions

/** `none`: no job fits this. `unknown`: none among the newest 10,000, older ones were not looked at. */
type Found = "some" | "none" | "unknown";
interface Tried { alone: Found; rest: Found }

async function any(q: string, signal: AbortSignal): Promise<Found> {
  const page = await call<Page<Job>>(`api/jobs${query({ q, limit: 1 })}`, { signal });
  return page.items.length ? "some" : page.next ? "unknown" : "none";
}

function useTrial(q: string): (Tried | undefined)[] {
  const [tried, setTried] = useState<{ q: string; found: Tried[] }>({ q, found: [] });
  useEffect(() => {
    const abort = new AbortController();
    const clauses = clausesOf(q);
    const work = async () => {
      for (const [at, clause] of clauses.slice(0, MOST).entries()) {
        const alone = await any(clause, abort.signal);
        const rest = clauses.length > 1 ? await any(without(clauses, at), abort.signal) : "some";
        setTried((before) => ({ q, found: [...(before.q === q && at ? before.found : []), { alone, rest }] }));
      }
    };
    work().catch(() => undefined); // it says less then
    return () => abort.abort();
  }, [q]);
  return tried.q === q ? tried.found : [];
}

export function Nothing({ q, set, more }: { q: string; set: (q: string) => void; more: boolean }) {
  if (!q) return <Empty title="No jobs yet"><p>Submit one with the button above, or from a terminal:</p><Command>tenure submit echo hello=world</Command></Empty>;
  return <Filtered q={q} set={set} more={more} />;
}

function Filtered({ q, set, more }: { q: string; set: (q: string) => void; more: boolean }) {
  const tried = useTrial(q);
  const clauses = clausesOf(q);
  const barren = clauses.filter((_, at) => tried[at]?.alone === "none");
  const blocking = clauses.filter((_, at) => tried[at]?.rest === "some");
  return (
    <Empty title={more ? "Nothing among the newest 10,000 jobs" : "No job fits this filter"}>
      <p role="status">
        {barren.length ? <>{barren.map((clause, n) => <>{n > 0 && ", "}<code>{clause}</code></>)} alone {barren.length === 1 ? "fits" : "fit"} no job.</>
          : clauses.length > 1 && blocking.length ? "Each clause fits some jobs, but none fits them all."
          : "Every clause must hold."} Drop one:
      </p>
      <div class="chips">{clauses.map((clause, at) => <button type="button" class="chip" onClick={() => set(without(clauses, at))}>without <b class="mono">{clause}</b>{clauses.length > 1 && tried[at]?.rest === "some" ? <span class="tone-good">some fit then</span> : tried[at]?.rest === "none" ? "still none" : null}</button>)}</div>
    </Empty>
  );
}
