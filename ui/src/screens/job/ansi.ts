// Terminal colours as our tones; every other escape sequence is left out.
const TONES: Record<number, string> = { 31: "tone-bad", 91: "tone-bad", 32: "tone-good", 92: "tone-good", 33: "tone-warn", 93: "tone-warn", 34: "tone-busy", 94: "tone-busy", 35: "tone-wait", 95: "tone-wait", 36: "tone-busy", 96: "tone-busy", 90: "quiet" };

export function tones(text: string): { text: string; tone: string }[] {
  const parts: { text: string; tone: string }[] = [];
  let tone = "";
  let from = 0;
  for (const found of text.matchAll(/\x1b\[([0-9;]*)([A-Za-z])/g)) {
    if (found.index > from) parts.push({ text: text.slice(from, found.index), tone });
    from = found.index + found[0].length;
    if (found[2] !== "m") continue;
    for (const code of (found[1] || "0").split(";").map(Number)) tone = code === 0 || code === 39 ? "" : (TONES[code] ?? tone);
  }
  if (from < text.length || !parts.length) parts.push({ text: text.slice(from), tone });
  return parts;
}
