// Keeps the page up to date from the server's stream of events, and says in words when it cannot.
"use strict";

const SILENCE_MS = 40000; // the server says something every 15 s
const AGAIN_MS = 2000;
const body = document.body;
const content = document.getElementById("content");
const statusText = document.getElementById("status-text");
const said = document.getElementById("said");
let source = null;
let heard = Date.now();
let lost = null;
let shown = body.dataset.id;

// Changes `old` into `fresh` by as little as there is to change, so that focus, selection, scrolling and opened
// details stay where they are.
function morph(old, fresh) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  if (old.isEqualNode(fresh)) return;
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !keeps(old, name)) old.removeAttribute(name);
  }
  for (const { name, value } of [...fresh.attributes]) {
    if (old.getAttribute(name) !== value && !keeps(old, name)) old.setAttribute(name, value);
  }
  morphChildren(old, fresh);
}

function keeps(element, attribute) {
  return element.nodeName === "DETAILS" && attribute === "open"; // the reader's choice
}

// What a part is known by from one state to the next: parts without a name are matched by their place.
function key(node) {
  if (node.nodeType !== Node.ELEMENT_NODE) return "";
  return node.id || node.getAttribute("aria-labelledby") || node.getAttribute("aria-label") || "";
}

function byKey(parent) {
  return new Map([...parent.children].filter(key).map((child) => [key(child), child]));
}

function morphChildren(old, fresh) {
  const there = byKey(old);
  const wanted = byKey(fresh);
  let here = old.firstChild;
  const dropUntil = (end, unlessWanted) => {
    while (here && here !== end && !(unlessWanted && wanted.has(key(here)))) {
      const next = here.nextSibling;
      here.remove();
      here = next;
    }
  };
  for (const child of [...fresh.childNodes]) {
    const name = key(child);
    const same = name ? there.get(name) : here && !key(here) && here.nodeName === child.nodeName ? here : null;
    if (!same || same.nodeName !== child.nodeName) {
      old.insertBefore(document.importNode(child, true), here);
      continue;
    }
    // what stands before it and is not wanted any more goes: to move what stays would take the focus from it
    dropUntil(same, true);
    if (here !== same) old.insertBefore(same, here);
    morph(same, child);
    here = same.nextSibling;
  }
  dropUntil(null, false);
}

function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function back(status) {
  heard = Date.now();
  body.classList.toggle("stale", status.behind);
  say(statusText, status.text);
  if (lost !== null) {
    lost = null;
    say(said, body.dataset.said || "");
  }
}

function away() {
  if (lost === null) {
    lost = new Date();
    say(said, "The connection to Epicenter was lost.");
  }
  body.classList.add("stale");
  const since = lost.toISOString().slice(11, 19);
  say(statusText, `No connection to Epicenter since ${since}Z. What stands here is of before; trying again.`);
}

function update(event) {
  const view = JSON.parse(event.data);
  shown = event.lastEventId;
  const parsed = new DOMParser().parseFromString(`<div>${view.content}</div>`, "text/html");
  const focused = document.activeElement;
  morphChildren(content, parsed.body.firstChild);
  if (focused && focused.isConnected && focused !== document.activeElement) focused.focus({ preventScroll: true });
  if (document.title !== view.title) document.title = view.title;
  body.dataset.said = view.said;
  back(view.status);
  say(said, view.said);
}

function connect() {
  if (source) source.close();
  heard = Date.now();
  const url = new URL(body.dataset.events, location.href);
  if (shown) url.searchParams.set("shown", shown); // a new stream, unlike one that resumes, sends no Last-Event-ID
  source = new EventSource(url);
  source.addEventListener("view", update);
  source.addEventListener("alive", (event) => back(JSON.parse(event.data)));
  source.addEventListener("error", () => {
    away();
    // the browser tries again by itself after a break, but not after an answer that is no stream
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, AGAIN_MS);
  });
}

if (body.dataset.events) {
  body.dataset.said = said.textContent;
  connect();
  setInterval(() => {
    if (Date.now() - heard > SILENCE_MS) {
      away();
      connect();
    }
  }, 5000);
}
