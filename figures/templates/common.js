"use strict";

// What the scripts of all pages share: numbers, the camera's keys, what the browser can do.

const dark = matchMedia("(prefers-color-scheme: dark)");

function hasWebGL() {
  try {
    const canvas = document.createElement("canvas");
    const context = canvas.getContext("webgl") ?? canvas.getContext("experimental-webgl");
    context?.getExtension("WEBGL_lose_context")?.loseContext(); // a browser has only so many
    return Boolean(context);
  } catch {
    return false;
  }
}

// Numbers as plotly.py writes them: a plain array, or {dtype, bdata, shape} in base64.
function numbers(encoded) {
  if (!encoded?.bdata) return encoded;
  const bytes = Uint8Array.from(atob(encoded.bdata), (character) => character.charCodeAt(0)).buffer;
  const flat = [...(encoded.dtype === "f4" ? new Float32Array(bytes) : new Float64Array(bytes))];
  if (!encoded.shape) return flat;
  const columns = Number(encoded.shape.split(",")[1]);
  return Array.from({ length: flat.length / columns }, (_, row) => flat.slice(row * columns, (row + 1) * columns));
}

const significant = new Intl.NumberFormat("en", { maximumSignificantDigits: 5, useGrouping: false });
const told = (number) => significant.format(number).replace("-", "−");

const nearest = (values, value) =>
  values.reduce((best, candidate, index) => (Math.abs(candidate - value) < Math.abs(values[best] - value) ? index : best), 0);

// The camera's eye after a key: arrows turn around the vertical axis and tilt, plus and minus zoom.
function turned(eye, { key, ctrlKey, metaKey }) {
  const turn = { ArrowLeft: [-8, 0], ArrowRight: [8, 0], ArrowUp: [0, 5], ArrowDown: [0, -5] }[key];
  const zoom = { "+": 0.9, "=": 0.9, "-": 1 / 0.9 }[key];
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
