// The address bar is the state: parameters of the query as values of a component.
import { useCallback } from "preact/hooks";
import { useLocation, useSearch } from "wouter-preact";

export function useParameter(name: string, fallback = ""): [string, (value: string) => void] {
  const search = useSearch();
  const [path, go] = useLocation();
  const value = new URLSearchParams(search).get(name) ?? fallback;
  const set = useCallback((next: string) => {
    const all = new URLSearchParams(location.search);
    if (next === fallback) all.delete(name);
    else all.set(name, next);
    const text = all.toString().replaceAll("%3A", ":").replaceAll("%2C", ",");
    go(text ? `${path}?${text}` : path, { replace: true });
  }, [path, go, name, fallback]);
  return [value, set];
}

/** A query string; parameters without a value are left out. */
export function query(values: Record<string, string | number | null | undefined>): string {
  const all = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value !== null && value !== undefined && value !== "") all.set(name, String(value));
  const text = all.toString();
  return text ? `?${text}` : "";
}
