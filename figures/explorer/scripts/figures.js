"use strict";

// Figures for panels, by quantity and scale; in figures of all models, ``meta`` of a trace is the model's index.
const dark = matchMedia("(prefers-color-scheme: dark)");
const SURFACES = ["surface", "contour", "line"]; // panels that quantity and scale change
const COLOURS = page.models.map(({ colour }) => colour);
const NARROW = 480; // px
let grids = []; // of the quantity and scale shown, by model: coordinates, heights, and whether they were evaluated
let gridsFrom = "";

function readGrids() {
  const from = `${state.quantity} ${state.scale}`;
  if (from === gridsFrom) return;
  gridsFrom = from;
  grids = (view("grids") ?? []).map(
    (grid) => grid && { ...grid, alphas: numbers(grid.alphas), betas: numbers(grid.betas), values: numbers(grid.values) },
  );
}

function figureOf(panel) {
  const { panel: name, of } = panel.dataset;
  if (of !== undefined) {
    if (!SURFACES.includes(name)) return unpackedAt(page.own[of], name);
    const figure = view("figures", name, share(), Number(of));
    if (figure && name === "contour") addCrosshair(figure.layout, Number(of));
    return placeRuns(panel, figure);
  }
  const figure = name.startsWith("profile-") ? profile(Number(name.slice(-1))) : unpackedAt(page.common[name], scaleOf(name));
  if (figure) figure.data = figure.data.filter(({ meta }) => meta === undefined || isShown(meta));
  return placeRuns(panel, figure);
}

// Of the joint figures only the radial profile has several scales.
const scaleOf = (name) => (state.scale in (opened(page.common[name]) ?? {}) && name === "radial-profile" ? state.scale : "linear");

// Lines through the crosshair along one coordinate, at each model's nearest row or column.
function profile(along) {
  const figure = view("profiles", along);
  if (!figure) return null;
  for (const trace of figure.data) {
    const { alphas, betas, values } = grids[trace.meta];
    const [row, column] = [nearest(betas, state.at[1]), nearest(alphas, state.at[0])];
    const heights = along === 0 ? values[row] : values.map((heightsOfRow) => heightsOfRow[column]);
    trace.x = along === 0 ? alphas : betas;
    trace.y = state.scale === "log" ? heights.map((height) => 10 ** height) : heights;
    if (trace.x.length === 1) trace.mode = "markers";
  }
  figure.layout.shapes = [lineAt("x", state.at[along])];
  return figure;
}

const lineAt = (axis, at, color = "#8a929c") => ({
  type: "line",
  ...(axis === "x" ? { xref: "x", yref: "y domain", x0: at, x1: at, y0: 0, y1: 1 } : { xref: "x domain", yref: "y", x0: 0, x1: 1, y0: at, y1: at }),
  line: { color, width: 1, dash: "dot" },
});

const config = (panel) => ({
  displaylogo: false,
  doubleClick: panel.dataset.panel === "contour" ? false : "reset", // maps.js handles it for all maps
  responsive: true,
  modeBarButtons: [[{ name: "picture", title: "Download as a picture", icon: Plotly.Icons.camera, click: download }]],
});

let printing = false; // in the light theme
const theme = () => (dark.matches && !printing ? "dark" : "light");

// What the figure of a panel is made from: as long as this stays the same, it is not drawn anew.
function sourceOf({ dataset: { panel: name, of } }) {
  const parts = [theme()];
  if (SURFACES.includes(name)) parts.push(state.quantity, state.scale, share(), onText(state));
  else if (of === undefined) parts.push(hiddenText(state), scaleOf(name));
  if (name === "contour") parts.push(state.zoom);
  if (name.startsWith("profile-")) parts.push(state.quantity, state.scale, state.at);
  return JSON.stringify(parts);
}

const CLOSE = 1e-6;
const sameCamera = (one, other) => ["eye", "center"].every((part) => [..."xyz"].every((axis) => Math.abs(one[part][axis] - other[part][axis]) < CLOSE));
const places = (shapes) => JSON.stringify((shapes ?? []).map(({ x0, y0 }) => [x0, y0]));

// Brings a panel that is drawn to what changes without a new figure: its size, the camera, the crosshair, the moment.
async function adjust(panel) {
  const { width, height } = panel._fullLayout;
  const update = {};
  if (Math.abs(width - panel.clientWidth) > 1 || Math.abs(height - panel.clientHeight) > 1) update.autosize = true;
  if (scenes.includes(panel) && !sameCamera(panel.layout.scene.camera, cameraOf(panel))) update["scene.camera"] = cameraOf(panel);
  if (maps.includes(panel) && places(panel.layout.shapes) !== places(crosshair(Number(panel.dataset.of)))) update.shapes = crosshair(Number(panel.dataset.of));
  const moves = panel.running && panel.moment !== moment();
  if (Object.keys(update).length) await Plotly.relayout(panel, update);
  if (moves) await moveRuns(panel);
  return moves || Object.keys(update).length > 0;
}

// The next frame; a page that is not seen has none.
const frame = () => new Promise((done) => (document.hidden ? setTimeout(done) : requestAnimationFrame(done)));

// The library takes a second to start: until the previews have been seen, it is only text.
async function startLibrary() {
  if (document.readyState === "loading") await new Promise((done) => addEventListener("DOMContentLoaded", done));
  await frame();
  await frame();
  document.head.append(Object.assign(document.createElement("script"), { textContent: document.getElementById("library").textContent }));
}

let starting = null;
const library = () => (starting ??= startLibrary());

const isUnseen = (panel) => panel.closest("[hidden]:not(.plot), details:not([open])") !== null;

// On a phone the axis of heights is as long as three labels are high: every second or third is left, from the top.
function thinTicks(axis, width) {
  if (!axis?.tickvals || width >= NARROW) return;
  const kept = (value, index, { length }) => (length - 1 - index) % Math.ceil(length / 3) === 0;
  axis.tickvals = Array.from(numbers(axis.tickvals)).filter(kept);
  axis.ticktext = axis.ticktext.filter(kept);
}

// The figure of a panel as it is drawn, or null. A sentence stands where there is none, above it the value at the centre.
function prepared(panel) {
  const figure = figureOf(panel);
  const note = panel.parentElement.querySelector(".missing");
  if (note) {
    note.textContent = page.missing[state.quantity][panel.dataset.of] || "Nothing to draw on this scale.";
    note.hidden = Boolean(figure);
    panel.hidden = !figure;
    const centre = figure ? grids[panel.dataset.of]?.headline : "";
    panel.parentElement.querySelector("figcaption small").textContent = centre ? `${centre} at the centre` : "";
  }
  if (!figure) return null;
  if (scenes.includes(panel)) {
    thinTicks(figure.layout.scene.zaxis, panel.clientWidth);
    figure.layout.scene.camera = cameraOf(panel, figure.layout.scene); // after the panel has its size
  }
  figure.layout.template = page.templates[theme()];
  figure.layout.autosize = true; // a cell grows when another is hidden
  for (const trace of figure.data) {
    const toggle = toggles.find(({ dataset }) => dataset.trace === trace.name);
    if (toggle) trace.visible = toggle.checked && trace.visible !== false;
  }
  return figure;
}

// Returns whether there was anything to do.
async function draw(panel) {
  const unseen = isUnseen(panel);
  const source = sourceOf(panel);
  if (!unseen && panel.dataset.drawn && panel.source === source) return adjust(panel);
  const figure = unseen ? null : prepared(panel);
  if (!figure) {
    panel.querySelector(".preview")?.remove();
    if (!panel.data) return false;
    Plotly.purge(panel); // a browser draws a limited number of scenes
    delete panel.dataset.drawn;
    return true;
  }
  panel.source = source;
  if (course) panel.moment = moment();
  if (!panel.dataset.drawn) await library();
  await Plotly.react(panel, figure.data, figure.layout, config(panel));
  if (panel.dataset.drawn) return true;
  panel.dataset.drawn = "true";
  if (scenes.includes(panel)) linkScene(panel), replacePreview(panel);
  if (maps.includes(panel)) linkMap(panel);
  return true;
}

function previewScenes() {
  for (const panel of scenes) {
    const figure = panel.dataset.drawn || isUnseen(panel) ? null : prepared(panel);
    if (figure) preview(panel, figure);
  }
}

// Those within the window come first, scenes after the others there, as previews of them are seen already.
function inOrder() {
  const within = new Set(panels.filter((panel) => {
    const { top, bottom, height } = panel.getBoundingClientRect();
    return height > 0 && bottom > 0 && top < innerHeight;
  }));
  const rank = (panel) => (within.has(panel) ? Number(scenes.includes(panel)) : 2);
  return [...panels].sort((one, other) => rank(one) - rank(other));
}

let round = 0;
async function drawAll() {
  const mine = ++round;
  readGrids();
  readOut();
  previewScenes();
  await library();
  for (const panel of inOrder()) {
    if (!(await draw(panel))) continue;
    await new Promise((done) => setTimeout(done)); // handle clicks first
    if (mine !== round) return;
  }
  while (document.querySelector(".preview")) await frame();
  if (mine !== round) return;
  document.documentElement.dataset.ready = String(mine);
}
