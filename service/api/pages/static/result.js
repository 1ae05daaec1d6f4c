"use strict";

// The overlay of a result: scan, fit and components above, what the fit leaves over below, bands of the watch list
// marked over both. The JSON is that of GET /api/v1/results/{id}/curves, with the bands of the components.
charts.register("curves", (data, look) => {
  const line = (name, y, colour, dash, width, more = {}) => ({
    name, x: data.axis_cm1, y, mode: "lines", line: { color: colour, dash, width }, hovertemplate: "%{y:.3f}", ...more,
  });
  const traces = [];
  // The fit lies under the scan, broad and pale, so that both are seen where they agree.
  if (data.fit) traces.push(line("fit", data.fit, look.fit, "solid", 6));
  traces.push(line("scan", data.query, look.ink, "solid", 1.5));
  data.components.forEach((one, place) => {
    const name = one.role === "container" ? `${one.substance} (container)` : one.substance;
    traces.push(line(name, one.intensity, look.colour(place), look.dash(place + 1), 2));
  });
  if (data.residual) traces.push(line("residual", data.residual, look.quiet, "solid", 1.25, { yaxis: "y2" }));
  const watched = data.bands.filter((band) => band.watch_list);
  if (watched.length) traces.push(marks(watched, data, look));
  const shapes = watched.map((band) => ({
    type: "line", x0: band.at, x1: band.at, y0: 0, y1: 1, yref: "paper", layer: "below", line: { color: look.alarm, width: 1.5, dash: "dot" },
  }));
  const halves = Boolean(data.residual);
  return {
    traces,
    layout: {
      height: halves ? 560 : 420,
      shapes,
      xaxis: { title: { text: data.x_label }, anchor: halves ? "y2" : "y", hoverformat: ".1f", ticksuffix: "", unifiedhovertitle: { text: "%{x:.1f} cm⁻¹" } },
      yaxis: { title: { text: "intensity, relative" }, domain: halves ? [0.32, 1] : [0, 1] },
      ...(halves ? { yaxis2: { title: { text: "residual" }, domain: [0, 0.24] } } : {}),
    },
  };

  function marks(bands, whole, one) {
    const top = whole.query.reduce((most, value) => Math.max(most, value), 0) * 1.06;
    return {
      name: "bands of the watch list", x: bands.map((band) => band.at), y: bands.map(() => top), mode: "markers",
      marker: { symbol: "triangle-down", size: 12, color: one.alarm }, text: bands.map((band) => band.substance),
      hovertemplate: "%{text}, band at %{x:.0f} cm⁻¹<extra></extra>",
    };
  }
});
