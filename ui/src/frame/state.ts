// What the frame shows over a screen.
import { signal } from "@preact/signals";

/** What a new job begins with; null while the drawer is closed. */
export interface Draft { type?: string; queue?: string; payload?: unknown; priority?: number; tags?: string[]; name?: string | null }
export const submitting = signal<Draft | null>(null);
