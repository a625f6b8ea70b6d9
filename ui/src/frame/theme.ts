// Light, dark, or what the system says.
import { signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";
const KEY = "tenure.theme";

export const theme = signal<Theme>((localStorage.getItem(KEY) as Theme) ?? "system");

export function applyTheme(): void {
  if (theme.value === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme.value;
}

export function nextTheme(): void {
  theme.value = theme.value === "system" ? "light" : theme.value === "light" ? "dark" : "system";
  localStorage.setItem(KEY, theme.value);
  applyTheme();
}
