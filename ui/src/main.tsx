import "uplot/dist/uPlot.min.css";
import "./styles/base.css";
import "./styles/parts.css";
import { render } from "preact";
import { Link, Route, Router, Switch } from "wouter-preact";
import { BASE } from "./api/client";
import { findMe, mustSignIn } from "./api/session";
import { Frame } from "./frame/Frame";
import { applyTheme } from "./frame/theme";
import { connect } from "./live/live";
import { Empty, Title } from "./parts/kit";
import { lazy } from "./parts/lazy";
import Overview from "./screens/overview";
import Jobs from "./screens/jobs";

const JobScreen = lazy(() => import("./screens/job").then((m) => m.default));
const Workflows = lazy(() => import("./screens/workflows").then((m) => m.default));
const WorkflowScreen = lazy(() => import("./screens/workflow").then((m) => m.default));
const Schedules = lazy(() => import("./screens/schedules").then((m) => m.default));
const ScheduleScreen = lazy(() => import("./screens/schedule").then((m) => m.default));
const Queues = lazy(() => import("./screens/queues").then((m) => m.default));
const QueueScreen = lazy(() => import("./screens/queue").then((m) => m.default));
const Workers = lazy(() => import("./screens/workers").then((m) => m.default));
const WorkerScreen = lazy(() => import("./screens/worker").then((m) => m.default));
const Dead = lazy(() => import("./screens/dead").then((m) => m.default));
const Operations = lazy(() => import("./screens/operations").then((m) => m.default));
const Handlers = lazy(() => import("./screens/handlers").then((m) => m.default));
const Alerts = lazy(() => import("./screens/alerts").then((m) => m.default));
const Admin = lazy(() => import("./screens/admin").then((m) => m.default));
const SignIn = lazy(() => import("./screens/login").then((m) => m.default));

function App() {
  if (mustSignIn.value) return <SignIn />;
  return (
    <Router base={BASE}>
      <Frame>
        <Switch>
          <Route path="/"><Overview /></Route>
          <Route path="/jobs"><Jobs /></Route>
          <Route path="/jobs/:id">{({ id }) => <JobScreen key={id} id={id} />}</Route>
          <Route path="/workflows"><Workflows /></Route>
          <Route path="/workflows/:id">{({ id }) => <WorkflowScreen key={id} id={id} />}</Route>
          <Route path="/schedules"><Schedules /></Route>
          <Route path="/schedules/:id">{({ id }) => <ScheduleScreen key={id} id={id} />}</Route>
          <Route path="/queues"><Queues /></Route>
          <Route path="/queues/:name">{({ name }) => <QueueScreen key={name} name={decodeURIComponent(name)} />}</Route>
          <Route path="/workers"><Workers /></Route>
          <Route path="/workers/:id">{({ id }) => <WorkerScreen key={id} id={id} />}</Route>
          <Route path="/dead"><Dead /></Route>
          <Route path="/operations"><Operations /></Route>
          <Route path="/handlers"><Handlers /></Route>
          <Route path="/alerts"><Alerts /></Route>
          <Route path="/admin"><Admin /></Route>
          <Route path="/login"><Overview /></Route>
          <Route><Title name="There is no such page" /><Empty title="Nothing is here"><p><Link href="/">Go to the overview</Link></p></Empty></Route>
        </Switch>
      </Frame>
    </Router>
  );
}

applyTheme();
void findMe();
connect();
render(<App />, document.getElementById("app")!);
