// A real table of which only the rows in sight exist. Rows have one height.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

const ROOMY = 34;
const BEYOND = 12;

interface Props<T> {
  items: T[];
  columns: number;
  head: ComponentChildren;
  row: (item: T, index: number) => ComponentChildren;
  label: string;
  total?: number | null;
  /** Called when the end comes into sight. */
  atEnd?: () => void;
  /** The row to keep in sight. */
  at?: number;
  /** The height of a row, and the least width of the table, in pixels. */
  height?: number;
  least?: number;
}

export function VirtualTable<T>({ items, columns, head, row, label, total, atEnd, at, height = ROOMY, least }: Props<T>) {
  const box = useRef<HTMLDivElement>(null);
  const [window_, setWindow] = useState({ top: 0, height: 700 });
  const look = () => box.current && setWindow({ top: box.current.scrollTop, height: box.current.clientHeight });
  useEffect(() => {
    look();
    const observer = new ResizeObserver(look);
    if (box.current) observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  const first = Math.max(0, Math.floor(window_.top / height) - BEYOND);
  const last = Math.min(items.length, Math.ceil((window_.top + window_.height) / height) + BEYOND);
  useEffect(() => {
    if (last >= items.length) atEnd?.();
  }, [last, items.length]);
  useEffect(() => {
    const there = box.current;
    if (at === undefined || at < 0 || !there) return;
    const top = at * height;
    if (top < there.scrollTop) there.scrollTop = top;
    else if (top + 3 * height > there.scrollTop + there.clientHeight) there.scrollTop = top + 3 * height - there.clientHeight;
  }, [at, height]);
  return (
    <div class="list" ref={box} onScroll={look} tabIndex={0} role="region" aria-label={label}>
      <table class="fixed" style={{ "--row": `${height}px`, ...(least ? { minWidth: `${least}px` } : {}) }} aria-rowcount={(total ?? items.length) + 1}>
        {head}
        <tbody>
          {first > 0 && <tr class="space" aria-hidden="true"><td colSpan={columns} style={{ height: `${first * height}px` }} /></tr>}
          {items.slice(first, last).map((item, n) => row(item, first + n))}
          {last < items.length && <tr class="space" aria-hidden="true"><td colSpan={columns} style={{ height: `${(items.length - last) * height}px` }} /></tr>}
        </tbody>
      </table>
    </div>
  );
}
