// Bundles the dashboard into the folder named on the command line: content-hashed files, each with
// its .gz and .br beside it, index.html and swagger.html that name them, and everybody's licence.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const target = process.argv[2] ?? "../src/tenure/static";
const assets = join(target, "assets");
rmSync(target, { recursive: true, force: true });
mkdirSync(assets, { recursive: true });

const shared = {
  bundle: true,
  minify: true,
  format: "esm",
  target: ["es2022"],
  outdir: assets,
  entryNames: "[name]-[hash]",
  chunkNames: "part-[hash]",
  assetNames: "[name]-[hash]",
  metafile: true,
  legalComments: "none",
  logLevel: "warning",
};

/** The one output file of an entry point, by the entry's path. */
function output(result, entry) {
  const found = Object.entries(result.metafile.outputs).find(([, made]) => made.entryPoint === entry);
  return { file: basename(found[0]), css: found[1].cssBundle && basename(found[1].cssBundle) };
}

const stream = await build({ ...shared, entryPoints: ["src/live/shared.ts"] });
const graph = await build({ ...shared, entryPoints: ["src/swagger.ts"] });
const app = await build({
  ...shared,
  entryPoints: ["src/main.tsx"],
  splitting: true,
  jsx: "automatic",
  jsxImportSource: "preact",
  alias: { react: "preact/compat", "react-dom": "preact/compat", "react/jsx-runtime": "preact/jsx-runtime" },
  define: { SHARED_STREAM: JSON.stringify(output(stream, "src/live/shared.ts").file) },
});

/** What a script needs at once, and what that needs: to be fetched together, not one after the other. */
function needed(result, file) {
  const found = new Set();
  const look = (path) => {
    for (const one of result.metafile.outputs[path].imports) {
      if (one.kind !== "import-statement" || found.has(one.path)) continue;
      found.add(one.path);
      look(one.path);
    }
  };
  look(Object.keys(result.metafile.outputs).find((path) => basename(path) === file));
  return [...found].map((path) => basename(path));
}

/** Copies a file under a name that holds its hash. */
function hashed(from, name) {
  const bytes = readFileSync(from);
  const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 8).toUpperCase();
  const named = name.replace(/(\.\w+)$/, `-${hash}$1`);
  writeFileSync(join(assets, named), bytes);
  return named;
}

/** Fills in {{name}}s; {{root}} stays for the coordinator, which knows how deep a page lies. */
function page(name, values) {
  let text = readFileSync(join("pages", name), "utf8");
  for (const [key, value] of Object.entries(values)) text = text.replaceAll(`{{${key}}}`, value);
  writeFileSync(join(target, name), text);
}

/** Swagger UI's style with its pictures as files: pages load no `data:` addresses. */
function withoutDataUrls(path) {
  const text = readFileSync(path, "utf8").replace(/url\("data:image\/svg\+xml;charset=utf-8,((?:[^"\\]|\\.)*)"\)/g, (_, svg) => {
    const bytes = Buffer.from(decodeURIComponent(svg.replaceAll('\\"', '"')));
    const name = `picture-${createHash("sha256").update(bytes).digest("hex").slice(0, 8).toUpperCase()}.svg`;
    writeFileSync(join(assets, name), bytes);
    return `url("${name}")`;
  });
  const made = join(assets, "swagger-ui.css");
  writeFileSync(made, text);
  const named = hashed(made, "swagger-ui.css");
  rmSync(made);
  return named;
}

const main = output(app, "src/main.tsx");
const icon = hashed("pages/icon.svg", "icon.svg");
const parts = needed(app, main.file).map((file) => `<link rel="modulepreload" href="{{root}}assets/${file}">`);
page("index.html", { parts: parts.join("\n"), script: main.file, style: main.css, icon });
page("swagger.html", {
  script: output(graph, "src/swagger.ts").file,
  bundle: hashed("node_modules/swagger-ui-dist/swagger-ui-bundle.js", "swagger-ui-bundle.js"),
  style: withoutDataUrls("node_modules/swagger-ui-dist/swagger-ui.css"),
  icon,
});

const lock = JSON.parse(readFileSync("package-lock.json", "utf8"));
const notices = [];
for (const [path, told] of Object.entries(lock.packages)) {
  if (!path || told.dev || told.optional || /esbuild|scarf/.test(path)) continue;
  const licence = readdirSync(path).find((name) => /^licen[cs]e/i.test(name));
  const text = licence ? readFileSync(join(path, licence), "utf8").trim() : told.license;
  notices.push(`${path.replace(/^.*node_modules\//, "")} ${told.version}\n\n${text}\n`);
}
writeFileSync(join(target, "licences.txt"), notices.join(`\n${"-".repeat(72)}\n\n`));

for (const name of readdirSync(assets)) {
  const bytes = readFileSync(join(assets, name));
  const quality = { [constants.BROTLI_PARAM_QUALITY]: bytes.length > 500_000 ? 9 : 11 };
  writeFileSync(join(assets, `${name}.gz`), gzipSync(bytes, { level: 9 }));
  writeFileSync(join(assets, `${name}.br`), brotliCompressSync(bytes, { params: quality }));
}
