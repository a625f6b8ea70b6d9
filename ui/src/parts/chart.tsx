// Lines and stacked areas over time, drawn by uPlot, which is fetched with the first chart.
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { theme } from "../frame/theme";
import type { Window } from "./window";

export interface Line { name: string; tone: string; values: (number | null)[] }
export interface ChartProps { times: number[]; lines: Line[]; stacked?: boolean; unit?: (value: number) => string; label: string; height?: number; window?: Window | null; brush?: (window: Window) => void }

function colour(tone: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${tone}`).trim();
}

/** A colour that `light-dark()` names, as the canvas needs it. */
function resolved(tone: string): string {
  const probe = document.createElement("i");
  probe.style.color = colour(tone);
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

function stack(lines: Line[]): (number | null)[][] {
  const sums = new Array<number>(lines[0]?.values.length ?? 0).fill(0);
  return lines.map((line) => line.values.map((value, at) => (sums[at] = (sums[at] ?? 0) + (value ?? 0))));
}

export default function Chart({ times, lines, stacked = false, unit = (value) => String(value), label, height = 190, window: chosen = null, brush }: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const values = stacked ? stack(lines) : lines.map((line) => line.values);
  const data = [times, ...(stacked ? [...values].reverse() : values)] as uPlot.AlignedData;
  const plot = useRef<uPlot | null>(null);
  const scheme = theme.value;
  const hand = useRef({ brush, chosen });
  hand.current = { brush, chosen };
  useEffect(() => {
    const there = box.current;
    if (!there) return undefined;
    const muted = resolved("muted");
    const shade = resolved("selected");
    const grid = { stroke: resolved("line"), width: 1 };
    const axis = { stroke: muted, grid, ticks: { show: false }, font: "11px system-ui, sans-serif" };
    const shown = stacked ? [...lines].reverse() : lines;
    const drawn = new uPlot({
      width: there.clientWidth, height,
      padding: [10, 10, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { size: 6 }, drag: { x: brush !== undefined, y: false, setScale: false } },
      hooks: { setSelect: [(u) => brushed(u, hand.current.brush)], drawClear: [(u) => mark(u, hand.current.chosen, shade)] },
      axes: [{ ...axis, grid: { show: false }, size: 26, gap: 6, values: (_, all) => all.map((at) => new Date(at * 1000).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" })) }, { ...axis, size: 52, values: (_, all) => all.map(unit) }],
      scales: { y: { range: (_, __, most) => [0, Math.max(most * 1.08, 1e-3)] } },
      series: [{}, ...shown.map((line) => {
        const stroke = resolved(line.tone);
        return { label: line.name, stroke, width: 1.6, points: { show: line.values.filter((value) => value !== null).length < 40 && !stacked, size: 5, fill: stroke }, spanGaps: true, ...(stacked ? { fill: stroke.replace("rgb(", "rgba(").replace(")", ", 0.22)") } : {}) };
      })],
    }, data, there);
    plot.current = drawn;
    const observer = new ResizeObserver(() => drawn.setSize({ width: there.clientWidth, height }));
    observer.observe(there);
    return () => {
      observer.disconnect();
      drawn.destroy();
      plot.current = null;
    };
  }, [scheme, lines.map((line) => line.name).join(), stacked, height]);
  useEffect(() => plot.current?.setData(data), [data]);
  useEffect(() => plot.current?.redraw(false), [chosen?.from, chosen?.to]);
  return (
    <figure role="img" aria-label={`${label}. ${lines.map((line) => `${line.name}: latest ${latest(line, unit)}`).join(", ")}`}>
      <div class="chart" ref={box} />
      <figcaption class="legend" aria-hidden="true">{lines.map((line) => <span><i class={`tone-${line.tone}`} />{line.name} {latest(line, unit)}</span>)}</figcaption>
    </figure>
  );
}

/** What was drawn over becomes a window, and the drawing goes. */
function brushed(u: uPlot, brush: ChartProps["brush"]): void {
  const { left, width } = u.select;
  if (width < 3) return;
  u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  brush?.({ from: u.posToVal(left, "x"), to: u.posToVal(left + width, "x") });
}

function mark(u: uPlot, chosen: Window | null, shade: string): void {
  if (!chosen) return;
  const { left, top, width, height } = u.bbox;
  const inside = (at: number) => Math.min(left + width, Math.max(left, u.valToPos(at, "x", true)));
  u.ctx.fillStyle = shade;
  u.ctx.fillRect(inside(chosen.from), top, inside(chosen.to) - inside(chosen.from), height);
}

function latest(line: Line, unit: (value: number) => string): string {
  const value = line.values.findLast((one) => one !== null);
  return value === null || value === undefined ? "none" : unit(value);
}
