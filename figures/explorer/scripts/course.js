"use strict";

// Training runs that are played: markers on surfaces and maps, the paths behind and ahead of them, a line through the
// curves, and the table's row of the snapshot that was reached. Between two snapshots only the picture moves.
const { course } = page;
const calm = matchMedia("(prefers-reduced-motion: reduce)"); // then from snapshot to snapshot, without a movement
const player = document.querySelector(".player");
const [playButton, slider, momentText] = ["play", "moment", "moment-text"].map((id) => document.getElementById(id));
const CURVES = "course-";
const STEP = { least: 200, most: 700, all: 9000 }; // milliseconds from one snapshot to the next, and for all of them

let between = null; // while it plays: the time that is shown, which may lie between two snapshots

const moment = () => between ?? state.moment ?? course.times.at(-1);
const momentIndex = () => nearest(course.times, moment());

// ---- where a run stands ----------------------------------------------------------------------------------------------

// How many snapshots a run has behind it at the moment; while it plays, with a fraction of the way to the next.
function positionOf({ times }) {
  const next = times.findIndex((time) => time > moment());
  if (next === -1) return times.length - 1;
  if (next === 0) return 0;
  return next - 1 + (between === null ? 0 : (moment() - times[next - 1]) / (times[next] - times[next - 1]));
}

const mixed = (values, place) => {
  const [below, share] = [Math.floor(place), place % 1];
  return share ? values[below] * (1 - share) + values[below + 1] * share : values[below];
};
const walked = (values, place) => [...values.slice(0, Math.floor(place) + 1), ...(place % 1 ? [mixed(values, place)] : [])];
const toCome = (values, place) => [mixed(values, place), ...values.slice(Math.floor(place) + 1)];
const hasEnded = ({ times }) => times.at(-1) < course.times.at(-1) && moment() >= times.at(-1);
const opacityOf = (run, place) => 1 - 0.6 * mixed(run.rows.map(({ share }) => share), place);

// ---- what moves in a panel -------------------------------------------------------------------------------------------

const runsOn = (panel) => course.runs.filter(({ model }) => model === Number(panel.dataset.of));
const runOf = ({ legendgroup, meta }, panel) =>
  course.runs.find(({ model, place }) => model === Number(panel.dataset.of ?? meta) && legendgroup === `run-${place}`);

// The traces of a figure that move, each with its whole path.
function moversOf(panel, figure) {
  return figure.data.flatMap((trace, index) => {
    const run = runOf(trace, panel);
    if (!run || !["path", "path to come", "pin", "runner", "here"].includes(trace.name)) return [];
    const whole = Object.fromEntries(["x", "y", "z"].filter((axis) => axis in trace).map((axis) => [axis, Array.from(numbers(trace[axis]))]));
    return [{ index, run, whole, kind: trace.name === "path" && trace.mode === "markers" ? "snapshots" : trace.name }];
  });
}

// The coordinates of a trace at the moment. A path has as many points from each snapshot to the next.
function moved({ run, whole, kind }, movers, panel) {
  const place = positionOf(run);
  if (kind === "here") {
    const y = mixed(run.curves[panel.dataset.panel.slice(CURVES.length)], place);
    return { x: [mixed(run.times, place)], y: [y] };
  }
  const path = movers.find((mover) => mover.run === run && mover.kind === "path to come").whole;
  const dense = (place * (path.x.length - 1)) / Math.max(run.times.length - 1, 1);
  return Object.fromEntries(
    Object.keys(whole).map((axis) => {
      if (kind === "snapshots") return [axis, whole[axis].slice(0, Math.floor(place) + 1)];
      if (kind === "path") return [axis, walked(whole[axis], dense)];
      if (kind === "path to come") return [axis, toCome(path[axis], dense)];
      const at = mixed(path[axis], dense);
      const lift = whole[axis].at(-1) - path[axis].at(-1);
      return [axis, kind === "pin" ? [at, at + lift] : [at + lift]];
    }),
  );
}

// Beside each marker its run's name; the epoch if there is one run.
function labelsOf(panel, movers) {
  const runs = runsOn(panel);
  const [across, along] = scenes.includes(panel) ? [34, 34] : [26, 26];
  return movers.filter(({ kind }) => kind === "runner").map((mover) => {
    const at = moved(mover, movers, panel);
    const turn = runs.indexOf(mover.run) % 2 ? 1 : -1; // to the left and up, or to the right and down
    return {
      ...Object.fromEntries(Object.entries(at).map(([axis, [value]]) => [axis, value])),
      text: escaped(runs.length > 1 ? mover.run.label : mover.run.rows[Math.floor(positionOf(mover.run))].name),
      ax: turn * across,
      ay: turn * along,
      xanchor: turn > 0 ? "left" : "right",
      showarrow: true,
      arrowhead: 0,
      arrowwidth: 1.2,
      arrowcolor: mover.run.colour,
      standoff: 7,
      borderpad: 3,
    };
  });
}

// As far off the plane as a snapshot lies: directions of such a plane have length 1, so that distances are those of the map.
const rings = (index) =>
  course?.runs.filter(({ model }) => model === index).map((run) => {
    const place = positionOf(run);
    const [x, y] = [0, 1].map((axis) => mixed(run.points.map((point) => point[axis]), place));
    const off = mixed(run.off, place);
    return { type: "circle", xref: "x", yref: "y", x0: x - off, x1: x + off, y0: y - off, y1: y + off, line: { color: "#ffffff", width: 1.5, dash: "dot" }, fillcolor: "rgba(255,255,255,0.08)" };
  }) ?? [];

function layoutOf(panel, fixed, movers) {
  if (scenes.includes(panel)) return { "scene.annotations": [...fixed, ...labelsOf(panel, movers)] };
  const begins = ({ text }) => movers.some(({ run }) => positionOf(run) < 1 && run.rows[0].name === text);
  if (maps.includes(panel)) return { annotations: [...fixed.filter((one) => !begins(one)), ...labelsOf(panel, movers)], shapes: crosshair(Number(panel.dataset.of)) };
  return { shapes: [lineAt("x", moment())] };
}

const hasMoment = ({ dataset }) => dataset.panel.startsWith(CURVES) || (course.unit === "epoch" && ["valid_ndcg@20", "train_loss"].includes(dataset.panel));

// Puts the runs of a new figure where they stand.
function placeRuns(panel, figure) {
  if (!course || !figure) return figure;
  const movers = moversOf(panel, figure);
  if (!movers.length && !hasMoment(panel)) return figure;
  const fixed = (scenes.includes(panel) ? figure.layout.scene : figure.layout).annotations ?? [];
  panel.running = { movers, fixed };
  for (const mover of movers) {
    const trace = figure.data[mover.index];
    Object.assign(trace, moved(mover, movers, panel));
    if (mover.kind === "runner" && maps.includes(panel)) trace.marker = { ...trace.marker, opacity: opacityOf(mover.run, positionOf(mover.run)) };
  }
  const layout = layoutOf(panel, fixed, movers);
  if ("scene.annotations" in layout) figure.layout.scene.annotations = layout["scene.annotations"];
  else Object.assign(figure.layout, layout);
  return figure;
}

// Moves the runs of a panel that is drawn.
async function moveRuns(panel) {
  const { movers, fixed } = panel.running;
  const layout = layoutOf(panel, fixed, movers);
  panel.moment = moment();
  if (!movers.length) return Plotly.relayout(panel, layout);
  const places = movers.map((mover) => moved(mover, movers, panel));
  const update = Object.fromEntries(["x", "y", "z"].filter((axis) => axis in places[0]).map((axis) => [axis, places.map((place) => place[axis])]));
  if (maps.includes(panel)) update["marker.opacity"] = movers.map(({ run, kind }) => (kind === "runner" ? opacityOf(run, positionOf(run)) : undefined));
  return Plotly.update(panel, update, layout, movers.map(({ index }) => index));
}

// ---- the moment ------------------------------------------------------------------------------------------------------

// The table and the player at the moment.
function tellMoment() {
  const index = momentIndex();
  const last = course.times.at(-1);
  const time = course.times[between === null ? index : course.times.findLastIndex((one) => one <= between)];
  slider.value = index;
  momentText.replaceChildren(`${course.unit} `, Object.assign(document.createElement("b"), { textContent: time }), ` of ${last}`);
  const told = course.runs.map((run, number) => {
    const row = run.rows[Math.floor(positionOf(run))];
    const line = document.querySelector(`#runs [data-run="${number}"]`);
    for (const cell of line.querySelectorAll("[data-cell]")) cell.textContent = row[cell.dataset.cell];
    line.querySelector(".off").style.setProperty("--off", row.share);
    line.classList.toggle("ended", hasEnded(run));
    return isShown(run.model) ? `${run.name}: loss ${row.loss}, ${row.off.split(",")[0]} off the plane${hasEnded(run) ? ", ended" : ""}` : [];
  });
  if (between === null) slider.setAttribute("aria-valuetext", [`${course.unit} ${time}`, ...told.flat()].join("; "));
  document.body.classList.toggle("playing", between !== null);
  playButton.ariaLabel = between === null ? "Play" : "Pause";
}

// Panels that nobody sees are left as they are until it stops.
const seen = new Set();
const watch = new IntersectionObserver((entries) => entries.forEach(({ target, isIntersecting }) => seen[isIntersecting ? "add" : "delete"](target)));

let stale = false; // whether the moment has changed since the drawing began that is not done yet
let redrawing = null;

async function redraw() {
  while (stale) {
    stale = false;
    for (const panel of panels) if (panel.dataset.drawn && panel.running && (between === null || seen.has(panel))) await moveRuns(panel);
    await new Promise(requestAnimationFrame);
  }
}

function showMoment() {
  tellMoment();
  stale = true;
  redrawing ??= redraw().finally(() => (redrawing = null));
  return redrawing;
}

function goTo(index) {
  between = null;
  const time = course.times[Math.min(Math.max(index, 0), course.times.length - 1)];
  state.moment = time === course.times.at(-1) ? null : time;
  remember(false);
  return showMoment();
}

let plays = 0; // how often it was begun: an earlier one ends
async function play() {
  const mine = ++plays;
  const { times } = course;
  const last = times.length - 1;
  const first = momentIndex() === last ? 0 : momentIndex();
  const step = Math.min(Math.max(STEP.all / last, STEP.least), STEP.most);
  const begun = performance.now();
  between = times[first];
  while (between !== null && mine === plays) {
    const place = Math.min(first + (performance.now() - begun) / (calm.matches ? STEP.most : step), last);
    between = calm.matches ? times[Math.floor(place)] : mixed(times, place);
    await showMoment();
    if (place === last && between !== null && mine === plays) goTo(last);
    else if (calm.matches) await new Promise((done) => setTimeout(done, 50));
  }
}

// At the snapshot that was reached last.
const pause = () => between !== null && goTo(course.times.findLastIndex((time) => time <= between));
const toggle = () => (between === null ? play() : pause());

function playerKeys(event) {
  const { key, target, ctrlKey, metaKey, altKey } = event;
  if (ctrlKey || metaKey || altKey || (key === " " && target === playButton)) return; // the button has its own
  const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[key];
  const to = { Home: 0, End: course.times.length - 1 }[key] ?? (by ? momentIndex() + by : null);
  if (key !== " " && to === null) return;
  event.preventDefault();
  if (key === " ") toggle();
  else goTo(to);
}

function listenToPlayer() {
  if (!course) return;
  panels.forEach((panel) => watch.observe(panel));
  playButton.addEventListener("click", toggle);
  slider.addEventListener("input", () => goTo(Number(slider.value)));
  player.addEventListener("keydown", playerKeys);
  document.addEventListener("visibilitychange", () => document.hidden && pause());
  addEventListener("beforeprint", pause);
}
