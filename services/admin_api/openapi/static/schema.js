// Builds parts of a page from JSON schemas. All texts become text nodes, so the document cannot
// inject markup.
"use strict";

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== undefined && child !== null));
  return made;
}

// Returns the text as nodes; `backticks` mark code.
function inline(text) {
  const parts = (text || "").split("`");
  return parts.map((part, index) => (index % 2 ? element("code", {}, part) : part));
}

function paragraphs(text) {
  return (text || "").trim().split(/\n\s*\n/).filter(Boolean)
    .map((part) => element("p", {}, ...inline(part.replace(/\s+/g, " "))));
}

function nameOf(reference) {
  return reference.split("/").pop();
}

// The named schemas of the document. docs.js fills it before it shows a schema.
const namedSchemas = {};

function isSetOfValues(schema) {
  return Boolean(schema.$ref && (namedSchemas[nameOf(schema.$ref)] || {}).enum);
}

// Returns the alternatives of a schema. Beside a named set of values, it leaves out "any other text".
function alternativesOf(schema) {
  const all = schema.allOf || schema.anyOf || schema.oneOf || [];
  return all.some(isSetOfValues) ? all.filter((one) => one.type !== "string") : all;
}

// Returns a short name for a type, with links to its schemas.
function typeOf(schema) {
  if (!schema) return ["anything"];
  if (schema.$ref) {
    const name = nameOf(schema.$ref);
    return [element("a", { href: `#schema-${name}` }, name)];
  }
  const alternatives = alternativesOf(schema);
  if (alternatives.length) {
    return alternatives.flatMap((one, index) => [index ? " or " : "", ...typeOf(one)]);
  }
  const types = [].concat(schema.type || "anything");
  if (types.includes("array")) return ["list of ", ...typeOf(schema.items)];
  const words = types.map((type) => (type === "null" ? "null" : schema.format || type));
  return [words.join(" or ")];
}

// Returns the limits of a value as sentences.
function limitsOf(schema) {
  const inner = schema.items && !schema.items.$ref ? schema.items : schema;
  const limits = [];
  const named = alternativesOf(inner).find(isSetOfValues);
  const values = inner.enum || (named && namedSchemas[nameOf(named.$ref)].enum);
  if (values) limits.push(`One of ${values.map((value) => `\`${value}\``).join(", ")}.`);
  if (inner.const !== undefined) limits.push(`Always \`${JSON.stringify(inner.const)}\`.`);
  if (inner.minimum !== undefined && inner.maximum !== undefined) {
    limits.push(`From ${inner.minimum} to ${inner.maximum}.`);
  } else if (inner.minimum !== undefined) {
    limits.push(`At least ${inner.minimum}.`);
  }
  if (schema.maxLength !== undefined) limits.push(`At most ${schema.maxLength} characters.`);
  const shown = schema.default;
  if (shown !== undefined && shown !== null && !(Array.isArray(shown) && !shown.length)) {
    limits.push(`Default: \`${JSON.stringify(shown)}\`.`);
  }
  return limits.join(" ");
}

function row(name, schema, { required, description, marksRequired }) {
  const first = element("td", {}, element("code", {}, name));
  if (required && marksRequired) first.append(element("span", { class: "required" }, "required"));
  const text = [description || schema.description, limitsOf(schema)].filter(Boolean).join(" ");
  return element("tr", {}, first, element("td", { class: "type" }, ...typeOf(schema)),
    element("td", {}, ...inline(text)));
}

function table(headings, rows) {
  const head = element("tr", {}, ...headings.map((text) => element("th", { scope: "col" }, text)));
  return element("div", { class: "scroll" },
    element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows)));
}

// Returns the contents of a schema: a table of an object's fields, the alternatives, or the values.
// Only tables of requests mark required fields, because responses always have all fields.
function fieldsOf(schema, marksRequired) {
  if (schema.enum) return element("p", {}, ...inline(limitsOf(schema)));
  if (schema.oneOf) {
    return element("div", {}, ...schema.oneOf.flatMap((one, index) => {
      const inner = namedSchemas[nameOf(one.$ref)];
      return [element("p", {}, index ? "or " : "Either ", ...typeOf(one), ": ", ...inline(inner.description)),
        fieldsOf(inner, marksRequired)];
    }));
  }
  const required = new Set(schema.required || []);
  const rows = Object.entries(schema.properties || {}).map(([name, field]) =>
    row(name, field, { required: required.has(name), marksRequired }));
  return table(["Field", "Type", "Meaning"], rows);
}
