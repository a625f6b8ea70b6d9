import "./styles/base.css";
import { render } from "preact";

function App() {
  return (
    <main>
      <h1>Tenure</h1>
      <p><a href="swagger">The API, to read and to try</a></p>
    </main>
  );
}

render(<App />, document.getElementById("app")!);
