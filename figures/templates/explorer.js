"use strict";

// What is shown is a state, the address tells it, and everything is drawn from it. Each panel (an element with
// data-panel) is either of one model (data-of) or of all; traces of all tell their model in ``meta``.
const page = JSON.parse(document.getElementById("data").textContent);
const panels = [...document.querySelectorAll("[data-panel]")];
const [scenes, maps] = ["surface", "contour"].map((name) => panels.filter(({ dataset }) => dataset.panel === name));
const toggles = [...document.querySelectorAll("[data-trace]")];
const chips = [...document.querySelectorAll("[data-chip]")];
const menu = document.getElementById("quantity");
const threeD = scenes.length > 0 && hasWebGL();
const CAMERA = { eye: { x: 1.0, y: -1.3, z: 1.16 }, center: { x: 0.02, y: 0, z: -0.26 } };

// ---- data: values that are stored once, and arrays of few different values -----------------------------------------

function unpacked(value) {
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map(unpacked);
  if ("$" in value) return unpacked(page.pool[value.$]);
  if ("$of" in value) {
    const each = Array.from(atob(value.at), (place) => value.$of[place.charCodeAt(0)]);
    const { columns } = value;
    return columns ? Array.from({ length: each.length / columns }, (_, row) => each.slice(row * columns, (row + 1) * columns)) : each;
  }
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, unpacked(each)]));
}

// Steps into packed values, and unpacks only what is asked for.
const opened = (value) => (value !== null && typeof value === "object" && "$" in value ? page.pool[value.$] : value);
const found = (value, ...keys) => unpacked(keys.reduce((inner, key) => opened(inner)?.[key], value) ?? null);

// ---- the state, and the address that tells it ----------------------------------------------------------------------

const initial = () => ({
  quantity: "loss",
  scale: "linear",
  share: "shared",
  hidden: new Set(page.models.map((_, index) => index).filter((index) => index >= page.first)),
  on: new Set(),
  camera: structuredClone(CAMERA),
  at: [0, 0],
});
let state = initial();

const rounded = (number) => Math.round(number * 1000) / 1000;
const cameraTold = ({ eye, center }) => [eye, center].flatMap(({ x, y, z }) => [x, y, z].map(rounded)).join();
const hiddenTold = ({ hidden }) => [...hidden].sort((a, b) => a - b).map((index) => index + 1).join();

function address() {
  const usual = initial();
  const told = new URLSearchParams();
  for (const key of ["quantity", "scale", "share"]) if (state[key] !== usual[key]) told.set(key, state[key]);
  if (hiddenTold(state) !== hiddenTold(usual)) told.set("hidden", hiddenTold(state));
  if (state.on.size) told.set("on", [...state.on].join());
  if (cameraTold(state.camera) !== cameraTold(usual.camera)) told.set("camera", cameraTold(state.camera));
  if (state.at.some(Boolean)) told.set("at", state.at.map((each) => Number(each.toPrecision(6))).join());
  return `#${told}`;
}

// Whatever an address says that makes no sense here is left at its usual value.
function fromAddress() {
  const told = new URLSearchParams(location.hash.slice(1));
  const numbersOf = (key, count) => {
    const each = (told.get(key) ?? "").split(",").map(Number);
    return told.has(key) && each.length === count && each.every(Number.isFinite) ? each : null;
  };
  state = initial();
  if (Object.hasOwn(page.views, told.get("quantity") ?? "")) state.quantity = told.get("quantity");
  if (["linear", "log", "rise"].includes(told.get("scale"))) state.scale = told.get("scale");
  if (told.get("share") === "own") state.share = "own";
  if (told.has("hidden")) {
    const hidden = told.get("hidden").split(",").map((each) => Number(each) - 1);
    state.hidden = new Set(hidden.filter((index) => page.models[index]));
  }
  state.on = new Set((told.get("on") ?? "").split(",").filter((id) => toggles.some((toggle) => toggle.id === id)));
  const camera = numbersOf("camera", 6);
  if (camera && camera.slice(0, 3).some(Boolean)) {
    const [eye, center] = [camera.slice(0, 3), camera.slice(3)].map(([x, y, z]) => ({ x, y, z }));
    state.camera = { eye, center };
  }
  state.at = numbersOf("at", 2) ?? [0, 0];
}

let later;
function remember(push) {
  clearTimeout(later);
  if (address() === (location.hash || "#")) return;
  if (push) history.pushState(null, "", address());
  else later = setTimeout(() => history.replaceState(null, "", address()), 250);
}

// ---- what is shown -------------------------------------------------------------------------------------------------

const scalesOf = (quantity) => Object.keys(opened(page.views[quantity]));
const view = (...keys) => found(page.views[state.quantity], state.scale, ...keys);
const isShown = (index) => !state.hidden.has(index);
const share = () => (page.models.length > 1 ? state.share : "shared");

// Not every quantity has every scale: one without logarithms falls back to the linear one.
function settle() {
  if (!scalesOf(state.quantity).includes(state.scale)) state.scale = "linear";
  if (menu) menu.value = state.quantity;
  for (const input of document.querySelectorAll("input[name=scale]")) {
    input.disabled = !scalesOf(state.quantity).includes(input.value);
    input.checked = input.value === state.scale;
  }
  for (const input of document.querySelectorAll("input[name=share]")) input.checked = input.value === state.share;
  for (const toggle of toggles) toggle.checked = state.on.has(toggle.id);
  for (const chip of chips) chip.setAttribute("aria-pressed", String(isShown(Number(chip.dataset.chip))));
  for (const part of document.querySelectorAll("[data-model]")) part.hidden = !isShown(Number(part.dataset.model));
  const count = page.models.length - state.hidden.size;
  const columns = count <= 3 ? Math.max(count, 1) : count === 4 ? 2 : count <= 6 || count === 9 ? 3 : 4;
  document.body.style.setProperty("--columns", columns);
  document.body.classList.toggle("own", share() === "own");
  drawBar();
}

function drawBar() {
  const bar = document.getElementById("bar");
  if (!bar) return;
  const drawn = view("bar");
  bar.hidden = share() === "own" || !drawn;
  if (bar.hidden) return;
  bar.querySelector(".bar-label").textContent = drawn.label;
  bar.querySelector(".bar-ticks").replaceChildren(
    ...drawn.ticks.map(([at, text]) => Object.assign(document.createElement("span"), { textContent: text, style: `left: ${100 * at}%` })),
  );
}

// ---- figures -------------------------------------------------------------------------------------------------------

const COLOURS = Object.fromEntries(page.models.map(({ colour }, index) => [index, colour]));
let grids = []; // of the quantity and scale shown, by model: coordinates, heights, how each is known

function readGrids() {
  grids = (view("grids") ?? []).map(
    (grid) => grid && { ...grid, alphas: numbers(grid.alphas), betas: numbers(grid.betas), values: numbers(grid.values) },
  );
}

function figureOf(panel) {
  const { panel: name, of } = panel.dataset;
  if (of !== undefined) {
    const figure = view("figures", name, share(), Number(of));
    if (figure && name === "surface") figure.layout.scene.camera = cameraOf(panel);
    if (figure && name === "contour") figure.layout.shapes = crosshair(Number(of));
    return figure;
  }
  const figure = name.startsWith("profile-") ? profile(Number(name.slice(-1))) : found(page.common[name], ...bandScale(name));
  if (figure) figure.data = figure.data.filter(({ meta }) => meta === undefined || isShown(meta));
  return figure;
}

const bandScale = (name) => [name === "band" ? (opened(page.common.band)[state.scale] ? state.scale : "linear") : "linear"];

// Lines through the crosshair along one coordinate, at each model's nearest row or column.
function profile(along) {
  const figure = view("profiles", along);
  if (!figure) return null;
  for (const trace of figure.data) {
    const { alphas, betas, values } = grids[trace.meta];
    const [row, column] = [nearest(betas, state.at[1]), nearest(alphas, state.at[0])];
    const heights = along === 0 ? values[row] : values.map((each) => each[column]);
    trace.x = along === 0 ? alphas : betas;
    trace.y = state.scale === "log" ? heights.map((height) => 10 ** height) : heights;
    if (trace.x.length === 1) trace.mode = "markers";
  }
  figure.layout.shapes = [lineAt("x", state.at[along])];
  return figure;
}

const lineAt = (axis, at) => ({
  type: "line",
  ...(axis === "x" ? { xref: "x", yref: "y domain", x0: at, x1: at, y0: 0, y1: 1 } : { xref: "x domain", yref: "y", x0: 0, x1: 1, y0: at, y1: at }),
  line: { color: "#D55E00", width: 1, dash: "dot" },
});

function crosshair(index) {
  const grid = grids[index];
  if (!grid) return [];
  const [x, y] = [grid.alphas[nearest(grid.alphas, state.at[0])], grid.betas[nearest(grid.betas, state.at[1])]];
  return [lineAt("x", x), lineAt("y", y)];
}

const config = (panel) => ({
  displaylogo: false,
  responsive: true,
  modeBarButtons: [["toImage"]],
  toImageButtonOptions: {
    format: panel.dataset.panel === "surface" ? "png" : "svg",
    scale: panel.dataset.panel === "surface" ? 3 : 1,
    filename: [page.name, page.models[panel.dataset.of]?.name, panel.dataset.panel]
      .filter(Boolean)
      .join("-")
      .replace(/[^\p{L}\p{N}.-]+/gu, "_")
      .slice(0, 120),
  },
});

let printing = false; // always in light
const theme = () => (dark.matches && !printing ? "dark" : "light");

async function draw(panel) {
  const away = panel.closest("[hidden]:not(.plot)") !== null;
  const figure = away ? null : figureOf(panel);
  const note = panel.parentElement.querySelector(".missing");
  if (note && !away) {
    note.textContent = page.missing[state.quantity][panel.dataset.of] || "Nothing to draw on this scale.";
    note.hidden = Boolean(figure);
    panel.hidden = !figure;
    const centre = figure ? grids[panel.dataset.of]?.centre : "";
    panel.parentElement.querySelector("figcaption small").textContent = centre ? `${centre} at the centre` : "";
  }
  if (!figure) {
    if (panel.data) Plotly.purge(panel); // scenes above all: a browser has only so many
    delete panel.dataset.drawn;
    return;
  }
  figure.layout.template = page.templates[theme()];
  for (const trace of figure.data) {
    const toggle = toggles.find(({ dataset }) => dataset.trace === trace.name);
    if (toggle) trace.visible = toggle.checked && trace.visible !== false;
  }
  await Plotly.react(panel, figure.data, figure.layout, config(panel));
  if (panel.dataset.drawn) return;
  panel.dataset.drawn = "true";
  if (scenes.includes(panel)) linkScene(panel);
  if (maps.includes(panel)) linkMap(panel);
}

let round = 0;
async function drawAll() {
  const mine = ++round;
  settle();
  readGrids();
  readOut();
  for (const panel of panels) {
    await draw(panel);
    await new Promise((done) => setTimeout(done)); // what was clicked meanwhile comes first
    if (mine !== round) return;
  }
  document.documentElement.dataset.ready = String(mine);
}

// ---- the crosshair: coordinates, read at each model's nearest point ------------------------------------------------

// What the heights are; on the logarithmic scale losses are read out as such.
const heightTold = () => (state.scale === "rise" ? view("bar").label : state.quantity);

function readOut() {
  const output = document.getElementById("readout");
  if (!output) return;
  const log = state.scale === "log";
  const each = grids.flatMap((grid, index) => {
    if (!grid || !isShown(index)) return [];
    const [row, column] = [nearest(grid.betas, state.at[1]), nearest(grid.alphas, state.at[0])];
    const height = grid.values[row][column];
    const known = typeof grid.states === "string" ? grid.states : grid.states[row][column];
    const part = document.createElement("span");
    const swatch = Object.assign(document.createElement("i"), { className: "swatch" });
    swatch.style.setProperty("--model", COLOURS[index]);
    const [value, how] = [document.createElement("b"), document.createElement("small")];
    value.textContent = Number.isFinite(height) ? told(log ? 10 ** height : height) : "no finite value";
    how.textContent = Number.isFinite(height) ? known : "";
    part.append(swatch, page.models[index].name, value, how);
    return [part];
  });
  const where = document.createElement("span");
  const [across, along] = view("symbols") ?? [];
  where.textContent = `At ${across} ${told(state.at[0])}, ${along} ${told(state.at[1])}, ${heightTold()}:`;
  output.replaceChildren(where, ...each);
}

let moving = false;
function moveTo(at) {
  if (at[0] === state.at[0] && at[1] === state.at[1]) return;
  state.at = at;
  if (moving) return;
  moving = true;
  requestAnimationFrame(() => {
    moving = false;
    readOut();
    for (const panel of maps) if (panel.dataset.drawn) Plotly.relayout(panel, { shapes: crosshair(Number(panel.dataset.of)) });
    for (const panel of panels.filter(({ dataset }) => dataset.drawn && dataset.panel.startsWith("profile-"))) draw(panel);
    remember(false);
  });
}

const follow = (event) => {
  const { x, y } = event.points[0];
  if (Number.isFinite(x) && Number.isFinite(y)) moveTo([x, y]);
};

function linkMap(panel) {
  panel.on("plotly_hover", follow);
  panel.on("plotly_click", follow);
}

function mapKeys(event) {
  const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1] }[event.key];
  const grid = grids[event.target.dataset.of];
  if (!step || !grid) return;
  event.preventDefault();
  const next = (axis, at, by) => axis[Math.min(Math.max(nearest(axis, at) + by, 0), axis.length - 1)];
  moveTo([next(grid.alphas, state.at[0], step[0]), next(grid.betas, state.at[1], step[1])]);
}

// ---- the camera: the scene that is being turned leads, all others follow -------------------------------------------

let leading = null;
let turning = false;
let behind = false; // the others, since they last followed

// Labels keep their size: a small or narrow scene is looked at from farther away, so that nothing is cut off.
const farther = ({ clientWidth, clientHeight }) => Math.max(0.92, 1.12 - clientWidth / 2400, (1.12 * clientHeight) / clientWidth);

function cameraOf(panel) {
  const { eye, center } = structuredClone(state.camera);
  for (const axis of "xyz") eye[axis] *= farther(panel);
  return { eye, center, up: { x: 0, y: 0, z: 1 } };
}

// At most once a frame; where scenes are slow to draw, the one being turned keeps two thirds of the time.
function turnOthers() {
  behind = true;
  if (turning) return;
  turning = true;
  requestAnimationFrame((begun) => {
    behind = false;
    for (const panel of scenes) if (panel !== leading && panel.dataset.drawn) Plotly.relayout(panel, { "scene.camera": cameraOf(panel) });
    remember(false);
    requestAnimationFrame((ended) => {
      const rest = ended - begun > 60 ? 2 * (ended - begun) : 0;
      setTimeout(() => {
        turning = false;
        if (behind) turnOthers();
      }, rest);
    });
  });
}

function linkScene(panel) {
  const lead = (event) => {
    const camera = event["scene.camera"];
    if (panel !== leading || !camera) return;
    const { eye, center } = structuredClone({ eye: camera.eye, center: camera.center });
    for (const axis of "xyz") eye[axis] /= farther(panel);
    state.camera = { eye, center };
    turnOthers();
  };
  panel.on("plotly_relayouting", lead);
  panel.on("plotly_relayout", lead);
}

function sceneKeys(event) {
  const eye = turned(state.camera.eye, event);
  if (!eye || !scenes.includes(event.target)) return;
  event.preventDefault();
  leading = null; // all follow
  state.camera.eye = eye;
  turnOthers();
}

// ---- the table -----------------------------------------------------------------------------------------------------

const table = document.getElementById("numbers");
let order = page.models.map((_, index) => index);

function sortBy(button) {
  const head = button.closest("th");
  const next = { none: "ascending", ascending: "descending", descending: "none" }[head.ariaSort ?? "none"];
  for (const each of table.querySelectorAll("[aria-sort]")) each.setAttribute("aria-sort", each === head ? next : "none");
  const values = page.table.order[button.dataset.row];
  const sign = next === "descending" ? -1 : 1;
  order = page.models.map((_, index) => index);
  // What is missing stays last.
  if (next !== "none") order.sort((a, b) => (values[a] === null) - (values[b] === null) || sign * (values[a] - values[b]));
  for (const row of table.rows) {
    const cells = Object.fromEntries([...row.querySelectorAll("[data-model]")].map((cell) => [cell.dataset.model, cell]));
    row.append(...order.map((index) => cells[index]));
  }
}

function tableText(format) {
  const { models, rows } = page.table[format];
  const chosen = order.filter(isShown);
  const lines = [["", ...chosen.map((index) => models[index])], ...rows.map(([label, ...cells]) => [label, ...chosen.map((index) => cells[index])])];
  if (format === "markdown") {
    lines.splice(1, 0, ["---", ...chosen.map(() => "---:")]);
    return lines.map((line) => `| ${line.join(" | ")} |\n`).join("");
  }
  const [head, ...body] = lines.map((line) => `${line.join(" & ")} \\\\`);
  return [`\\begin{tabular}{l${"r".repeat(chosen.length)}}`, "\\toprule", head, "\\midrule", ...body, "\\bottomrule", "\\end{tabular}", ""].join("\n");
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without the permission, the old way: what is selected.
    const area = Object.assign(document.createElement("textarea"), { value: text, style: "position: fixed; opacity: 0" });
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    if (!done) return "This browser does not let the page copy.";
  }
  return "Copied.";
}

// ---- start ---------------------------------------------------------------------------------------------------------

function change(update) {
  return (event) => {
    update(event.target.closest("button, input, select"));
    settle();
    remember(true);
    drawAll();
  };
}

const on = (selector, kind, action) => document.querySelectorAll(selector).forEach((each) => each.addEventListener(kind, action));
on("[data-chip]", "click", change(({ dataset }) => {
  const index = Number(dataset.chip);
  if (!state.hidden.delete(index)) state.hidden.add(index);
}));
on("#quantity", "change", change(({ value }) => (state.quantity = value)));
on("input[name=scale]", "change", change(({ value }) => (state.scale = value)));
on("input[name=share]", "change", change(({ value }) => (state.share = value)));
on("[data-trace]", "change", change(({ id, checked }) => state.on[checked ? "add" : "delete"](id)));
on("#reset", "click", change(() => Object.assign(state, { camera: structuredClone(CAMERA), at: [0, 0] })));
on(".sort", "click", ({ currentTarget }) => sortBy(currentTarget));
on("[data-copy]", "click", async ({ currentTarget }) => {
  document.getElementById("copied").textContent = await copy(tableText(currentTarget.dataset.copy));
});
maps.forEach((panel) => panel.addEventListener("keydown", mapKeys));
scenes.forEach((panel) => {
  const lead = () => (leading = panel);
  panel.addEventListener("keydown", sceneKeys);
  panel.addEventListener("pointerdown", () => (lead(), panel.focus({ preventScroll: true })), { capture: true });
  // The wheel scrolls the page, and zooms only once a scene has been chosen by a click or by Tab.
  panel.addEventListener("wheel", (event) => (panel.contains(document.activeElement) ? lead() : event.stopPropagation()), { capture: true });
});
if (scenes.length > 0 && !threeD) {
  document.getElementById("surfaces").hidden = true;
  document.getElementById("no-webgl").hidden = false;
}
const again = () => {
  fromAddress();
  drawAll();
};
addEventListener("popstate", again);
dark.addEventListener("change", drawAll);
// Nothing waits for a page that prints: all is drawn at once, scenes as they were when they were last seen.
const printed = (now) => () => {
  printing = now;
  document.querySelectorAll(".fold").forEach((notes) => (notes.open = now)); // provenance would be dozens of pages
  panels.filter((panel) => panel.dataset.drawn && (!now || !scenes.includes(panel))).forEach(draw);
};
addEventListener("beforeprint", printed(true));
addEventListener("afterprint", printed(false));
again();
