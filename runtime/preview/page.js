// Page: shows what the server tells, and says so at once when it tells nothing.

import { draw, WINDOW_S } from "/chart.js";
import { messages, pause, Refused, showPictures } from "/stream.js";
import { duration, percent, readable, sentence } from "/words.js";

const STALE_S = 2; // frames further apart have nothing to do with each other
const SILENT_MS = 3500; // the server speaks every second
const SPOKEN_EVERY_MS = 2000; // a screen reader is not interrupted more often
const ENTRIES_KEPT = 50;
const STAGES = [
  { name: "preprocess", column: 3, colour: "--preprocess" },
  { name: "invoke", column: 4, colour: "--invoke" },
  { name: "decide", column: 5, colour: "--decide" },
];
const AGES = [
  { name: "frame age", column: 6, colour: "--age" },
  { name: "wait for a frame", column: 2, colour: "--wait" },
];
const $ = (id) => document.getElementById(id);

let now = {}, heardAt = 0, points = [], connection = "connecting", refusal = "", lastFault = null;
let spoken = "", spokenAt = 0;

// What comes in

async function connect() {
  for (;;) {
    await whenVisible();
    const leaving = new AbortController();
    const leave = () => document.hidden && leaving.abort();
    const watch = setInterval(() => performance.now() - heardAt > SILENT_MS && leaving.abort(), 500);
    document.addEventListener("visibilitychange", leave);
    heardAt = performance.now();
    try {
      await listen(leaving.signal);
    } catch (error) {
      refuse(error);
    }
    leaving.abort();
    clearInterval(watch);
    document.removeEventListener("visibilitychange", leave);
    if (connection === "open") connection = document.hidden ? "paused" : "lost";
    show();
    await pause(1000);
  }
}

async function listen(signal) {
  let first = true;
  for await (const [shared, own] of messages(signal)) {
    heardAt = performance.now();
    if (first) begin(signal);
    first = false;
    now = shared;
    take(own);
    connection = now.ended ? "ended" : "open";
    show();
  }
}

function begin(signal) {
  points = [];
  lastFault = null;
  $("entries").replaceChildren();
  showPictures(signal, showPicture);
}

function refuse(error) {
  if (!(error instanceof Refused)) {
    if (connection === "refused") connection = "lost"; // who refused is gone
    return;
  }
  if (error.status === 401) location.reload();
  connection = "refused";
  refusal = error.message;
}

function whenVisible() {
  if (!document.hidden) return Promise.resolve();
  return new Promise((done) => document.addEventListener("visibilitychange", done, { once: true }));
}

function take({ start, entries = [], points: newer = [] }) {
  if (start) showStart(start);
  for (const entry of entries) showEntry(entry);
  points.push(...newer);
  points = points.filter((point) => point[0] > now.clock_s - WINDOW_S - 2);
}

// What is seen

function newestS() {
  return now.newest_s === undefined ? null : now.newest_s + (performance.now() - heardAt) / 1000;
}

function show() {
  const state = stateNow();
  document.body.dataset.state = state.name;
  $("status-text").textContent = state.status;
  $("label").textContent = state.label;
  $("detail").textContent = state.detail;
  $("confidence").textContent = state.confidence ?? "";
  document.title = `${state.label} · edgecls`;
  speak(state.spoken ?? state.label, state.name === "live");
  showFigures(state.name === "live");
}

function stateNow() {
  if (connection === "refused") return { name: "lost", status: "Refused", label: "Not connected", detail: refusal };
  if (connection === "ended") {
    const { frames, seconds } = now.ended;
    const detail = `${frames.toLocaleString("en")} frames in ${duration(seconds)}. This page waits for the next run.`;
    return { name: "ended", status: "Ended", label: "The run has ended", detail };
  }
  if (connection === "lost") return { name: "lost", status: "Reconnecting", label: "Connection lost", detail: "Trying again every second." };
  if (connection === "paused") return { name: "waiting", status: "Paused", label: "Paused while hidden", detail: "" };
  if (connection === "connecting") return { name: "waiting", status: "Connecting", label: "Connecting", detail: "" };
  const age = newestS();
  if (age === null) return { name: "waiting", status: "Waiting", label: "Waiting for the first frame", detail: lastFault?.message ?? "" };
  if (age > STALE_S) {
    const label = `No frames for ${duration(Math.floor(age))}`;
    return { name: "stale", status: "No frames", label, spoken: "No frames", detail: reason() };
  }
  return { name: "live", status: "Live", ...saidNow(now.result) };
}

// The last fault, unless results came after it.
function reason() {
  const since = Date.parse(now.result.time) - 1000;
  return lastFault && Date.parse(lastFault.time) > since ? lastFault.message : "The last picture is old.";
}

function saidNow({ watched, seen, label, unknown, confidence }) {
  if (watched && seen) return { label: readable(seen.label), detail: `seen for ${duration(seen.for_s)}`, confidence: percent(seen.confidence) };
  if (watched) return { label: "Nothing known", detail: "no label is sure enough" };
  if (unknown) return { label: "Unknown", detail: "no label is sure enough" };
  return { label: readable(label), detail: "", confidence: percent(confidence) };
}

// Labels may change often; that there is none any more is said at once.
function speak(text, patient) {
  if (text === spoken || (patient && performance.now() - spokenAt < SPOKEN_EVERY_MS)) return;
  spoken = text;
  spokenAt = performance.now();
  $("spoken").textContent = text;
}

function showFigures(live) {
  const { result } = now;
  showBars(live ? result.top : []);
  $("per-s").textContent = live ? now.per_s.toFixed(1) : "–";
  $("age").textContent = live ? `${result.age_ms.toFixed(0)} ms` : "–";
  $("drops").textContent = result ? result.drops.toLocaleString("en") : "–";
  $("stale").textContent = result ? result.stale.toLocaleString("en") : "–";
  $("frame").textContent = result ? result.frame.toLocaleString("en") : "–";
  const degrees = connection === "open" ? now.temperature_c : null;
  $("temperature").textContent = degrees == null ? "–" : `${degrees.toFixed(0)} °C${now.throttled ? ", throttled" : ""}`;
  $("temperature").classList.toggle("warning", Boolean(now.throttled));
  showLegends(live ? [null, null, ...result.stages_ms, result.age_ms] : null);
}

function showBars(top) {
  const list = $("bars");
  while (list.children.length > top.length && top.length) list.lastChild.remove();
  while (list.children.length < top.length) {
    const row = element("li");
    row.append(element("span", "name"), element("span", "value"), element("span", "track"));
    row.lastChild.append(element("span", "fill"));
    list.append(row);
  }
  [...list.children].forEach((row, index) => {
    const { label, confidence } = top[index] ?? { label: "–", confidence: 0 };
    row.children[0].textContent = readable(label);
    row.children[1].textContent = top.length ? percent(confidence) : "";
    row.querySelector(".fill").style.transform = `scaleX(${confidence})`;
  });
}

function showLegends(values) {
  // capture, preprocess, invoke, decide and age stand from column 2 on, here and in the points
  for (const [id, series, canvas] of [["legend", STAGES, "stages"], ["ages-legend", AGES, "ages"]]) {
    const list = $(id);
    while (list.children.length < series.length) {
      const { name, colour } = series[list.children.length];
      const entry = element("li");
      const key = element("span", "key");
      key.style.background = `var(${colour})`;
      entry.append(key, `${name} `, element("b"));
      list.append(entry);
    }
    series.forEach(({ column }, index) => {
      const ms = values?.[column];
      list.children[index].querySelector("b").textContent = ms == null ? "–" : ms.toFixed(ms < 10 ? 1 : 0);
    });
    $(canvas).setAttribute("aria-description", list.textContent);
  }
}

function showStart({ source, bundle, model, network, precision, engine, threads }) {
  $("source").textContent = source;
  const parts = [bundle ?? model, network, precision, engine, `${threads} ${threads === 1 ? "thread" : "threads"}`];
  $("runs").textContent = [...new Set(parts)].join(" · ");
}

function showEntry(entry) {
  $("no-events").hidden = true;
  if (entry.kind === "fault") lastFault = entry;
  if (entry.kind === "back") lastFault = null;
  const row = element("li", entry.kind);
  const time = element("time");
  time.dateTime = entry.time;
  time.textContent = new Date(entry.time).toLocaleTimeString("en-GB");
  const text = element("span");
  text.textContent = sentence(entry);
  row.append(time, text);
  $("entries").prepend(row);
  while ($("entries").children.length > ENTRIES_KEPT) $("entries").lastChild.remove();
}

function showPicture(bitmap) {
  const canvas = $("picture");
  if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
    canvas.width = bitmap.width;
    canvas.height = bitmap.height;
  }
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  bitmap.close();
}

function showCharts() {
  const nowS = (now.clock_s ?? 0) + (connection === "open" ? (performance.now() - heardAt) / 1000 : 0);
  draw($("stages"), { points, nowS, series: STAGES, stacked: true });
  draw($("ages"), { points, nowS, series: AGES, stacked: false });
}

function element(tag, name = "") {
  const made = document.createElement(tag);
  if (name) made.className = name;
  return made;
}

setInterval(show, 250);
setInterval(showCharts, 1000);
new ResizeObserver(showCharts).observe($("latency"));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", showCharts);
connect();
