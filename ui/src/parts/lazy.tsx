// Screens that are fetched when they are first opened.
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Skeleton } from "./kit";

export function lazy<P extends object>(fetch: () => Promise<ComponentType<P>>): ComponentType<P> {
  let found: ComponentType<P> | null = null;
  return function Lazily(props: P) {
    const [state, set] = useState<"wait" | "there" | "failed">(found ? "there" : "wait");
    useEffect(() => {
      if (!found) fetch().then((part) => { found = part; set("there"); }, () => set("failed"));
    }, []);
    if (state === "failed") return <div class="problem" role="alert"><h2>This part could not be fetched</h2><p>The coordinator may have been updated: reload the page.</p></div>;
    const Part = found;
    return Part ? <Part {...props} /> : <Skeleton />;
  };
}
