"use strict";

// Draws every <figure class="chart" data-kind="…"> of a page from the JSON that lies in it. A kind registers a
// function from that JSON to plotly's traces and layout; frame, colours, keys and legend are the same for all.
// Without scripts the page keeps its tables, which say the same.
const charts = (() => {
  const kinds = new Map();
  const drawn = new Map();

  // Curves that keep apart with impaired colour vision (Okabe & Ito, https://jfly.uni-koeln.de/color/), darkened
  // for white and lightened for black ground until they have a contrast of 3 to 1 (WCAG 2.2, 1.4.11).
  const COLOURS = {
    light: ["#b84a00", "#0069a8", "#00795a", "#a3447f", "#8a6100", "#3b7ea8"],
    dark: ["#ff9950", "#6cc0f5", "#3ad1a3", "#eaa0cb", "#f2c14e", "#a9d8f5"],
  };
  const DASHES = ["solid", "dash", "dashdot", "dot", "longdash", "longdashdot"];

  const isDark = () => matchMedia("(prefers-color-scheme: dark)").matches;
  const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function theme() {
    return {
      ink: token("--ink"), quiet: token("--quiet"), line: token("--line"), surface: token("--surface"),
      alarm: token("--alarm"), doubt: token("--doubt"), calm: token("--calm"),
      colour: (place) => COLOURS[isDark() ? "dark" : "light"][place % 6],
      dash: (place) => DASHES[place % DASHES.length],
    };
  }

  function axis(look, more) {
    return {
      color: look.ink, gridcolor: look.line, linecolor: look.quiet, zeroline: false, showline: true,
      ticks: "outside", tickcolor: look.quiet, automargin: true, title: { standoff: 8 }, ...more,
    };
  }

  function frame(look, layout) {
    const axes = Object.fromEntries(
      Object.entries(layout).filter(([name]) => /^[xy]axis/.test(name)).map(([name, one]) => [name, axis(look, one)]));
    return {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false, dragmode: "zoom",
      hovermode: "x unified", margin: { l: 64, r: 16, t: 24, b: 56 },
      font: { family: getComputedStyle(document.body).fontFamily, size: 14, color: look.ink },
      hoverlabel: { bgcolor: look.surface, bordercolor: look.quiet, font: { color: look.ink } },
      ...layout, ...axes,
    };
  }

  async function draw(figure) {
    const data = JSON.parse(figure.querySelector('script[type="application/json"]').textContent);
    const look = theme();
    const { traces, layout } = kinds.get(figure.dataset.kind)(data, look);
    const hidden = drawn.get(figure)?.hidden ?? new Set();
    drawn.set(figure, { hidden, traces });
    for (const trace of traces) trace.visible = !hidden.has(groupOf(trace));
    const plot = figure.querySelector(".plot");
    // Plotly's own bar is a row of small links without names; dragging zooms, and a button shows all again.
    await Plotly.react(plot, traces, frame(look, layout), { displayModeBar: false, responsive: true, doubleClick: "reset" });
    legend(figure, plot, look);
    figure.dataset.drawn = "yes";
  }

  const groupOf = (trace) => trace.legendgroup ?? trace.name;

  function legend(figure, plot, look) {
    const { hidden, traces } = drawn.get(figure);
    const list = document.createElement("ul");
    list.className = "legend";
    list.setAttribute("aria-label", "Curves shown");
    const seen = new Set();
    for (const trace of traces) {
      const group = groupOf(trace);
      if (!trace.name || trace.meta === "quiet" || seen.has(group)) continue;
      seen.add(group);
      list.append(item(button(sample(trace, look), trace.name, !hidden.has(group), (pressed) => {
        if (pressed) hidden.delete(group); else hidden.add(group);
        const places = traces.flatMap((one, n) => (groupOf(one) === group ? [n] : []));
        Plotly.restyle(plot, { visible: pressed }, places);
      })));
    }
    const whole = button(null, "Whole range", null, () => Plotly.relayout(plot, wholeRange(plot)));
    list.append(item(whole));
    figure.querySelector(".legend")?.remove();
    plot.before(list);
  }

  function wholeRange(plot) {
    return Object.fromEntries(
      Object.keys(plot.layout).filter((name) => /^[xy]axis/.test(name)).map((name) => [`${name}.autorange`, true]));
  }

  function item(content) {
    const one = document.createElement("li");
    one.append(content);
    return one;
  }

  function button(picture, text, pressed, act) {
    const one = document.createElement("button");
    one.type = "button";
    if (picture) one.append(picture);
    one.append(text);
    if (pressed !== null) one.setAttribute("aria-pressed", String(pressed));
    one.addEventListener("click", () => {
      const now = one.getAttribute("aria-pressed") !== "true";
      if (pressed !== null) one.setAttribute("aria-pressed", String(now));
      act(now);
    });
    return one;
  }

  const STROKES = { solid: "", dash: "8 4", dashdot: "8 3 2 3", dot: "2 3", longdash: "12 4", longdashdot: "12 3 2 3" };
  const SIGNS = { circle: "●", "triangle-up": "▲", "x-thin": "✕", square: "■" };

  function sample(trace, look) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    for (const [name, value] of Object.entries({ width: 32, height: 16, viewBox: "0 0 32 16", "aria-hidden": "true" })) {
      svg.setAttribute(name, value);
    }
    const marks = trace.mode === "markers";
    const shape = document.createElementNS(svg.namespaceURI, marks ? "text" : "line");
    const colour = (marks ? trace.marker.line?.color ?? trace.marker.color : trace.line?.color) ?? look.ink;
    const attributes = marks
      ? { x: 10, y: 13, fill: colour, "font-size": 14 }
      : { x1: 0, y1: 8, x2: 32, y2: 8, stroke: colour, "stroke-width": 3, "stroke-dasharray": STROKES[trace.line?.dash ?? "solid"] };
    for (const [name, value] of Object.entries(attributes)) shape.setAttribute(name, value);
    if (marks) shape.textContent = SIGNS[trace.marker.symbol ?? "circle"] ?? "●";
    svg.append(shape);
    return svg;
  }

  function all() {
    for (const figure of document.querySelectorAll("figure.chart[data-kind]")) {
      if (kinds.has(figure.dataset.kind)) draw(figure);
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    all();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", all);
  });

  // What a server of this house gives may be drawn as it is.
  kinds.set("plotly", (data) => ({ traces: data.data, layout: data.layout }));
  return { register: (kind, drawer) => kinds.set(kind, drawer) };
})();
