// What a form needs to know of JSON Schema.
export type Part = Record<string, unknown>;

/** A part with its reference resolved and the null of an optional taken off. */
export function resolve(part: Part, root: Part): Part {
  let found = part;
  for (let depth = 0; typeof found["$ref"] === "string" && depth < 8; depth += 1) {
    const path = (found["$ref"] as string).replace(/^#\//, "").split("/");
    found = (path.reduce<unknown>((at, name) => (at as Part)?.[name], root) as Part) ?? {};
  }
  const choices = (found["anyOf"] ?? found["oneOf"]) as Part[] | undefined;
  if (choices) {
    const real = choices.filter((one) => one["type"] !== "null");
    if (real.length === 1) return { ...found, anyOf: undefined, oneOf: undefined, ...resolve(real[0]!, root) };
  }
  return found;
}

export function kindOf(part: Part): string {
  if (Array.isArray(part["enum"])) return "enum";
  const type = part["type"];
  if (type === "object" && part["properties"]) return "object";
  if (type === "array" && part["items"]) return "array";
  if (type === "string") return part["format"] === "date-time" ? "date" : "string";
  return type === "integer" || type === "number" || type === "boolean" ? type : "json";
}

/** What a form begins with: defaults, and what must be there. */
export function initial(schema: Part, root: Part = schema): unknown {
  const part = resolve(schema, root);
  if ("default" in part) return part["default"];
  switch (kindOf(part)) {
    case "object": {
      const required = (part["required"] ?? []) as string[];
      const entries = Object.entries(part["properties"] as Record<string, Part>);
      return Object.fromEntries(entries.filter(([name, inner]) => required.includes(name) || "default" in inner).map(([name, inner]) => [name, initial(inner, root)]));
    }
    case "array": return [];
    case "enum": return (part["enum"] as unknown[])[0];
    case "string": return "";
    case "boolean": return false;
    case "integer": case "number": return (part["minimum"] as number) ?? 0;
    default: return part["type"] === "object" ? {} : null;
  }
}
