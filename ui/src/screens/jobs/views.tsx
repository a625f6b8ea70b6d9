// Filters under names of one's own, in this browser. The address says the same to others.
import { signal } from "@preact/signals";
import { useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { keep, kept } from "../../data/kept";
import { query } from "../../parts/address";
import { Button, Icon } from "../../parts/kit";
import { Menu } from "../../parts/menu";

interface View { name: string; q: string }
const KEY = "tenure.jobs.views";
const MOST = 50;

const views = signal<View[]>(read());

function read(): View[] {
  const found = kept<unknown>(KEY, []);
  return Array.isArray(found) ? found.filter((one): one is View => typeof one?.name === "string" && typeof one?.q === "string") : [];
}

addEventListener("storage", (event) => {
  if (event.key === KEY) views.value = read();
});

function change(next: View[]): void {
  views.value = next;
  keep(KEY, next);
}

function save(view: View): void {
  const others = read().filter((one) => one.name !== view.name);
  change([...others, view].sort((a, b) => a.name.localeCompare(b.name)).slice(0, MOST));
}

export function ViewsMenu({ q }: { q: string }) {
  const [name, setName] = useState("");
  const here = views.value.find((one) => one.q === q);
  const add = () => {
    if (!name.trim() || !q) return;
    save({ name: name.trim(), q });
    setName("");
  };
  return (
    <Menu name={here?.name ?? "Views"} label="Saved views">
      {(close) => (
        <>
          {views.value.length === 0 && <p class="quiet">Filters that you save are kept here, in this browser.</p>}
          {views.value.map((one) => (
            <div key={one.name} class="spread">
              <Link class="grow cut" href={`/jobs${query({ q: one.q })}`} title={one.q} aria-current={one.q === q ? "true" : undefined} onClick={close}>{one.name}</Link>
              <Button kind="plain small" aria-label={`Forget ${one.name}`} onClick={() => change(read().filter((other) => other.name !== one.name))}><Icon name="close" /></Button>
            </div>
          ))}
          <form class="row" onSubmit={(event) => { event.preventDefault(); add(); }}>
            <input type="text" class="grow" aria-label="Name of this view" placeholder="Name" maxLength={60} value={name} onInput={(event) => setName(event.currentTarget.value)} />
            <Button kind="small" refused={q ? (name.trim() ? null : "It needs a name") : "There is no filter to save"} onClick={add}>Save this filter</Button>
          </form>
        </>
      )}
    </Menu>
  );
}
