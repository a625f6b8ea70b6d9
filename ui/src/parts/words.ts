// Schedules in words.
import type { Schedule } from "../api/types";
import { span } from "./time";

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = ["", "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
const NAMES: Record<string, string> = { sun: "0", mon: "1", tue: "2", wed: "3", thu: "4", fri: "5", sat: "6" };
const ALIASES: Record<string, string> = {
  "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0",
  "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
};

function two(value: string): string {
  return value.padStart(2, "0");
}

function clock(minute: string, hour: string): string | null {
  if (/^\d+$/.test(minute) && /^\d+(,\d+)*$/.test(hour)) return `at ${hour.split(",").map((h) => `${two(h)}:${two(minute)}`).join(", ")}`;
  if (minute === "*" && hour === "*") return "every minute";
  const step = /^(?:\*|0)\/(\d+)$/;
  const minutes = step.exec(minute);
  if (minutes && hour === "*") return `every ${minutes[1]} minutes`;
  if (/^\d+$/.test(minute) && hour === "*") return minute === "0" ? "every hour" : `every hour at minute ${minute}`;
  const hours = step.exec(hour);
  if (/^\d+$/.test(minute) && hours) return `every ${hours[1]} hours${minute === "0" ? "" : ` at minute ${minute}`}`;
  const between = /^(\d+)-(\d+)$/.exec(hour);
  if (minutes && between) return `every ${minutes[1]} minutes from ${two(between[1]!)} to ${two(between[2]!)} o'clock`;
  if (/^\d+$/.test(minute) && between) return `every hour from ${two(between[1]!)}:${two(minute)} to ${two(between[2]!)}:${two(minute)}`;
  return null;
}

function days(of: string): string | null {
  const text = of.toLowerCase().replace(/[a-z]{3}/g, (name) => NAMES[name] ?? "?").replaceAll("7", "0");
  if (text === "*") return "";
  if (text === "1-5") return "every weekday";
  if (text === "0,6" || text === "6,0") return "every weekend day";
  const range = /^([0-6])-([0-6])$/.exec(text);
  if (range) return `${DAYS[Number(range[1])]} to ${DAYS[Number(range[2])]}`;
  if (/^[0-6](,[0-6])*$/.test(text)) return `every ${text.split(",").map((day) => DAYS[Number(day)]).join(", ")}`;
  return null;
}

/** A cron expression in words; null when they would not be simpler. */
export function cronWords(expression: string): string | null {
  const [minute, hour, day, month, weekday, ...more] = (ALIASES[expression.trim()] ?? expression).trim().split(/\s+/);
  if (!minute || !hour || !day || !month || !weekday || more.length) return null;
  const when = clock(minute, hour);
  const on = days(weekday);
  if (when === null || on === null) return null;
  const dated = day === "*" ? "" : /^\d+$/.test(day) ? `on day ${day}` : null;
  const within = month === "*" ? (dated ? "of each month" : "") : /^\d+$/.test(month) ? `${dated ? "of" : "in"} ${MONTHS[Number(month)]}` : null;
  if (dated === null || within === null || (dated && on)) return null;
  const daily = !on && !dated && when.startsWith("at ") ? "every day" : "";
  const text = [on || daily, dated, within, when].filter(Boolean).join(" ");
  return text[0]!.toUpperCase() + text.slice(1);
}

export function everyWords(schedule: Pick<Schedule, "cron" | "every_seconds" | "timezone">): string {
  if (schedule.every_seconds !== null) return `Every ${span(schedule.every_seconds)}`;
  const words = cronWords(schedule.cron ?? "") ?? schedule.cron ?? "";
  return schedule.timezone === "UTC" ? `${words} UTC` : `${words} ${schedule.timezone}`;
}
