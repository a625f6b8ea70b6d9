// What a stream and the tabs tell each other.

/** How the stream stands. `retryAt`: when it tries again, in milliseconds since 1970. */
export interface Standing { state: "live" | "connecting" | "reconnecting" | "polling"; since: number; retryAt?: number }

export type Told =
  | { kind: "standing"; standing: Standing }
  | { kind: "change"; topic: string }
  | { kind: "stats"; data: unknown }
  | { kind: "resync"; topics: string[] | null };

export interface Asked { topics?: string[]; token?: string | null; alive?: true; bye?: true }
