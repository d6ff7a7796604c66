// Measures the page at /docs in frames of two widths, and writes the result into this document.
"use strict";

const EXCESS = 1; // pixels; rounding of the layout

function measured(frame) {
  const inner = frame.contentDocument;
  const view = frame.contentWindow;
  inner.querySelectorAll("details.operation").forEach((one) => { one.open = true; });
  const cut = [...inner.querySelectorAll("main *")]
    .filter((one) => one.getClientRects().length)
    .filter((one) => one.getBoundingClientRect().right > view.innerWidth + EXCESS);
  const menu = inner.querySelector("#contents a");
  return {
    width: view.innerWidth,
    scrollWidth: inner.documentElement.scrollWidth,
    titleTop: inner.querySelector("h1").getBoundingClientRect().top,
    isMenuShown: menu.checkVisibility(),
    cut: cut.slice(0, 5).map((one) => `${one.tagName} ${one.textContent.slice(0, 40)}`),
    text: inner.querySelector("main").textContent,
    loaded: view.performance.getEntriesByType("resource").map((one) => one.name),
  };
}

function isReady(frame) {
  const inner = frame.contentDocument;
  const operations = inner && inner.getElementById("operations");
  return operations && !operations.hasAttribute("aria-busy");
}

function report() {
  const frames = [...document.querySelectorAll("iframe")];
  if (!frames.every(isReady)) { setTimeout(report, 20); return; }
  const result = document.createElement("script");
  result.type = "application/json";
  result.id = "result";
  result.textContent = btoa(unescape(encodeURIComponent(JSON.stringify(frames.map(measured)))));
  document.body.append(result);
}

report();
