// Users, tokens, and the record of who did what.
import { me } from "../../api/session";
import { useParameter } from "../../parts/address";
import { Empty, Panel, type Source, Tabs, Title } from "../../parts/kit";
import { Audit } from "./audit";
import { Health } from "./health";
import { Tokens } from "./tokens";
import { Users } from "./users";

const SOURCES: Record<string, Source> = {
  users: { path: "api/users", cli: "users ls" },
  tokens: { path: "api/tokens", cli: "tokens ls" },
  audit: { path: "api/audit", cli: "audit" },
  health: { path: "health/ready" },
};

export default function Admin() {
  const [tab, setTab] = useParameter("tab", "users");
  const who = me.value;
  const admin = who?.permissions.includes("administer") ?? false;
  const shown = admin || tab === "health" ? tab : "tokens";
  return (
    <>
      <Title name="Admin" source={SOURCES[shown] ?? SOURCES["users"]!} />
      {who?.kind === "local" && <div class="banner">Nobody signs in here: whoever reaches this address is its administrator. Start the coordinator with <code>TENURE_AUTH=required</code> to change that.</div>}
      <section class="card">
        <Tabs label="Administration" tabs={[...(admin ? [{ id: "users", name: "Users" }] : []), { id: "tokens", name: "Tokens" }, ...(admin ? [{ id: "audit", name: "Audit" }] : []), { id: "health", name: "Health" }]} chosen={shown} choose={setTab} />
        <Panel tab={shown}>{!who ? <Empty title="Who are you?" /> : shown === "health" ? <Health /> : shown === "tokens" ? <Tokens /> : shown === "audit" ? <Audit /> : <Users />}</Panel>
      </section>
    </>
  );
}
