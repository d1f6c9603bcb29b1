"use strict";

// The crosshair, read at each model's nearest point, and the enlarged part. Both are the same in all maps; profiles run
// through the crosshair.
const touched = matchMedia("(pointer: coarse)").matches; // a finger on a map scrolls the page

// The centre was evaluated, on whatever grid: there, it is read itself.
const atCentre = ({ centre }) => centre !== null && state.at[0] === 0 && state.at[1] === 0;
const crossed = (grid) => (atCentre(grid) ? [0, 0] : [grid.alphas, grid.betas].map((axis, index) => axis[nearest(axis, state.at[index])]));

function crosshair(index) {
  if (!grids[index]) return [];
  const [x, y] = crossed(grids[index]);
  return [lineAt("x", x, "#ffffff"), lineAt("y", y, "#ffffff"), ...rings(index)];
}

function addCrosshair(layout, index) {
  layout.shapes = crosshair(index);
  layout.dragmode = touched ? false : "zoom";
  if (!state.zoom) return;
  // A part fills its map. Without this, plotly keeps the shape of the map only the first time.
  const whole = { constrain: "range", constraintoward: undefined };
  Object.assign(layout.xaxis, whole, { range: state.zoom.slice(0, 2) });
  Object.assign(layout.yaxis, whole, { range: state.zoom.slice(2) });
}

// One map was zoomed, or reset by a double click: all maps follow.
function zoomTo(zoom) {
  state.zoom = zoom;
  maps.forEach(draw);
  remember(false);
}

// The name of the heights; on the logarithmic scale the readout shows losses.
const heightName = () => (state.scale === "rise" ? view("bar").label : state.quantity);

// The value at the crosshair's nearest grid point, and how it is known: with that point, if it is elsewhere.
function readAt(grid) {
  if (atCentre(grid)) return [grid.centre, "evaluated"];
  const [row, column] = [nearest(grid.betas, state.at[1]), nearest(grid.alphas, state.at[0])];
  const height = state.scale === "log" ? 10 ** grid.values[row][column] : grid.values[row][column];
  const known = typeof grid.states === "string" ? grid.states : grid.states[row][column];
  const [at, asked] = [[grid.alphas[column], grid.betas[row]].map(formatted), state.at.map(formatted)];
  return [height, at.join() === asked.join() ? known : `${known} at ${at.join(", ")}`];
}

function readOut() {
  const output = document.getElementById("readout");
  if (!output) return;
  const values = grids.flatMap((grid, index) => {
    if (!grid || !isShown(index)) return [];
    const [height, known] = readAt(grid);
    const part = document.createElement("span");
    const swatch = Object.assign(document.createElement("i"), { className: "swatch" });
    swatch.style.setProperty("--model", COLOURS[index]);
    const [value, how] = [document.createElement("b"), document.createElement("small")];
    value.textContent = Number.isFinite(height) ? formatted(height) : "no finite value";
    how.textContent = Number.isFinite(height) ? known : "";
    const name = Object.assign(document.createElement("span"), { className: "name", textContent: page.models[index].name });
    part.append(...(page.models.length > 1 ? [swatch, name] : []), value, how);
    return [part];
  });
  const where = document.createElement("span");
  const [across, along] = view("symbols") ?? [];
  if (across) where.textContent = `At ${across} ${formatted(state.at[0])}, ${along} ${formatted(state.at[1])}, ${heightName()}:`;
  output.replaceChildren(where, ...values);
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

// A pointer moves too often to read each value aloud; keys do not.
const readAloud = (aloud) => (document.getElementById("readout").ariaLive = aloud ? "polite" : "off");

const follow = (event) => {
  const { x, y } = event.points[0];
  readAloud(false);
  if (Number.isFinite(x) && Number.isFinite(y)) moveTo([x, y]);
};

function linkMap(panel) {
  panel.on("plotly_hover", follow);
  panel.on("plotly_click", follow);
  panel.on("plotly_relayout", (event) => {
    if (Object.keys(event).some((key) => key.includes("axis.range["))) zoomTo([...panel.layout.xaxis.range, ...panel.layout.yaxis.range]);
  });
  panel.on("plotly_doubleclick", () => zoomTo(null));
}

// The part of the map after plus or minus: it is enlarged around the crosshair, or reduced.
function zoomed(grid, by) {
  const whole = [grid.alphas, grid.betas].flatMap((axis) => [axis[0], axis.at(-1)]);
  const at = crossed(grid);
  const part = (state.zoom ?? whole).map((end, index) => {
    const [low, high] = whole.slice(index - (index % 2));
    const centre = at[Math.floor(index / 2)];
    return Math.min(Math.max(centre + by * (end - centre), low), high);
  });
  return part.every((end, index) => end === whole[index]) ? null : part;
}

function mapKeys(event) {
  const { key, ctrlKey, metaKey, target } = event;
  const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1] }[key];
  const by = NEARER[key];
  const grid = grids[target.dataset.of];
  if ((!step && !by) || !grid || ctrlKey || metaKey) return;
  event.preventDefault();
  if (by) {
    zoomTo(zoomed(grid, by));
    return;
  }
  const next = (axis, at, by) => axis[Math.min(Math.max(nearest(axis, at) + by, 0), axis.length - 1)];
  readAloud(true);
  moveTo([next(grid.alphas, state.at[0], step[0]), next(grid.betas, state.at[1], step[1])]);
}
