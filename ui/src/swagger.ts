// The page at /swagger: the API's own document in Swagger UI, from this host alone.
interface Options { spec: unknown; dom_id: string; deepLinking: boolean; validatorUrl: null; tryItOutEnabled: boolean; displayRequestDuration: boolean }
declare const SwaggerUIBundle: (options: Options) => unknown;

const root = new URL(document.documentElement.dataset["root"] ?? "./", location.href).href;
const answer = await fetch(new URL("api/openapi.json", root));
const document_ = (await answer.json()) as Record<string, unknown>;
SwaggerUIBundle({
  spec: { ...document_, servers: [{ url: root.replace(/\/$/, "") }] },
  dom_id: "#swagger",
  deepLinking: true,
  validatorUrl: null,
  tryItOutEnabled: true,
  displayRequestDuration: true,
});

export {};
