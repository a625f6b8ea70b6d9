// Who is told of what: rules, the channels they speak over, and what was sent.
import { me, refusal } from "../../api/session";
import type { Channel, Page } from "../../api/types";
import { useLoad } from "../../data/load";
import { query, useParameter } from "../../parts/address";
import { Empty, Panel, type Source, Tabs, Title } from "../../parts/kit";
import { quoted } from "../../parts/shell";
import { Channels } from "./channels";
import { Deliveries } from "./deliveries";
import { Rules } from "./rules";

const LISTED = 500;

export default function Alerts() {
  const [tab, setTab] = useParameter("tab", "rules");
  const [status] = useParameter("status");
  const [channel] = useParameter("channel");
  const why = refusal("administer");
  const channels = useLoad<Page<Channel>>(me.value && !why ? `api/notifications/channels?limit=${LISTED}` : null, [], 3_000);
  const sources: Record<string, Source> = {
    rules: { path: "api/notifications/rules", cli: "notify rules" },
    channels: { path: "api/notifications/channels", cli: "notify channels" },
    deliveries: {
      path: `api/notifications/deliveries${query({ status, channel })}`,
      cli: ["notify deliveries", status && `--status ${status}`, channel && `--channel ${quoted(channel)}`].filter(Boolean).join(" "),
    },
  };
  const source = sources[tab] ?? sources["rules"]!;
  return (
    <>
      <Title name="Alerts" source={source} />
      <section class="card">
        <Tabs label="Notifications" tabs={[{ id: "rules", name: "Rules" }, { id: "channels", name: "Channels" }, { id: "deliveries", name: "Deliveries" }]} chosen={tab} choose={setTab} />
        <Panel tab={tab}>
          {tab === "rules" ? <Rules channels={channels.data?.items ?? []} known={channels.data !== undefined} /> : why ? <Closed why={why} /> : tab === "channels" ? <Channels load={channels} /> : <Deliveries channels={channels.data?.items ?? []} />}
        </Panel>
      </section>
    </>
  );
}

function Closed({ why }: { why: string }) {
  return <Empty title="For administrators"><p>{why}. Channels hold addresses and secrets, and what was sent over them may too.</p></Empty>;
}
