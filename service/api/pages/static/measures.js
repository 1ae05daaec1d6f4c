"use strict";

// Charts of the page of measures; the tables below them say the same.
charts.register("measures-verdicts", (data, look) => {
  const colours = { alarm_named: look.alarm, alarm_class: look.fit, inconclusive: look.doubt, no_hold_requested: look.calm };
  const patterns = { alarm_named: "", alarm_class: "/", inconclusive: ".", no_hold_requested: "" };
  const traces = data.verdicts.map((one) => ({
    type: "bar", mode: "markers", name: one.name, x: data.labels, y: one.values,
    marker: { color: colours[one.kind], pattern: { shape: patterns[one.kind] } },
  }));
  const layout = {
    barmode: "stack", height: 360,
    xaxis: { type: "category" }, yaxis: { title: { text: "parcels" }, rangemode: "tozero" },
  };
  return { traces, layout };
});

charts.register("measures-rates", (data, look) => {
  const traces = data.rates.map((one, place) => ({
    name: one.name, mode: data.dated ? "lines+markers" : "markers", x: data.labels, y: one.values,
    line: { color: look.colour(place), dash: look.dash(place) }, marker: { color: look.colour(place), size: 8 },
    error_y: {
      type: "data", symmetric: false, color: look.colour(place), thickness: 1.5,
      array: one.values.map((value, n) => (value === null ? 0 : one.high[n] - value)),
      arrayminus: one.values.map((value, n) => (value === null ? 0 : value - one.low[n])),
    },
  }));
  const layout = { height: 360, xaxis: { type: "category" }, yaxis: { title: { text: "%" }, rangemode: "tozero" } };
  return { traces, layout };
});
