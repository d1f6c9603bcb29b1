"use strict";

// What is shown is a state; the address tells it, and everything is drawn from it.
const CAMERA = { eye: { x: 1.0, y: -1.3, z: 1.16 }, center: { x: 0.02, y: 0, z: -0.26 } };
const NEARER = { "+": 0.9, "=": 0.9, "-": 1 / 0.9 }; // what keys make of a distance
const toggles = [...document.querySelectorAll("[data-trace]")];
const chips = [...document.querySelectorAll("[data-chip]")];
const menu = document.getElementById("quantity");

const initial = () => ({
  quantity: "loss",
  scale: "linear",
  share: "shared",
  hidden: new Set(page.models.map((_, index) => index).filter((index) => index >= page.first)),
  on: new Set(page.on),
  camera: structuredClone(CAMERA),
  at: [0, 0],
  zoom: null, // of the maps: lowest and highest α, lowest and highest β
  sort: 0, // the row of the table, counted from one, that models are sorted by; less than zero: the largest first
});
let state = initial();

const rounded = (number) => Math.round(number * 1000) / 1000;
const cameraTold = ({ eye, center }) => [eye, center].flatMap(({ x, y, z }) => [x, y, z].map(rounded)).join();
const onTold = ({ on }) => [...on].sort().join();
const hiddenTold = ({ hidden }) => [...hidden].sort((a, b) => a - b).map((index) => index + 1).join();

function address() {
  const usual = initial();
  const told = new URLSearchParams();
  for (const key of ["quantity", "scale", "share", "sort"]) if (state[key] !== usual[key]) told.set(key, state[key]);
  if (hiddenTold(state) !== hiddenTold(usual)) told.set("hidden", hiddenTold(state));
  if (onTold(state) !== onTold(usual)) told.set("on", onTold(state));
  if (cameraTold(state.camera) !== cameraTold(usual.camera)) told.set("camera", cameraTold(state.camera));
  for (const key of ["at", "zoom"]) if (state[key]?.some(Boolean)) told.set(key, state[key].map((each) => Number(each.toPrecision(6))).join());
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
  if (told.has("hidden") && chips.length) {
    const hidden = told.get("hidden").split(",").map((each) => Number(each) - 1);
    state.hidden = new Set(hidden.filter((index) => page.models[index]));
  }
  if (told.has("on")) state.on = new Set(told.get("on").split(",").filter((id) => toggles.some((toggle) => toggle.id === id)));
  const camera = numbersOf("camera", 6);
  if (camera && camera.slice(0, 3).some(Boolean)) {
    const [eye, center] = [camera.slice(0, 3), camera.slice(3)].map(([x, y, z]) => ({ x, y, z }));
    state.camera = { eye, center };
  }
  state.at = numbersOf("at", 2) ?? [0, 0];
  const zoom = numbersOf("zoom", 4);
  if (zoom && zoom[0] < zoom[1] && zoom[2] < zoom[3]) state.zoom = zoom;
  const sort = Number(told.get("sort"));
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
  document.body.style.setProperty("--map-columns", count === 4 ? 4 : columns); // maps are legible when small
  document.body.classList.toggle("own", share() === "own");
  document.body.classList.toggle("one", count === 1);
  drawBar();
  drawTable();
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
