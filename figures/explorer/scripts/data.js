"use strict";

// The page's data, its numbers, and its panels. A panel (an element with data-panel) is of one model (data-of) or of all.
const page = JSON.parse(document.getElementById("data").textContent);
const CAMERA = { eye: page.camera.eye, center: page.camera.center }; // as scenes open
const panels = [...document.querySelectorAll("[data-panel]")];
const [scenes, maps] = ["surface", "contour"].map((name) => panels.filter(({ dataset }) => dataset.panel === name));

// ---- values of the pool, and arrays of few different values --------------------------------------------------------

function unpacked(value) {
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map(unpacked);
  if ("$" in value) return unpacked(page.pool[value.$]);
  if ("$of" in value) {
    const flat = Array.from(atob(value.at), (place) => value.$of[place.charCodeAt(0)]);
    const { columns } = value;
    return columns ? Array.from({ length: flat.length / columns }, (_, row) => flat.slice(row * columns, (row + 1) * columns)) : flat;
  }
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, unpacked(part)]));
}

// Follows keys into packed values, and unpacks only the value at the end.
const opened = (value) => (value !== null && typeof value === "object" && "$" in value ? page.pool[value.$] : value);
const unpackedAt = (value, ...keys) => unpacked(keys.reduce((inner, key) => opened(inner)?.[key], value) ?? null);

// ---- numbers -------------------------------------------------------------------------------------------------------

const ARRAYS = { f4: Float32Array, f8: Float64Array, i1: Int8Array, i2: Int16Array, i4: Int32Array, u1: Uint8Array, u2: Uint16Array, u4: Uint32Array };

// Numbers as plotly.py writes them: a plain array, or {dtype, bdata, shape} in base64.
function numbers(encoded) {
  if (!encoded?.bdata) return encoded;
  const bytes = Uint8Array.from(atob(encoded.bdata), (character) => character.charCodeAt(0)).buffer;
  const flat = [...new ARRAYS[encoded.dtype](bytes)];
  if (!encoded.shape) return flat;
  const columns = Number(encoded.shape.split(",")[1]);
  return Array.from({ length: flat.length / columns }, (_, row) => flat.slice(row * columns, (row + 1) * columns));
}

const significant = new Intl.NumberFormat("en", { maximumSignificantDigits: 5, useGrouping: false });
const formatted = (number) => significant.format(number).replace("-", "−");

const nearest = (values, value) =>
  values.reduce((best, candidate, index) => (Math.abs(candidate - value) < Math.abs(values[best] - value) ? index : best), 0);
