// Short news in a corner, read out politely.
import { signal } from "@preact/signals";
import { Problem } from "../api/client";
import { Icon } from "./kit";

interface Toast { id: number; text: string; bad: boolean }

const toasts = signal<Toast[]>([]);
const SECONDS = 6;

export function toast(text: string, bad = false): void {
  const id = Date.now() + Math.random();
  toasts.value = [...toasts.value.slice(-3), { id, text, bad }];
  setTimeout(() => drop(id), (bad ? 2 : 1) * SECONDS * 1000);
}

function drop(id: number): void {
  toasts.value = toasts.value.filter((one) => one.id !== id);
}

/** Does something and says how it went; whether it went well. */
export async function attempt(work: () => Promise<unknown>, done: string): Promise<boolean> {
  try {
    await work();
    toast(done);
    return true;
  } catch (error) {
    toast(error instanceof Problem ? [error.title, error.detail].filter(Boolean).join(": ") : String(error), true);
    return false;
  }
}

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map((one) => (
        <div key={one.id} class={`toast ${one.bad ? "bad" : ""}`}>
          <span>{one.text}</span>
          <button type="button" class="button plain small" aria-label="Dismiss" onClick={() => drop(one.id)}><Icon name="close" /></button>
        </div>
      ))}
    </div>
  );
}
