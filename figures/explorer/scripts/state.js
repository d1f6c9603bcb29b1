"use strict";

// The state of the page: it is stored in the address, and everything is drawn from it.
const NEARER = { "+": 0.9, "=": 0.9, "-": 1 / 0.9 }; // by which keys multiply a distance
const toggles = [...document.querySelectorAll("[data-trace]")];
const chips = [...document.querySelectorAll("[data-chip]")];
const menu = document.getElementById("quantity");

const initial = () => ({
  quantity: "loss",
  scale: page.scale, // of several models whose levels lie far apart: above the lowest
  share: "shared",
  hidden: new Set(page.models.map((_, index) => index).filter((index) => index >= page.first)),
  on: new Set(page.on),
  camera: structuredClone(CAMERA),
  at: [0, 0],
  zoom: null, // of the maps: lowest and highest α, lowest and highest β
  moment: null, // the time of the snapshot that is shown of training runs; null: the last
  sort: 0, // the row of the table, counted from one, by which models are sorted; negative: the largest first
});
let state = initial();

const rounded = (number) => Math.round(number * 1000) / 1000;
const cameraText = ({ eye, center }) => [eye, center].flatMap(({ x, y, z }) => [x, y, z].map(rounded)).join();
const onText = ({ on }) => [...on].sort().join();
const hiddenText = ({ hidden }) => [...hidden].sort((a, b) => a - b).map((index) => index + 1).join();

function address() {
  const usual = initial();
  const parameters = new URLSearchParams();
  for (const key of ["quantity", "scale", "share", "sort", "moment"]) if (state[key] !== usual[key]) parameters.set(key, state[key]);
  if (hiddenText(state) !== hiddenText(usual)) parameters.set("hidden", hiddenText(state));
  if (onText(state) !== onText(usual)) parameters.set("on", onText(state));
  if (cameraText(state.camera) !== cameraText(usual.camera)) parameters.set("camera", cameraText(state.camera));
  for (const key of ["at", "zoom"]) if (state[key]?.some(Boolean)) parameters.set(key, state[key].map((value) => Number(value.toPrecision(6))).join());
  return `#${parameters}`;
}

// A value in the address that is invalid here is ignored.
function fromAddress() {
  const parameters = new URLSearchParams(location.hash.slice(1));
  const numbersOf = (key, count) => {
    const values = (parameters.get(key) ?? "").split(",").map(Number);
    return parameters.has(key) && values.length === count && values.every(Number.isFinite) ? values : null;
  };
  state = initial();
  if (Object.hasOwn(page.views, parameters.get("quantity") ?? "")) state.quantity = parameters.get("quantity");
  if (["linear", "log", "rise"].includes(parameters.get("scale"))) state.scale = parameters.get("scale");
  if (parameters.get("share") === "own") state.share = "own";
  if (parameters.has("hidden") && chips.length) {
    const hidden = parameters.get("hidden").split(",").map((index) => Number(index) - 1);
    state.hidden = new Set(hidden.filter((index) => page.models[index]));
  }
  if (parameters.has("on")) state.on = new Set(parameters.get("on").split(",").filter((id) => toggles.some((toggle) => toggle.id === id)));
  const camera = numbersOf("camera", 6);
  if (camera && camera.slice(0, 3).some(Boolean)) {
    const [eye, center] = [camera.slice(0, 3), camera.slice(3)].map(([x, y, z]) => ({ x, y, z }));
    state.camera = { eye, center };
  }
  state.at = numbersOf("at", 2) ?? [0, 0];
  const zoom = numbersOf("zoom", 4);
  if (zoom && zoom[0] < zoom[1] && zoom[2] < zoom[3]) state.zoom = zoom;
  const [time] = numbersOf("moment", 1) ?? [];
  if (page.course?.times.slice(0, -1).includes(time)) state.moment = time;
  const sort = Number(parameters.get("sort"));
  if (page.table.order[Math.abs(sort) - 1]) state.sort = sort;
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
const view = (...keys) => unpackedAt(page.views[state.quantity], state.scale, ...keys);
const isShown = (index) => !state.hidden.has(index);
const share = () => (page.models.length > 1 ? state.share : "shared");

// A quantity without logarithms falls back to the linear scale.
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
  const places = count === 3 && page.models.length === 4 ? 4 : count; // without one of four, the others keep their size
  const columns = places <= 3 ? Math.max(places, 1) : places === 4 ? 2 : places <= 6 || places === 9 ? 3 : 4;
  document.body.style.setProperty("--columns", columns);
  document.body.style.setProperty("--map-columns", places === 4 ? 4 : columns); // maps are legible when small
  document.body.style.setProperty("--wide-columns", places === 4 || places === 5 ? places : columns);
  document.querySelector(".pictures")?.classList.toggle("rows", places === 4);
  document.body.classList.toggle("own", share() === "own");
  document.body.classList.toggle("one", count === 1);
  drawBar();
  drawTable();
  if (course) tellMoment();
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
