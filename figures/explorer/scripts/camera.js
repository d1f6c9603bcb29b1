"use strict";

// The camera: all scenes follow the scene that is being turned.

function hasWebGL() {
  try {
    const canvas = document.createElement("canvas");
    const context = canvas.getContext("webgl") ?? canvas.getContext("experimental-webgl");
    context?.getExtension("WEBGL_lose_context")?.loseContext(); // their number is limited
    return Boolean(context);
  } catch {
    return false;
  }
}

// The camera's eye turned around the vertical axis and tilted, by degrees, its distance multiplied.
function orbited(eye, across, up, by = 1) {
  const distance = Math.hypot(eye.x, eye.y, eye.z);
  const azimuth = Math.atan2(eye.y, eye.x) + (across * Math.PI) / 180;
  const limit = Math.PI / 2 - 0.01;
  const elevation = Math.min(Math.max(Math.asin(eye.z / distance) + (up * Math.PI) / 180, -limit), limit);
  const radius = distance * by;
  return {
    x: radius * Math.cos(elevation) * Math.cos(azimuth),
    y: radius * Math.cos(elevation) * Math.sin(azimuth),
    z: radius * Math.sin(elevation),
  };
}

// After a key: arrows turn and tilt, plus and minus zoom.
function turned(eye, { key, ctrlKey, metaKey }) {
  const turn = { ArrowLeft: [-8, 0], ArrowRight: [8, 0], ArrowUp: [0, 5], ArrowDown: [0, -5] }[key];
  const zoom = NEARER[key];
  return (turn || zoom) && !ctrlKey && !metaKey ? orbited(eye, ...(turn ?? [0, 0]), zoom) : null;
}

// ---- the distance at which the whole box is seen, with its labels ---------------------------------------------------

const FIELD = Math.tan(Math.PI / 8); // the library's field of view is 45° high
const { x: ACROSS, y: ALONG, z: ABOVE } = CAMERA.eye;
const OPENING = {
  distance: Math.hypot(ACROSS, ALONG, ABOVE),
  elevation: Math.atan2(ABOVE, Math.hypot(ACROSS, ALONG)),
  centre: CAMERA.center.z,
};
const BOX = { x: 1, y: 1, z: 0.72 };
const AZIMUTHS = Array.from({ length: 24 }, (_, step) => (step * Math.PI) / 12);
const distances = new Map(); // by size, box and labels

// Labels keep their size in pixels: beside the box for ticks and title of the heights, below it for the other axes. The
// library turns a long title upright.
const roomOf = (scene) => ({
  side: Math.max(44, 14 + 8 * Math.max(0, ...(scene?.zaxis?.ticktext ?? []).map((text) => text.length))) + Math.min(7 * (scene?.zaxis?.title?.text?.length ?? 0), 30),
  top: 8,
  bottom: 40,
});

// Whether the box and its labels are within the panel from all sides, at the opening's elevation.
function fits(by, width, height, sides, room) {
  const [distance, { elevation, centre }] = [by * OPENING.distance, OPENING];
  return AZIMUTHS.every((azimuth) => {
    const [cos, sin] = [Math.cos(azimuth), Math.sin(azimuth)];
    const [out, over] = [distance * Math.cos(elevation), distance * Math.sin(elevation) - centre];
    const [level, tilt] = [out / Math.hypot(out, over), over / Math.hypot(out, over)]; // of the view, which meets the centre
    return [-0.5, 0.5].every((i) => [-0.5, 0.5].every((j) => [-0.5, 0.5].every((k) => {
      const [x, y, z] = [i * sides.x, j * sides.y, k * sides.z - centre];
      const toward = x * cos + y * sin; // the eye
      const depth = Math.hypot(out, over) - toward * level - z * tilt;
      const scale = height / (2 * FIELD * depth); // pixels
      const [right, up] = [scale * (y * cos - x * sin), scale * (z * level - toward * tilt)];
      return depth > 0 && Math.abs(right) + room.side <= width / 2 && up + room.top <= height / 2 && room.bottom - up <= height / 2;
    })));
  });
}

// By how much the distance of a panel's camera is multiplied, so that nothing is cut off.
function farther(panel, scene = panel.layout?.scene) {
  const { clientWidth: width, clientHeight: height } = panel;
  const [sides, room] = [scene?.aspectratio ?? BOX, roomOf(scene)];
  const key = [width, height, sides.x, sides.y, sides.z, room.side].join();
  if (!distances.has(key)) {
    let [near, far] = [0.4, 12];
    while (far - near > 0.005) {
      const middle = (near + far) / 2;
      if (fits(middle, width, height, sides, room)) far = middle;
      else near = middle;
    }
    distances.set(key, far);
  }
  return distances.get(key);
}

function cameraOf(panel, scene = panel.layout?.scene) {
  const { eye, center } = structuredClone(state.camera);
  const by = farther(panel, scene);
  for (const axis of "xyz") eye[axis] *= by;
  return { eye, center, up: { x: 0, y: 0, z: 1 } };
}

// ---- scenes that follow ---------------------------------------------------------------------------------------------

let leading = null;
let turning = false;
let behind = false; // whether the others have to follow again

// At most once a frame; if scenes are slow to draw, the leading one gets two thirds of the time.
function turnOthers() {
  behind = true;
  if (turning) return;
  turning = true;
  requestAnimationFrame((begun) => {
    behind = false;
    const large = document.querySelector(".enlarged"); // which hides the others: they follow afterwards
    previewScenes();
    for (const panel of scenes) if (panel !== leading && panel.dataset.drawn && (!large || large.contains(panel))) Plotly.relayout(panel, { "scene.camera": cameraOf(panel) });
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

function turnAll() {
  leading = null;
  turnOthers();
}

function linkScene(panel) {
  const lead = (event) => {
    const camera = event["scene.camera"];
    if (panel !== leading || !camera) return;
    const { eye, center } = structuredClone({ eye: camera.eye, center: camera.center });
    const by = farther(panel);
    for (const axis of "xyz") eye[axis] /= by;
    state.camera = { eye, center };
    turnOthers();
  };
  panel.on("plotly_relayouting", lead);
  panel.on("plotly_relayout", lead);
  panel.on("plotly_hover", follow);
}

function sceneKeys(event) {
  const eye = turned(state.camera.eye, event);
  if (!eye || !scenes.includes(event.target)) return;
  event.preventDefault();
  state.camera.eye = eye;
  turnAll();
}

// ---- fingers ----------------------------------------------------------------------------------------------------------

// Sideways a finger turns the scenes, upwards it scrolls the page: after a tap on a scene that one holds every finger,
// until a tap elsewhere. The library would hold all fingers always, and tell the other scenes nothing.
const DEGREES = 0.5; // for a pixel
const TAP = 8; // pixels that a finger may stray
const hold = (held) => scenes.forEach((panel) => panel.classList.toggle("held", panel === held));
const apart = ([one, other]) => Math.hypot(one.x - other.x, one.y - other.y);

function listenToFingers(panel) {
  const fingers = new Map();
  const capture = (kind, act) => panel.addEventListener(kind, act, { capture: true });
  for (const kind of ["touchstart", "touchmove", "touchend"]) capture(kind, (event) => event.stopPropagation());
  capture("pointerdown", ({ pointerType, pointerId, clientX: x, clientY: y }) => {
    if (pointerType === "touch") fingers.set(pointerId, { x, y, from: { x, y } });
  });
  capture("pointermove", ({ pointerId, clientX: x, clientY: y }) => {
    const finger = fingers.get(pointerId);
    if (!finger) return;
    const [before, { x: left, y: above }] = [[...fingers.values()].map(({ x, y }) => ({ x, y })), finger];
    Object.assign(finger, { x, y });
    if (fingers.size === 2) state.camera.eye = orbited(state.camera.eye, 0, 0, apart(before) / Math.max(apart([...fingers.values()]), 1));
    else state.camera.eye = orbited(state.camera.eye, DEGREES * (left - x), panel.classList.contains("held") ? DEGREES * (y - above) : 0);
    turnAll();
  });
  capture("pointerup", ({ pointerId }) => {
    const finger = fingers.get(pointerId);
    if (finger && fingers.size === 1 && apart([finger, finger.from]) < TAP) hold(panel);
    fingers.delete(pointerId);
  });
  capture("pointercancel", ({ pointerId }) => fingers.delete(pointerId)); // the page scrolls
}

// Keys, pointer and wheel turn all scenes; where there is no WebGL, a sentence stands in their place.
function listenToScenes() {
  scenes.forEach((panel) => {
    const lead = () => (leading = panel);
    listenToFingers(panel);
    panel.addEventListener("keydown", sceneKeys);
    panel.addEventListener("pointerdown", () => (lead(), panel.focus({ preventScroll: true })), { capture: true });
    // The wheel scrolls the page; it zooms a scene only after a click on it or after Tab.
    panel.addEventListener("wheel", (event) => (panel.contains(document.activeElement) ? lead() : event.stopPropagation()), { capture: true });
  });
  document.addEventListener("pointerdown", ({ target }) => scenes.some((panel) => panel.contains(target)) || hold(null), { capture: true });
  if (scenes.length > 0 && !hasWebGL()) {
    document.getElementById("surfaces").hidden = true;
    document.getElementById("no-webgl").hidden = false;
  }
}
