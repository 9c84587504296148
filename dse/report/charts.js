(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("kiln-data").textContent);
  const root = document.documentElement;
  const drawn = new Map(); // element id -> chart, to be drawn again in the other theme
  const options = { displaylogo: false, displayModeBar: false, responsive: true };

  const css = (name) => getComputedStyle(root).getPropertyValue(name).trim();

  function themed(layout) {
    const ink = css("--ink"), soft = css("--soft"), grid = css("--grid");
    const axis = {
      gridcolor: grid, zeroline: false, linecolor: css("--line"), tickfont: { color: soft, size: 12 },
      automargin: false,
    };
    const out = {
      ...layout,
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: getComputedStyle(document.body).fontFamily, size: 13, color: ink },
      hoverlabel: {
        bgcolor: css("--card"), bordercolor: css("--line"), align: "left",
        font: { color: ink, size: 13 },
      },
      legend: { ...layout.legend, font: { color: soft, size: 12.5 }, itemclick: false, itemdoubleclick: false },
    };
    const dress = (holder) => {
      for (const key of Object.keys(holder)) {
        if (/^[xyz]axis\d*$/.test(key)) {
          const title = holder[key].title
            ? { ...holder[key].title, font: { color: soft, size: 12.5 } } : undefined;
          holder[key] = { ...axis, ...holder[key], ...(title && { title }) };
        }
      }
    };
    dress(out);
    if (out.scene) {
      out.scene = { ...out.scene };
      dress(out.scene);
      for (const key of ["xaxis", "yaxis", "zaxis"]) out.scene[key].backgroundcolor = "rgba(0,0,0,0)";
    }
    return out;
  }

  function draw(id, chart) {
    const place = document.getElementById(id);
    if (!place) return;
    place.hidden = !chart;
    const note = document.getElementById(`${id}-none`);
    if (note) note.hidden = Boolean(chart);
    drawn.set(id, chart);
    if (!chart) return;
    // A fresh element: a scatter3d scene cannot be turned into a flat chart in place.
    Plotly.purge(place);
    Plotly.newPlot(place, structuredClone(chart.data), themed(structuredClone(chart.layout)), options);
    place.on("plotly_click", (event) => {
      const design = event.points[0].customdata;
      if (typeof design === "string") pick(design);
    });
  }

  function pick(design) {
    if (!(design in data.designs)) return;
    for (const row of document.querySelectorAll("tr[data-pick]"))
      row.classList.toggle("picked", row.dataset.pick === design);
    for (const panel of document.querySelectorAll("[data-design]"))
      panel.hidden = panel.dataset.design !== design;
    for (const button of document.querySelectorAll("#designs button"))
      button.setAttribute("aria-pressed", String(button.value === design));
    draw("stack-chart", data.designs[design].stack);
    draw("roofline-chart", data.designs[design].roofline);
  }

  function tabs(place, names, choose) {
    for (const name of names) {
      const button = document.createElement("button");
      button.type = "button";
      button.value = button.textContent = name;
      button.onclick = () => {
        for (const other of place.children) other.setAttribute("aria-pressed", String(other === button));
        choose(name);
      };
      place.append(button);
    }
    place.firstElementChild?.click();
  }

  const views = document.getElementById("views");
  if (views) tabs(views, Object.keys(data.front), (name) => draw("front-chart", data.front[name]));
  const chosen = document.getElementById("designs");
  if (chosen) tabs(chosen, data.order, pick);
  if (data.parity) draw("parity-chart", data.parity);

  document.querySelectorAll("tr[data-pick]").forEach((row) => {
    row.onclick = () => pick(row.dataset.pick);
  });
  document.addEventListener("kiln-theme", () => {
    for (const [id, chart] of drawn) draw(id, chart);
  });
})();
