"use strict";

// Control charts, a panel for each figure: what service/plots/control_chart.py draws, from the same numbers.
charts.register("control", (data, look) => {
  const traces = [];
  const shapes = [];
  const layout = { height: 120 + 190 * data.panels.length, hovermode: "closest", shapes, xaxis: { type: "date", title: { text: "time (UTC)" } } };
  const room = 1 / data.panels.length;
  data.panels.forEach((panel, place) => {
    const suffix = place ? String(place + 1) : "";
    const top = 1 - place * room;
    layout[`yaxis${suffix}`] = { title: { text: panel.label.replace(" / ", "<br>/ "), font: { size: 12 } }, domain: [top - room * 0.84, top] };
    if (place === data.panels.length - 1) layout.xaxis.anchor = `y${suffix}`;
    draw(panel, `y${suffix}`, place === 0);
  });
  for (const change of data.calibrations) {
    shapes.push({ type: "line", x0: change.at, x1: change.at, y0: 0, y1: 1, yref: "paper", line: { color: look.colour(2), width: 1.5, dash: "longdash" } });
  }
  return { traces, layout };

  function draw(panel, yaxis, named) {
    const points = panel.phases.flatMap((phase) => phase.points);
    panel.phases.forEach((phase) => limits(phase, yaxis));
    panel.phases.forEach((phase, n) => average(phase, yaxis, named && n === 0));
    const put = (name, chosen, marker) => traces.push({
      name, legendgroup: name, meta: named ? "" : "quiet", yaxis, mode: "markers", marker,
      x: chosen.map((one) => one.at), y: chosen.map((one) => one.value), text: chosen.map(words), hovertemplate: "%{x|%Y-%m-%d %H:%M}<br>%{y:.3f}%{text}<extra></extra>",
    });
    put("verification", points.filter((one) => !one.signals.length), { size: 7, color: look.colour(0) });
    put("out of control", points.filter((one) => one.signals.length), { size: 11, symbol: "triangle-up", color: look.colour(1) });
    put("failed", points.filter((one) => !one.passed), { size: 14, symbol: "x-thin", color: look.alarm, line: { width: 3, color: look.alarm } });
  }

  function words(one) {
    return (one.signals.length ? `<br>${one.signals.join(", ")}` : "") + (one.passed ? "" : "<br>FAILED");
  }

  function limits(phase, yref) {
    if (!phase.limits) return;
    const [x0, x1] = [phase.points[0].at, phase.points[phase.points.length - 1].at];
    for (const [value, dash] of [[phase.limits.centre, "solid"], [phase.limits.low, "dash"], [phase.limits.high, "dash"]]) {
      shapes.push({ type: "line", x0, x1, y0: value, y1: value, yref, layer: "below", line: { color: look.quiet, width: 1.5, dash } });
    }
  }

  function average(phase, yaxis, named) {
    const known = phase.points.filter((one) => one.ewma);
    if (!known.length) return;
    traces.push({
      name: "moving average", legendgroup: "moving average", meta: named ? "" : "quiet", yaxis, mode: "lines", line: { color: look.colour(0), width: 2, shape: "linear" },
      x: known.map((one) => one.at), y: known.map((one) => one.ewma.value), hoverinfo: "skip",
    });
  }
});
