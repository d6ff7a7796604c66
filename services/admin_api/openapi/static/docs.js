// The page at /docs: shows the OpenAPI document, and lets the reader send requests.
"use strict";

const METHODS = ["get", "post", "put", "patch", "delete"];
const NARROW = "(max-width: 52rem)"; // the same width as in docs.css
const SERVER_IN_SAMPLES = "http://127.0.0.1:8000";

function slug(method, path) {
  return `${method}${path.replace(/[^A-Za-z0-9]+/g, "-")}`.replace(/-+$/, "");
}

// Returns the value, or the value that its $ref leads to in the document.
function resolved(document_, value) {
  let here = value;
  while (here && here.$ref) {
    here = here.$ref.slice(2).split("/").reduce((inner, step) => inner[step], document_);
  }
  return here;
}

function operationsOf(document_) {
  return Object.entries(document_.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => {
      const operation = item[method];
      const parameters = [...(item.parameters || []), ...(operation.parameters || [])]
        .map((one) => resolved(document_, one));
      return { path, method, operation, parameters, tag: operation.tags[0], id: slug(method, path) };
    }));
}

function sample(operation) {
  const source = operation["x-codeSamples"][0].source.replace(SERVER_IN_SAMPLES, location.origin);
  const copy = element("button", { type: "button" }, "Copy");
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(source);
      copy.textContent = "Copied";
    } catch {
      copy.textContent = "Copy failed: select the text";
    }
    setTimeout(() => { copy.textContent = "Copy"; }, 2000);
  });
  return element("div", { class: "sample" }, element("pre", { tabindex: "0" }, source), copy);
}

function bodyOf(document_, operation) {
  const content = operation.requestBody && operation.requestBody.content["application/json"];
  if (!content) return null;
  const example = Object.values(content.examples || {})[0];
  return {
    reference: content.schema,
    schema: resolved(document_, content.schema),
    example: example && JSON.stringify(example.value, null, 2),
  };
}

function answersOf(document_, operation) {
  const rows = Object.entries(operation.responses).filter(([status]) => status !== "default")
    .map(([status, reference]) => {
      const answer = resolved(document_, reference);
      const content = Object.values(answer.content || {})[0];
      const headers = Object.keys(answer.headers || {}).map((name) => ` Header \`${name}\`.`).join("");
      return element("tr", {}, element("td", {}, element("code", {}, status)),
        element("td", { class: "type" }, ...(content ? typeOf(content.schema) : [""])),
        element("td", {}, ...inline(answer.description + headers)));
    });
  return table(["Status", "Body", "Meaning"], rows);
}

// Returns a form that sends a request: inputs for the parameters and the body, a button, a response.
function trial(entry, body) {
  const field = (label, control, id) => {
    control.id = id;
    return element("div", {}, element("label", { for: id }, label), control);
  };
  const inputs = entry.parameters.map((parameter) => {
    const required = parameter.required ? { required: "", pattern: ".*\\S.*" } : {};
    const control = element("input", { spellcheck: "false", autocomplete: "off", ...required });
    return { parameter, control };
  });
  const text = body && element("textarea", { spellcheck: "false" });
  if (text) text.value = body.example || "{}";
  const reply = element("pre", { class: "reply", "aria-live": "polite", tabindex: "0", hidden: "" });
  const form = element("form", { class: "try" },
    ...inputs.map(({ parameter, control }) =>
      field(parameter.name, control, `${entry.id}-${parameter.name}`)),
    text && field("Body", text, `${entry.id}-body`),
    element("div", {}, element("button", { type: "submit" }, "Send")), reply);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    reply.hidden = false;
    reply.textContent = "…";
    try {
      reply.textContent = await send(entry, inputs, text && text.value);
    } catch (error) {
      reply.textContent = `No response: ${error.message}`;
    }
  });
  return form;
}

async function send(entry, inputs, body) {
  let path = entry.path;
  const query = new URLSearchParams();
  const headers = {};
  for (const { parameter, control } of inputs) {
    const value = control.value.trim();
    if (parameter.in === "path") path = path.replace(`{${parameter.name}}`, encodeURIComponent(value));
    else if (value && parameter.in === "header") headers[parameter.name] = value;
    else if (value) query.append(parameter.name, value);
  }
  const token = document.getElementById("token").value.trim();
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body) headers["Content-Type"] = "application/json";
  const address = query.size ? `${path}?${query}` : path;
  const answer = await fetch(address, { method: entry.method.toUpperCase(), headers, body });
  const text = await answer.text();
  let shown = text;
  try {
    shown = indented(text);
  } catch { /* The response is not JSON, so the page shows it unchanged. */ }
  return `${answer.status} ${answer.statusText}\n\n${shown}`;
}

function operationSection(document_, entry) {
  const { path, method, operation, parameters, id } = entry;
  const body = bodyOf(document_, operation);
  const inside = element("div", { class: "inside" }, ...paragraphs(operation.description));
  if (operation.security && !operation.security.length) {
    inside.append(element("p", { class: "quiet" }, "Needs no token."));
  }
  if (parameters.length) {
    inside.append(element("h4", {}, "Parameters"), table(["Parameter", "Type", "Meaning"],
      parameters.map((one) => row(one.name, one.schema,
        { required: one.required, description: one.description, marksRequired: true }))));
  }
  if (body) inside.append(element("h4", {}, "Body"), fieldsOf(body.schema, true));
  inside.append(element("h4", {}, "Responses"), answersOf(document_, operation),
    element("h4", {}, "Example command"), sample(operation),
    element("h4", {}, "Try it"), trial(entry, body));
  return element("details", { class: "operation", id },
    element("summary", {}, element("span", { class: `method ${method}` }, method),
      element("code", {}, path), element("span", { class: "summary" }, operation.summary || "")),
    inside);
}

function problemsSection(problems) {
  const rows = problems.map((one) => element("tr", { id: one.code },
    element("td", {}, element("code", {}, one.code)), element("td", {}, String(one.status)),
    element("td", {}, one.title)));
  return [element("h2", { id: "problems" }, "Problems"),
    element("p", {}, "The values of ", element("code", {}, "code"), " in errors."),
    table(["Code", "Status", "Meaning"], rows)];
}

function schemasSection(schemas) {
  const shown = Object.entries(schemas).map(([name, schema]) => element("section",
    { class: "schema", id: `schema-${name}` }, element("h3", {}, name),
    ...paragraphs(schema.description), schema.oneOf ? element("p", {}, "Either ", ...typeOf(schema), ".")
      : fieldsOf(schema, false)));
  return [element("h2", { id: "schemas" }, "Schemas"), ...shown];
}

function contents(groups) {
  const link = (href, text) => element("li", {}, element("a", { href }, text));
  const parts = groups.flatMap(([tag, entries]) => [element("h2", {}, tag),
    element("ul", {}, ...entries.map((one) => link(`#${one.id}`, one.operation.summary || one.path)))]);
  return [...parts, element("h2", {}, "Reference"),
    element("ul", {}, link("#problems", "Problems"), link("#schemas", "Schemas"),
      link("/docs/openapi.json", "OpenAPI document"))];
}

// Opens the operation that the address names, and scrolls to the operation.
function showTarget() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  if (target.tagName === "DETAILS") target.open = true;
  target.scrollIntoView();
}

function show(document_) {
  Object.assign(namedSchemas, document_.components.schemas);
  const operations = operationsOf(document_);
  const groups = document_.tags.map((tag) =>
    [tag.name, operations.filter((one) => one.tag === tag.name), tag.description]);
  document.getElementById("version").textContent = document_.info.version;
  document.getElementById("description").append(...paragraphs(document_.info.description));
  document.getElementById("contents").append(...contents(groups));
  const place = document.getElementById("operations");
  for (const [tag, entries, description] of groups) {
    place.append(element("h2", { id: tag }, tag[0].toUpperCase() + tag.slice(1)),
      ...paragraphs(description), ...entries.map((one) => operationSection(document_, one)));
  }
  place.append(...problemsSection(document_["x-problems"]),
    ...schemasSection(document_.components.schemas));
  place.removeAttribute("aria-busy");
  showTarget();
}

// On a narrow screen the menu is closed until the reader opens it, and closes after a choice.
function layOutMenu() {
  const menu = document.getElementById("menu");
  const narrow = window.matchMedia(NARROW);
  const fit = () => { menu.open = !narrow.matches; };
  narrow.addEventListener("change", fit);
  menu.addEventListener("click", (event) => {
    if (narrow.matches && event.target.tagName === "A") menu.open = false;
  });
  fit();
}

layOutMenu();
document.getElementById("access").addEventListener("submit", (event) => event.preventDefault());
window.addEventListener("hashchange", showTarget);
fetch("/docs/openapi.json")
  .then((answer) => (answer.ok ? answer.text() : Promise.reject(new Error(`status ${answer.status}`))))
  .then((text) => show(parsedExactly(text)))
  .catch((error) => {
    document.getElementById("operations").replaceChildren(
      element("p", { class: "failure" }, `The OpenAPI document could not be loaded: ${error.message}`));
  });
