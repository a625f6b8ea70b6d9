import "./styles/base.css";
import { render } from "preact";
render(<main>Tenure</main>, document.getElementById("app")!);
