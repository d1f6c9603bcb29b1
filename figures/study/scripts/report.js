"use strict";

// The state of the report, and everything that is drawn from it: figures that come near the window, and tables.
const NEARER = { "+": 0.9, "=": 0.9, "-": 1 / 0.9 }; // by which keys multiply a distance
const SCALES = ["linear", "log"]; // of the heights of surfaces
const state = {
  camera: structuredClone(CAMERA),
  hidden: new Set(), // methods
  chosen: {}, // group of alternatives -> which one is shown
};
let printing = false; // in the light theme
const remember = () => {}; // camera.js calls all three; this page has no state in its address, no crosshair, no previews
const follow = () => {};
const previewScenes = () => {};

const dark = matchMedia("(prefers-color-scheme: dark)");
const theme = () => (dark.matches && !printing ? "dark" : "light");
const isShown = (index) => !state.hidden.has(index);

// ---- figures -------------------------------------------------------------------------------------------------------

const near = new Set(); // panels that are, or have been, close to the window
const isSurface = (panel) => panel.dataset.panel === "surface";

function figureOf(panel) {
  const scales = page.figures[panel.dataset.key];
  const scale = isSurface(panel) ? SCALES[state.chosen.scale ?? 0] : "linear";
  if (!(scale in scales)) return null;
  const figure = unpacked(scales[scale]);
  figure.data = figure.data.filter(({ meta }) => meta === undefined || isShown(meta));
  return figure;
}

const config = (panel) => ({
  displaylogo: false,
  doubleClick: "reset",
  responsive: true,
  modeBarButtons: [["toImage"]],
  toImageButtonOptions: {
    format: isSurface(panel) ? "png" : "svg",
    scale: isSurface(panel) ? 3 : 1,
    filename: `${page.name}-${panel.dataset.key}`.replace(/[^\p{L}\p{N}.-]+/gu, "_").slice(-120),
  },
});

async function draw(panel) {
  if (!near.has(panel)) return;
  const figure = panel.closest("[hidden]") ? null : figureOf(panel);
  if (!figure) {
    if (panel.data) Plotly.purge(panel); // a browser draws a limited number of scenes
    delete panel.dataset.drawn;
    return;
  }
  if (isSurface(panel)) figure.layout.scene.camera = cameraOf(panel);
  figure.layout.template = page.templates[theme()];
  figure.layout.autosize = true;
  await Plotly.react(panel, figure.data, figure.layout, config(panel));
  if (panel.dataset.drawn) return;
  panel.dataset.drawn = "true";
  if (isSurface(panel)) linkScene(panel);
}

let round = 0;
async function drawAll() {
  const mine = ++round;
  settle();
  for (const panel of panels) {
    if (!near.has(panel)) continue;
    await draw(panel);
    await new Promise((done) => setTimeout(done)); // handle clicks first
    if (mine !== round) return;
  }
  document.documentElement.dataset.ready = String(mine);
}

// A report can have hundreds of figures: each is drawn when it comes near the window.
const watch = new IntersectionObserver(
  (entries) => {
    const come = entries.filter(({ isIntersecting, target }) => isIntersecting && !near.has(target)).map(({ target }) => target);
    come.forEach((panel) => near.add(panel));
    come.forEach(draw);
  },
  { rootMargin: "600px" },
);

// ---- what is shown -------------------------------------------------------------------------------------------------

const each = (selector, action) => document.querySelectorAll(selector).forEach(action);

function settle() {
  each("[data-chip]", (chip) => chip.setAttribute("aria-pressed", String(isShown(Number(chip.dataset.chip)))));
  each("[data-model]", (part) => (part.hidden = !isShown(Number(part.dataset.model))));
  each("[data-in]", (part) => (part.hidden = Number(part.dataset.choice) !== (state.chosen[part.dataset.in] ?? 0)));
  each(".grid", (grid) => {
    const count = grid.querySelectorAll(".cell:not([hidden])").length;
    grid.style.setProperty("--columns", count <= 4 && count !== 3 ? Math.min(Math.max(count, 1), 2) : 3);
  });
}

const on = (selector, kind, action) => each(selector, (element) => element.addEventListener(kind, action));

on("[data-chip]", "click", ({ currentTarget }) => {
  const index = Number(currentTarget.dataset.chip);
  if (!state.hidden.delete(index)) state.hidden.add(index);
  drawAll();
});
on("[data-group]", "change", ({ currentTarget }) => {
  state.chosen[currentTarget.dataset.group] = Number(currentTarget.value);
  drawAll();
});

// ---- tables --------------------------------------------------------------------------------------------------------

// The first click sorts descending, the second ascending, the third restores the order. What has no number stays last.
function sortBy(button) {
  const head = button.closest("th");
  const body = button.closest("table").tBodies[0];
  const rows = [...body.rows];
  rows.forEach((row, index) => (row.dataset.place ??= index));
  const next = { none: "descending", descending: "ascending", ascending: "none" }[head.ariaSort];
  head.parentElement.querySelectorAll("[aria-sort]").forEach((other) => (other.ariaSort = "none"));
  head.ariaSort = next;
  const number = (row) => row.cells[button.dataset.column].dataset.order;
  const sign = next === "ascending" ? 1 : -1;
  const byPlace = (a, b) => Number(a.dataset.place) - Number(b.dataset.place);
  const byNumber = (a, b) => (number(a) === "") - (number(b) === "") || sign * (Number(number(a)) - Number(number(b))) || byPlace(a, b);
  body.append(...rows.sort(next === "none" ? byPlace : byNumber));
}

on(".sort", "click", ({ currentTarget }) => sortBy(currentTarget));
on("[data-copy]", "click", async ({ currentTarget }) => {
  const { copy: format, table } = currentTarget.dataset;
  currentTarget.parentElement.querySelector("[role=status]").textContent = await copy(page.copies[table][format]);
});

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return "Copied.";
  } catch {
    return "This browser does not allow the page to copy.";
  }
}

// ---- the first drawing ---------------------------------------------------------------------------------------------

listenToScenes();
dark.addEventListener("change", drawAll);
addEventListener("resize", turnAll); // the distance of the camera depends on the size
// Everything is printed, also what nobody has scrolled to; print.js then draws it in the light theme.
addEventListener("beforeprint", () => {
  printing = true;
  panels.forEach((panel) => near.add(panel));
  panels.forEach(draw);
});
drawAll();
panels.forEach((panel) => watch.observe(panel));
