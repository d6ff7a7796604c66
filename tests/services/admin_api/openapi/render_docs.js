// Runs the page's scripts against the smallest document that they need, and prints the result.
"use strict";
const fs = require("node:fs");
const vm = require("node:vm");
const [, , folder, documentFile] = process.argv;

class Node {
  constructor(tag) { this.tag = tag; this.attributes = {}; this.children = []; this.listeners = {}; }
  get tagName() { return this.tag.toUpperCase(); }
  setAttribute(name, value) { this.attributes[name] = String(value); if (name === "id") byId[value] = this; }
  set id(value) { this.setAttribute("id", value); }
  get id() { return this.attributes.id; }
  removeAttribute(name) { delete this.attributes[name]; }
  append(...children) {
    for (const child of children) {
      if (typeof child !== "string" && !(child instanceof Node)) throw new Error(`appended ${child}`);
      this.children.push(child);
    }
  }
  replaceChildren(...children) { this.children = []; this.append(...children); }
  set textContent(text) { this.children = [String(text)]; }
  get textContent() {
    return this.children.map((one) => (one instanceof Node ? one.textContent : one)).join("");
  }
  addEventListener(name, listener) { this.listeners[name] = listener; }
  scrollIntoView() { scrolledTo = this.id; }
  dump() {
    const id = this.id ? ` #${this.id}` : "";
    return `<${this.tag}${id}>${this.children.map((one) => (one instanceof Node ? one.dump() : one)).join("")}`;
  }
}

let scrolledTo;
const byId = {};
for (const id of ["contents", "version", "description", "menu", "access", "token", "operations"]) {
  new Node("div").setAttribute("id", id);
}
const context = vm.createContext({
  console, URLSearchParams, setTimeout,
  document: { createElement: (tag) => new Node(tag), getElementById: (id) => byId[id] || null },
  window: { addEventListener() {}, matchMedia: () => ({ matches: true, addEventListener() {} }) },
  navigator: {},
  location: { origin: "http://127.0.0.1:9999", hash: "#duplicate_name" },
  fetch: async () => ({ ok: true, text: async () => fs.readFileSync(documentFile, "utf8") }),
});
for (const file of ["exact_json.js", "schema.js", "docs.js"]) {
  vm.runInContext(fs.readFileSync(`${folder}/${file}`, "utf8"), context, { filename: file });
}
setTimeout(() => {
  const shown = byId.operations.dump();
  if (shown.includes("could not be read")) { console.error(shown); process.exit(1); }
  if (scrolledTo !== "duplicate_name") { console.error(`scrolled to ${scrolledTo}`); process.exit(1); }
  console.log(byId.contents.dump(), byId.description.dump(), shown);
}, 50);
