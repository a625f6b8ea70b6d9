// The page at /swagger: the API's own document in Swagger UI, from this host alone.
interface Options { url: string; dom_id: string; deepLinking: boolean; validatorUrl: null; tryItOutEnabled: boolean; displayRequestDuration: boolean }
declare const SwaggerUIBundle: (options: Options) => unknown;

const root = document.documentElement.dataset["root"] ?? "";
SwaggerUIBundle({
  url: new URL(`${root}api/openapi.json`, location.href).href,
  dom_id: "#swagger",
  deepLinking: true,
  validatorUrl: null,
  tryItOutEnabled: true,
  displayRequestDuration: true,
});
