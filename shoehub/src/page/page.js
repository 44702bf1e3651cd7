"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const COLOURS = ["#5794f2", "#ff9830", "#73bf69", "#e685e1", "#fade2a", "#6ed0e0"];
const SERVICES = ["Order Service", "Catalogue Service", "Stock Service", "Payment Service"];
const main = document.getElementById("main");
const clock = (ms) => new Date(ms).toISOString().slice(11, 16);
const said = (value) => value === null ? "–"
  : value.toLocaleString("en-US", { maximumFractionDigits: Math.abs(value) < 10 ? 2 : Math.abs(value) < 1000 ? 1 : 0 });

/** An element with a class, a text and a parent. Texts are never HTML. */
function add(parent, tag, name = "", text = "") {
  const element = parent.appendChild(document.createElement(tag));
  if (name) element.className = name;
  if (text !== "") element.textContent = text;
  return element;
}

function card(parent, title, query, width = "") {
  const box = add(parent, "section", "card " + width);
  add(box, "h3", "", title);
  const body = add(box, "div");
  if (query) add(box, "p", "query", query);
  return body;
}

function chart(body, config) {
  body.className = "chart";
  Object.assign(config.options ??= {}, { responsive: true, maintainAspectRatio: false, animation: false });
  return new Chart(add(body, "canvas"), config);
}

const overTime = (stacked, fill) => ({
  interaction: { mode: "index", intersect: false },
  plugins: { legend: { display: !fill, position: "bottom" },
    tooltip: { callbacks: { title: (items) => clock(data.times[items[0].dataIndex]) + " UTC", label: (item) => `${item.dataset.label}: ${said(item.raw)}` } } },
  scales: {
    x: { ticks: { maxRotation: 0, autoSkipPadding: 24 }, grid: { display: false } },
    y: { beginAtZero: true, stacked, grid: { color: "#2c323580" } },
  },
});

const lines = (panel, fill) => ({
  labels: data.times.map(clock),
  datasets: panel.series.map((series, at) => ({
    label: series.name || panel.title, data: series.points, borderColor: COLOURS[at], borderWidth: 1.6,
    backgroundColor: COLOURS[at] + (fill ? "40" : "18"), fill: "origin", pointRadius: 0, tension: 0.25,
  })),
});

const total = (panel) => panel.series.reduce((sum, series) => sum + series.now, 0);
const shares = (panel) => ({
  labels: panel.series.map((series) => series.name),
  datasets: [{ data: panel.series.map((series) => series.now), backgroundColor: COLOURS, borderColor: "#181b1f" }],
});

const DRAW = {
  gauge(body, panel) {
    const value = total(panel);
    let top = 1;
    for (let at = 0; top <= value; at++) top *= [2, 2.5, 2][at % 3];
    chart(body, {
      type: "doughnut",
      data: { labels: ["sold", "up to " + said(top)], datasets: [{ data: [value, top - value], backgroundColor: ["#73bf69", "#2c3235"], borderWidth: 0 }] },
      options: { rotation: -100, circumference: 200, cutout: "78%", plugins: { legend: { display: false }, tooltip: { callbacks: { label: (item) => said(item.raw) } } } },
    });
    const over = add(body, "div", "over");
    add(over, "div", "big", said(value));
    add(over, "div", "dim", "of " + said(top)).style.textAlign = "center";
  },
  stat(body, panel) {
    add(body.parentNode, "div", "big", said(total(panel)));
    body.before(body.parentNode.querySelector(".big"));
    chart(body, { type: "line", data: lines(panel, true), options: overTime(false, true) });
    body.style.height = "160px";
  },
  trend(body, panel) {
    chart(body, { type: "line", data: lines(panel, false), options: overTime(false, false) });
  },
  pie(body, panel) {
    const all = total(panel);
    const label = (item) => `${item.label}: ${said(item.raw)} (${(100 * item.raw / all).toFixed(1)}%)`;
    const generateLabels = (drawn) => Chart.overrides.pie.plugins.legend.labels.generateLabels(drawn)
      .map((entry, at) => ({ ...entry, text: `${entry.text}  ${(100 * panel.series[at].now / all).toFixed(1)}%` }));
    chart(body, { type: "pie", data: shares(panel), options: { plugins: { legend: { position: "right", labels: { generateLabels } }, tooltip: { callbacks: { label } } } } });
  },
  bars(body, panel) {
    chart(body, { type: "bar", data: shares(panel), options: { indexAxis: "y", plugins: { legend: { display: false } }, scales: { x: { beginAtZero: true, grid: { color: "#2c323580" } }, y: { grid: { display: false } } } } });
  },
  heatmap(body, panel) {
    const most = Math.max(1, ...panel.series.flatMap((series) => series.points));
    const heat = add(body, "div", "heat");
    heat.style.gridTemplateColumns = `max-content repeat(${data.times.length}, 1fr)`;
    for (const series of panel.series) {
      add(heat, "span", "", series.name);
      series.points.forEach((value, at) => {
        const cell = add(heat, "i");
        if (value === null) return;
        cell.style.background = `hsl(${260 - 220 * value / most} 75% ${18 + 40 * value / most}%)`;
        cell.title = `${series.name}, ${clock(data.times[at])}: ${said(value)}`;
      });
    }
    const axis = add(body, "div", "axis");
    for (let part = 0; part <= 6; part++) add(axis, "span", "", clock(data.times[Math.round((data.times.length - 1) * part / 6)]));
  },
};
const WIDTH = { gauge: "half", stat: "half", pie: "third", bars: "third", trend: "whole", heatmap: "whole" };

function table(parent, answer) {
  const body = card(parent, answer.title, answer.query);
  body.className = "scroll";
  if (!answer.rows.length) { add(body, "p", "dim", "nothing"); return; }
  const rows = add(body, "table");
  const head = add(rows, "tr");
  for (const column of answer.columns) add(head, "th", column.right ? "right" : "", column.name);
  for (const row of answer.rows) {
    const line = add(rows, "tr");
    row.forEach((text, at) => add(line, "td", answer.columns[at].right ? "right" : "", text));
  }
}

function rule(parent) {
  const body = card(parent, data.rule.name, data.rule.query);
  const told = add(body, "div");
  add(told, "b", data.rule.state, data.rule.state.toUpperCase());
  add(told, "span", "", ` since ${data.rule.since} UTC; it fired in ${data.rule.firing} of ${data.rule.states.length} minutes`);
  const strip = add(body, "div", "strip");
  for (const [time, state] of data.rule.states) add(strip, "i", state).title = `${clock(time)}: ${state}`;
  const axis = add(body, "div", "axis");
  for (const at of [0, data.rule.states.length - 1]) add(axis, "span", "", clock(data.rule.states[at][0]));
}

function story(parent) {
  const told = data.story;
  if (!told) { add(parent, "p", "dim", "No order of this time has left an exemplar with a trace."); return; }
  const metric = card(parent, "1  The metric and its exemplar", "shoehub_order_duration_seconds");
  add(metric, "span", "", told.told + " ");
  add(metric, "b", "", "trace_id=" + told.trace);
  const trace = card(parent, "2  The trace", told.trace);
  const length = Math.max(...told.spans.map((span) => span.start + span.length));
  for (const span of told.spans) {
    const row = add(trace, "div", "span");
    const name = add(row, "span", span.failed ? "firing" : "", (span.failed ? "✗ " : "") + span.name);
    name.style.paddingLeft = 14 * span.depth + "px";
    name.title = span.failed;
    add(row, "span", "dim", span.service);
    const bar = add(add(row, "span", "bar"), "i");
    bar.style.left = 100 * span.start / length + "%";
    bar.style.width = 100 * span.length / length + "%";
    bar.style.background = COLOURS[SERVICES.indexOf(span.service)];
    add(row, "span", "right", span.length < 10 ? span.length.toFixed(2) + " ms" : span.length.toFixed(0) + " ms");
  }
  const columns = ["time", "app", "line"].map((name) => ({ name, right: false }));
  table(parent, { title: "3  Its log lines", query: told.query, columns, rows: told.lines });
}

Chart.defaults.color = "#8e9099";
Chart.defaults.font.family = "system-ui, sans-serif";
document.getElementById("range").textContent = data.range;
const grid = add(main, "div", "grid");
for (const panel of data.panels) DRAW[panel.shape](card(grid, panel.title, panel.query, WIDTH[panel.shape]), panel);
add(main, "h2", "", "The rule");
rule(main);
add(main, "h2", "", "Logs, in LogQL");
data.logs.forEach((answer) => table(main, answer));
add(main, "h2", "", "Traces, in TraceQL");
data.traces.forEach((answer) => table(main, answer));
add(main, "h2", "", "One story, end to end");
story(main);
add(main, "h2", "", "What is stored");
const stored = card(main, "Everything, log and indexes included", "");
for (const part of data.stored) add(stored, "div", "", `${part.items} ${part.what} in ${part.bytes}: ${part.each} bytes each`);
