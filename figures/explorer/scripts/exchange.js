"use strict";

// The grid of a surface for other programs: the same CSV, VTP and STL as `landscape export` writes.

// A surface as it is stored in the page: numbers that JSON lacks are NaN and the infinities again.
const RELIEF = 0.72; // height of a solid by its longer side, as the page's scenes have it
const BASE = 3; // mm below its lowest point
const restored = (value) => (value === null ? NaN : value === "inf" ? Infinity : value === "-inf" ? -Infinity : value);
const flat = (grid) => grid.flat().map(restored);

// A quantity on its grid, with all that is known there: each column with its error, and whether it was evaluated.
function gridOf({ json, columns, logarithms }, quantity) {
  const surface = JSON.parse(json);
  let { alphas, betas } = surface;
  let evaluated = surface.evaluated.flat();
  let known = columns.map(([source, name, errorName], place) => {
    const pointwise = place > 0 && !(source in surface.node_metrics);
    const values = flat(place > 0 ? surface.metrics[source] : surface.loss);
    const error = (place > 0 ? surface.metric_errors[source] : surface.error)?.absolute;
    const off = values.map((value, at) => ((pointwise ? !Number.isNaN(value) : evaluated[at]) ? 0 : restored(error ?? null)));
    return { source, name, errorName, values, off, pointwise };
  });
  if (quantity !== "loss") known = known.filter(({ source }, place) => place > 0 && source === quantity);
  if (quantity !== "loss" && known[0].pointwise) {
    // Known at some points, which are a grid of their own.
    const [{ values }] = known;
    const there = values.map((value) => !Number.isNaN(value));
    const any = there.some(Boolean);
    const rows = betas.map((_, row) => !any || alphas.some((__, column) => there[row * alphas.length + column]));
    const across = alphas.map((_, column) => !any || betas.some((__, row) => there[row * alphas.length + column]));
    const kept = (_, at) => rows[Math.floor(at / across.length)] && across[at % across.length];
    const part = values.filter(kept);
    known = [{ ...known[0], values: part, off: part.map(() => (any ? 0 : NaN)) }];
    evaluated = part.map(() => any);
    [alphas, betas] = [alphas.filter((_, column) => across[column]), betas.filter((_, row) => rows[row])];
  }
  return { alphas, betas, columns: known, evaluated, logarithms: logarithms[quantity] && flat(numbers(logarithms[quantity])) };
}

// The heights on the scale that is shown; NaN: none.
function heightsOf({ columns: [{ values }], logarithms }, scale) {
  const finite = values.filter(Number.isFinite);
  const lowest = finite.reduce((low, value) => Math.min(low, value), Infinity);
  const of = { linear: (value) => value, rise: (value) => value - lowest, log: (value, at) => (logarithms ? logarithms[at] : value > 0 ? Math.log10(value) : NaN) }[scale];
  return values.map((value, at) => (Number.isFinite(of(value, at)) ? of(value, at) : NaN));
}

// ---- CSV -------------------------------------------------------------------------------------------------------------

const cell = (value) => (typeof value !== "number" ? String(value) : Number.isNaN(value) ? "" : Number.isFinite(value) ? String(value) : value > 0 ? "inf" : "-inf");
const quoted = (text) => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

function gridCsv(grid) {
  const { alphas, betas, columns, evaluated } = grid;
  const head = ["alpha", "beta", ...columns.flatMap(({ name, errorName }) => [name, errorName]), "evaluated"].map(quoted);
  const lines = betas.flatMap((beta, row) => alphas.map((alpha, column) => {
    const at = row * alphas.length + column;
    return [alpha, beta, ...columns.flatMap(({ values, off }) => [values[at], off[at]]), evaluated[at]].map(cell);
  }));
  return [head, ...lines].map((line) => `${line.join()}\n`).join("");
}

// ---- meshes ----------------------------------------------------------------------------------------------------------

// The quadrilaterals between the points of a grid, counter-clockwise from above; of a line its segments.
function cellsOf(rows, columns) {
  const line = Math.min(rows, columns) === 1;
  const size = rows * columns;
  if (line) return Array.from({ length: size - 1 }, (_, at) => [at, at + 1]);
  return Array.from({ length: (rows - 1) * (columns - 1) }, (_, place) => {
    const at = Math.floor(place / (columns - 1)) * columns + (place % (columns - 1));
    return [at, at + 1, at + columns + 1, at + columns];
  });
}

function base64(array) {
  const bytes = new Uint8Array(array.buffer);
  const whole = new Uint8Array(4 + bytes.length);
  new DataView(whole.buffer).setUint32(0, bytes.length, true);
  whole.set(bytes, 4);
  let text = "";
  for (let at = 0; at < whole.length; at += 8192) text += String.fromCharCode(...whole.subarray(at, at + 8192));
  return btoa(text);
}

const attribute = (text) => `"${escaped(text).replaceAll('"', "&quot;")}"`;
const TYPES = { Float64: Float64Array, UInt8: Uint8Array, Int32: Int32Array };
const dataArray = (type, name, values, more = "") =>
  `<DataArray type="${type}" Name=${attribute(name)}${more} format="binary">${base64(TYPES[type].from(values))}</DataArray>`;

function gridVtp(grid, scale) {
  const { alphas, betas, columns, evaluated } = grid;
  const heights = heightsOf(grid, scale);
  const rows = heights.flatMap((height, at) => (Number.isNaN(height) ? [] : [at]));
  const places = new Map(rows.map((at, place) => [at, place]));
  const cells = cellsOf(betas.length, alphas.length).filter((corners) => corners.every((at) => places.has(at)));
  const corners = Math.min(betas.length, alphas.length) === 1 ? 2 : 4;
  const points = rows.flatMap((at) => [alphas[at % alphas.length], betas[Math.floor(at / alphas.length)], heights[at]]);
  const [part, lines, polygons] = corners === 2 ? ["Lines", cells.length, 0] : ["Polys", 0, cells.length];
  const text = [
    '<?xml version="1.0"?>',
    '<VTKFile type="PolyData" version="1.0" byte_order="LittleEndian" header_type="UInt32">',
    "<PolyData>",
    `<Piece NumberOfPoints="${rows.length}" NumberOfVerts="0" NumberOfLines="${lines}" NumberOfStrips="0" NumberOfPolys="${polygons}">`,
    `<PointData Scalars=${attribute(columns[0].name)}>`,
    ...columns.flatMap(({ name, errorName, values, off }) => [[name, values], [errorName, off]]).map(([name, values]) => dataArray("Float64", name, rows.map((at) => values[at]))),
    dataArray("UInt8", "evaluated", rows.map((at) => Number(evaluated[at]))),
    "</PointData>",
    "<Points>",
    dataArray("Float64", "Points", points, ' NumberOfComponents="3"'),
    "</Points>",
    `<${part}>`,
    dataArray("Int32", "connectivity", cells.flat().map((at) => places.get(at))),
    dataArray("Int32", "offsets", cells.map((_, place) => corners * (place + 1))),
    `</${part}>`,
    "</Piece>",
    "</PolyData>",
    "</VTKFile>",
  ];
  const left = heights.length - rows.length;
  return [text.join("\n") + "\n", left ? `${left} points of the grid without a finite height are cut out.` : ""];
}

// The range of the heights, widened around a flat surface as the figures do it.
function rangeOf(heights, scale) {
  const [low, high] = heights.reduce(([least, most], height) => [Math.min(least, height), Math.max(most, height)], [Infinity, -Infinity]);
  if (high - low > 1e-12 * Math.max(Math.abs(low), Math.abs(high))) return [low, high];
  const margin = scale === "log" ? 0.5 : 0.1 * Math.abs((low + high) / 2) || 1;
  return [(low + high) / 2 - margin, (low + high) / 2 + margin];
}

// A body with the surface on its top, a flat bottom and upright sides; null if a point has no height.
function gridStl(grid, scale, size, label) {
  const { alphas, betas } = grid;
  const heights = heightsOf(grid, scale);
  const holes = heights.filter(Number.isNaN).length;
  if (holes) return [null, `${holes} of ${heights.length} grid points have no finite height, and a solid has no holes. VTP leaves them out.`];
  const spans = [alphas, betas].map((axis) => axis.at(-1) - axis[0]);
  const sides = spans.map((span) => Math.max(span / Math.max(...spans), 0.35));
  const [xs, ys] = [alphas, betas].map((axis, along) => axis.map((value) => ((size * sides[along]) / spans[along]) * (value - axis[0])));
  const [low, high] = rangeOf(heights, scale);
  const relief = RELIEF * size;
  const points = heights.map((height, at) => [xs[at % xs.length], ys[Math.floor(at / xs.length)], BASE + (relief / (high - low)) * (height - low)]);
  const [columns, rows] = [xs.length, ys.length];
  const rim = [
    ...Array.from({ length: columns - 1 }, (_, at) => at),
    ...Array.from({ length: rows - 1 }, (_, at) => at * columns + columns - 1),
    ...Array.from({ length: columns - 1 }, (_, at) => rows * columns - 1 - at),
    ...Array.from({ length: rows - 1 }, (_, at) => (rows - 1 - at) * columns),
  ];
  for (const at of rim) points.push([points[at][0], points[at][1], 0]);
  points.push([(xs[0] + xs.at(-1)) / 2, (ys[0] + ys.at(-1)) / 2, 0]);
  const [below, middle] = [heights.length, points.length - 1];
  const cells = cellsOf(rows, columns);
  const around = rim.map((at, place) => [at, below + place, rim[(place + 1) % rim.length], below + ((place + 1) % rim.length)]);
  const triangles = [
    ...cells.map(([a, b, c]) => [a, b, c]),
    ...cells.map(([a, , c, d]) => [a, c, d]),
    ...around.map(([at, under, , underNext]) => [at, under, underNext]),
    ...around.map(([at, , next, underNext]) => [at, underNext, next]),
    ...around.map(([, under, , underNext]) => [middle, underNext, under]),
  ];
  const short = (value) => Number(value.toPrecision(3));
  const units = spans.map((span, along) => short(span / (size * sides[along])));
  const note = `1 mm is ${units[0]} of alpha, ${units[1]} of beta and ${short((high - low) / relief)} of ${scale === "log" ? "log10 " : ""}${label}`;
  return [stl(points.map((point) => point.map(Math.fround)), triangles, note), `${short(size * sides[0])} × ${short(size * sides[1])} × ${short(BASE + relief)} mm; ${note}.`];
}

function stl(points, triangles, note) {
  const content = new DataView(new ArrayBuffer(84 + 50 * triangles.length));
  const header = `landscape: ${note}`.slice(0, 80).padEnd(80);
  for (let at = 0; at < 80; at++) content.setUint8(at, header.charCodeAt(at) < 128 ? header.charCodeAt(at) : 63);
  content.setUint32(80, triangles.length, true);
  triangles.forEach((corners, place) => {
    const [a, b, c] = corners.map((at) => points[at]);
    const [p, q] = [b.map((value, axis) => value - a[axis]), c.map((value, axis) => value - a[axis])];
    const normal = [p[1] * q[2] - p[2] * q[1], p[2] * q[0] - p[0] * q[2], p[0] * q[1] - p[1] * q[0]];
    const length = Math.hypot(...normal);
    [...normal.map((value) => value / length), ...a, ...b, ...c].forEach((value, at) => content.setFloat32(84 + 50 * place + 4 * at, value, true));
  });
  return content.buffer;
}
