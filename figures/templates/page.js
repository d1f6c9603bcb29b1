"use strict";

// A page holds panels (elements with data-panel); each has a figure for every quantity (the loss, a metric) and scale.
// Whatever changes (quantity, scale, theme) draws the figures again; plotly keeps cameras and zooms as long as
// uirevision stays the same.
const page = JSON.parse(document.getElementById("data").textContent);
const panels = [...document.querySelectorAll("[data-panel]")];
const surface = panels.find((panel) => panel.dataset.panel === "surface");
const map = panels.find((panel) => panel.dataset.panel === "contour");
const main = map ?? panels.find((panel) => panel.dataset.panel === "line");
const pointed = document.getElementById("readout")?.textContent;
const menu = document.getElementById("quantity");
const toggles = [...document.querySelectorAll("[data-trace]")];

const quantity = () => menu?.value ?? "loss";
const scale = () => document.querySelector("input[name=scale]:checked")?.value ?? "linear";
const scalesOf = (panel) => page.figures[panel.dataset.panel][quantity()] ?? page.figures[panel.dataset.panel].loss;

function figureOf(panel) {
  const scales = scalesOf(panel);
  const figure = structuredClone(scales[scale()] ?? scales.linear);
  if (panel === surface) {
    // Labels keep their size, and the view is as high as the panel: a small or narrow one is looked at from farther
    // away, so that nothing is cut off.
    const { eye } = figure.layout.scene.camera;
    const farther = Math.max(1, 1.6 - panel.clientWidth / 860, (1.12 * panel.clientHeight) / panel.clientWidth);
    for (const axis of "xyz") eye[axis] *= farther;
    if (panel.clientWidth < 420) figure.layout.scene.zaxis.title.text = ""; // no room; the colour bar has it too
  }
  return figure;
}

const config = (panel) => ({
  displaylogo: false,
  responsive: true,
  modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d", "resetCameraLastSave3d", "orbitRotation", "hoverClosest3d"],
  toImageButtonOptions: {
    format: panel === surface ? "png" : "svg",
    scale: panel === surface ? 3 : 1,
    filename: `${page.name}-${panel.dataset.panel}`.replace(/[^\p{L}\p{N}.-]+/gu, "_"),
  },
});

function draw(panel) {
  const { data, layout } = figureOf(panel);
  layout.template = page.templates[dark.matches ? "dark" : "light"];
  layout.uirevision = "kept";
  if (panel === map && crosshair) layout.shapes = crosshairShapes();
  for (const trace of data) {
    const toggle = toggles.find(({ dataset }) => dataset.trace === trace.name);
    if (toggle) trace.visible = toggle.checked && trace.visible !== false;
  }
  return Plotly.react(panel, data, layout, config(panel));
}

const visible = () => panels.filter((panel) => !panel.closest("[hidden]"));
const drawAll = () => Promise.all(visible().map(draw));

// The grid of a metric may be another, and not every one has logarithms.
function chooseQuantity() {
  crosshair = null;
  if (map) document.getElementById("readout").textContent = pointed;
  const log = document.querySelector("input[value=log]");
  log.disabled = !scalesOf(main).log;
  if (log.disabled) document.querySelector("input[value=linear]").checked = true;
  return drawAll();
}

// ---- the crosshair: indices into the grid, moved by hovering or by keys -------------------------------------------

let crosshair = null; // {column, row}

function crosshairShapes() {
  const trace = figureOf(map).data[0];
  const [x, y] = [numbers(trace.x)[crosshair.column], numbers(trace.y)[crosshair.row]];
  const line = { color: "#D55E00", width: 1, dash: "dot" };
  return [
    { type: "line", xref: "x", yref: "paper", x0: x, x1: x, y0: 0, y1: 1, line },
    { type: "line", xref: "paper", yref: "y", x0: 0, x1: 1, y0: y, y1: y, line },
  ];
}

function moveCrosshair(column, row) {
  const linear = scalesOf(map).linear.data[0];
  const [alphas, betas] = [numbers(linear.x), numbers(linear.y)];
  column = Math.min(Math.max(column, 0), alphas.length - 1);
  row = Math.min(Math.max(row, 0), betas.length - 1);
  if (crosshair?.column === column && crosshair?.row === row) return;
  crosshair = { column, row };
  const loss = numbers(linear.z)[row][column];
  const state = linear.text?.[row][column] ?? linear.hovertemplate.match(/evaluated|interpolated/)[0];
  const readout = document.getElementById("readout");
  readout.textContent = `α ${told(alphas[column])}, β ${told(betas[row])}: `;
  const value = document.createElement("b");
  value.textContent = Number.isFinite(loss) ? `${quantity()} ${told(loss)}` : "no finite value";
  readout.append(value, Number.isFinite(loss) ? `, ${state}` : "");
  Plotly.relayout(map, { shapes: crosshairShapes() });
}

function followHover(event) {
  const { x, y } = event.points[0];
  const { x: alphas, y: betas } = scalesOf(map).linear.data[0];
  moveCrosshair(nearest(numbers(alphas), x), nearest(numbers(betas), y));
}

function mapKeys(event) {
  const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1] }[event.key];
  if (!step || event.target !== map) return;
  event.preventDefault();
  const { x: alphas, y: betas } = scalesOf(map).linear.data[0];
  const { column, row } = crosshair ?? { column: nearest(numbers(alphas), 0), row: nearest(numbers(betas), 0) };
  moveCrosshair(column + step[0], row + step[1]);
}

// ---- the camera -------------------------------------------------------------------------------------------------

function sceneKeys(event) {
  const eye = turned(surface.layout.scene.camera.eye, event);
  if (!eye || event.target !== surface) return;
  event.preventDefault();
  Plotly.relayout(surface, { "scene.camera.eye": eye });
}

function reset() {
  crosshair = null;
  for (const panel of visible()) {
    if (panel !== surface && panel !== main) continue;
    const { layout } = figureOf(panel);
    if (panel === surface) {
      Plotly.relayout(panel, { "scene.camera": layout.scene.camera });
      continue;
    }
    const across = layout.xaxis.range ? { "xaxis.range": layout.xaxis.range } : { "xaxis.autorange": true };
    Plotly.relayout(panel, { ...across, "yaxis.range": layout.yaxis.range, shapes: layout.shapes ?? [] });
  }
}

// ---- start ------------------------------------------------------------------------------------------------------

if (surface && !hasWebGL()) {
  surface.closest("figure").hidden = true;
  surface.closest(".panels").classList.add("flat");
  document.getElementById("no-webgl").hidden = false;
}

document.querySelectorAll("input[name=scale]").forEach((input) => input.addEventListener("change", drawAll));
toggles.forEach((toggle) => toggle.addEventListener("change", drawAll));
menu?.addEventListener("change", chooseQuantity);
dark.addEventListener("change", drawAll);
document.getElementById("reset")?.addEventListener("click", reset);
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((details) => (details.open = true)));

drawAll().then(() => {
  if (map) {
    map.on("plotly_hover", followHover);
    map.addEventListener("keydown", mapKeys);
  }
  if (surface && !surface.closest("[hidden]")) {
    surface.on("plotly_hover", followHover);
    surface.addEventListener("keydown", sceneKeys);
    // The wheel scrolls the page, and zooms only once the scene has been chosen by a click or by Tab.
    surface.addEventListener("pointerdown", () => surface.focus({ preventScroll: true }), { capture: true });
    surface.addEventListener("wheel", (event) => surface.contains(document.activeElement) || event.stopPropagation(), { capture: true });
  }
  document.documentElement.dataset.ready = "true";
});
