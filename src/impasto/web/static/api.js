// The page for programs: the routes and requests of openapi.json as tables.

const $ = (id) => document.getElementById(id);

function element(name, content = "", ...children) {
  const made = document.createElement(name);
  made.textContent = content;
  made.append(...children);
  return made;
}

function table(head, rows) {
  const body = rows.map((row) => {
    const line = element("tr");
    line.append(...row.map((cell, place) => element("td", place ? cell : "", ...(place ? [] : [element("code", cell)]))));
    return line;
  });
  const first = element("tr");
  first.append(...head.map((cell) => element("th", cell)));
  return element("table", "", element("thead", "", first), element("tbody", "", ...body));
}

function values(schema) {
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.join(", ");
  if (schema.items) return `list of ${values(schema.items)}`;
  const range = schema.minimum === undefined ? "" : ` ${schema.minimum} … ${schema.maximum ?? ""}`;
  return `${schema.type ?? ""}${range}`;
}

const request = '{"version":1,"kind":"stylize","content":"upload:content","styles":[{"source":"starry-night"}]}';
$("example").textContent = [
  `curl -F 'request=${request}' -F content=@photo.jpg ${location.origin}/api/jobs`,
  `curl -N ${location.origin}/api/jobs/ID/events`,
  `curl -o painting.png ${location.origin}/api/jobs/ID/result`,
].join("\n");

const described = await (await fetch("/openapi.json")).json();
const routes = Object.entries(described.paths).flatMap(([path, methods]) => (
  Object.entries(methods).map(([method, route]) => [
    `${method.toUpperCase()} ${path}`, route.summary, Object.keys(route.responses).join(", "),
  ])));
$("routes").append(table(["route", "what it does", "answers"], routes));
for (const [name, schema] of Object.entries(described.components.schemas)) {
  if (!schema.properties) continue;
  const needed = schema.required ?? [];
  const rows = Object.entries(schema.properties).map(([entry, one]) => [
    `${entry}${needed.includes(entry) ? " *" : ""}`, values(one),
    one.default === undefined ? "" : JSON.stringify(one.default), one.description ?? "",
  ]);
  $("schemas").append(element("details", "", element("summary", name), table(["entry", "values", "default", "what it is"], rows)));
}
document.body.dataset.ready = "yes";
