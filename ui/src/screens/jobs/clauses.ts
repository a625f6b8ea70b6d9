// A filter taken apart into its clauses, as the coordinator's grammar does.

const CLAUSE = /(?:not\s+)?(?:[^\s"]|"(?:[^"\\]|\\.)*"?)+/g;

/** Each clause as it stands, `not` and quoted values included. */
export function clausesOf(q: string): string[] {
  return q.match(CLAUSE) ?? [];
}

export function without(clauses: string[], at: number): string {
  return clauses.filter((_, n) => n !== at).join(" ");
}
