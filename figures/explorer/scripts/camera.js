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

// The camera's eye after a key: arrows turn around the vertical axis and tilt, plus and minus zoom.
function turned(eye, { key, ctrlKey, metaKey }) {
  const turn = { ArrowLeft: [-8, 0], ArrowRight: [8, 0], ArrowUp: [0, 5], ArrowDown: [0, -5] }[key];
  const zoom = NEARER[key];
  if ((!turn && !zoom) || ctrlKey || metaKey) return null;
  const distance = Math.hypot(eye.x, eye.y, eye.z);
  const [across, up] = (turn ?? [0, 0]).map((degrees) => (degrees * Math.PI) / 180);
  const azimuth = Math.atan2(eye.y, eye.x) + across;
  const limit = Math.PI / 2 - 0.01;
  const elevation = Math.min(Math.max(Math.asin(eye.z / distance) + up, -limit), limit);
  const radius = distance * (zoom ?? 1);
  return {
    x: radius * Math.cos(elevation) * Math.cos(azimuth),
    y: radius * Math.cos(elevation) * Math.sin(azimuth),
    z: radius * Math.sin(elevation),
  };
}

let leading = null;
let turning = false;
let behind = false; // whether the others have to follow again

// Labels keep their size: the camera of a small or narrow scene is farther away, so that nothing is cut off.
const farther = ({ clientWidth, clientHeight }) => Math.max(0.92, 1.25 - clientWidth / 1600, (1.12 * clientHeight) / clientWidth);

function cameraOf(panel) {
  const { eye, center } = structuredClone(state.camera);
  for (const axis of "xyz") eye[axis] *= farther(panel);
  return { eye, center, up: { x: 0, y: 0, z: 1 } };
}

// At most once a frame; if scenes are slow to draw, the leading one gets two thirds of the time.
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

function turnAll() {
  leading = null;
  turnOthers();
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
  panel.on("plotly_hover", follow);
}

function sceneKeys(event) {
  const eye = turned(state.camera.eye, event);
  if (!eye || !scenes.includes(event.target)) return;
  event.preventDefault();
  state.camera.eye = eye;
  turnAll();
}

// Keys, pointer and wheel turn all scenes; where there is no WebGL, a sentence stands in their place.
function listenToScenes() {
  scenes.forEach((panel) => {
    const lead = () => (leading = panel);
    panel.addEventListener("keydown", sceneKeys);
    panel.addEventListener("pointerdown", () => (lead(), panel.focus({ preventScroll: true })), { capture: true });
    // The wheel scrolls the page; it zooms a scene only after a click on it or after Tab.
    panel.addEventListener("wheel", (event) => (panel.contains(document.activeElement) ? lead() : event.stopPropagation()), { capture: true });
  });
  if (scenes.length > 0 && !hasWebGL()) {
    document.getElementById("surfaces").hidden = true;
    document.getElementById("no-webgl").hidden = false;
  }
}
