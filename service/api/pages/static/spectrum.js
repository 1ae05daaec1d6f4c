"use strict";

// One spectrum, as it is stored.
charts.register("spectrum", (data, look) => ({
  traces: [{ name: data.name, x: data.x, y: data.y, mode: "lines", line: { color: look.colour(0), width: 1.75 }, hovertemplate: "%{y:.4g}" }],
  layout: {
    height: 400,
    xaxis: { title: { text: data.x_label }, hoverformat: ".1f", unifiedhovertitle: { text: "%{x:.1f} cm⁻¹" } },
    yaxis: { title: { text: data.y_label } },
  },
}));
