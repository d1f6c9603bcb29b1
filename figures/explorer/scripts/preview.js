"use strict";

// A drawing of a scene on a canvas, from the same figure, camera, light and colours. It is seen at once, while the scene
// itself, which WebGL draws, takes seconds to start on a machine without a GPU; then it makes room for the scene.

const FINE = 2; // points of a surface for a pixel, along each side
const CLOSE_BY = 0.001; // by which share of its depth a line may lie behind the surface on which it is drawn
const PIECES = 24; // of a straight line, each of which may be hidden
const SOFTWARE = { willReadFrequently: true }; // without a GPU's help, which would have to start first

// ---- the surface ------------------------------------------------------------------------------------------------------

const channels = (colour) => [1, 3, 5].map((from) => parseInt(colour.slice(from, from + 2), 16));
const SHADES = 255;

// From a number to the colour of a scale, as three numbers.
function colouring({ colorscale, cmin, cmax }) {
  const stops = colorscale.map(([at, colour]) => [at, channels(colour)]);
  const shades = Array.from({ length: SHADES + 1 }, (_, index) => {
    const next = Math.max(1, stops.findIndex(([stop]) => stop >= index / SHADES));
    const [[low, one], [high, other]] = [stops[next - 1], stops[next]];
    return one.map((channel, part) => blend(channel, other[part], (index / SHADES - low) / (high - low)));
  });
  return (value) => shades[Math.round(SHADES * Math.min(Math.max((value - cmin) / (cmax - cmin || 1), 0), 1))] ?? shades[0]; // of a hole, which is not drawn
}

// The points of a surface, row by row: where they are in the picture, 1 / depth, red, green and blue.
function verticesOf({ x, y, z, ...trace }, view, lit) {
  const [across, along, values] = [x, y, z].map(numbers);
  const colour = colouring(trace);
  const points = along.map((beta, j) => across.map((alpha, i) => [view.place(0, alpha), view.place(1, beta), view.place(2, values[j][i])]));
  return points.map((row, j) => row.map((at, i) => {
    const [left, right] = [row[Math.max(i - 1, 0)], row[Math.min(i + 1, row.length - 1)]];
    const [near, far] = [points[Math.max(j - 1, 0)][i], points[Math.min(j + 1, points.length - 1)][i]];
    const known = (before, after) => subtract(Number.isFinite(after[2]) ? after : at, Number.isFinite(before[2]) ? before : at);
    const [light, glare] = lit(unit(cross(known(left, right), known(near, far))), at);
    const [across, down, depth] = view.project(at);
    return [FINE * across, FINE * down, 1 / depth, ...colour(values[j][i]).map((channel) => light * channel + glare)];
  }));
}

// What is seen of a surface, pixel by pixel: the nearest, where depths are told by their reciprocals. A triangle is a
// linear function of the pixels in all that it shows.
function layer(vertices, width, height, nearest) {
  const picture = new ImageData(width, height);
  const colours = picture.data;
  const triangle = (a, b, c) => {
    const area = (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1]);
    if (area === 0) return;
    const [left, right] = [Math.max(Math.ceil(Math.min(a[0], b[0], c[0])), 0), Math.min(Math.floor(Math.max(a[0], b[0], c[0])), width - 1)];
    const [top, bottom] = [Math.max(Math.ceil(Math.min(a[1], b[1], c[1])), 0), Math.min(Math.floor(Math.max(a[1], b[1], c[1])), height - 1)];
    for (let y = top; y <= bottom; y++) {
      for (let x = left; x <= right; x++) {
        const one = ((b[0] - x) * (c[1] - y) - (c[0] - x) * (b[1] - y)) / area;
        const two = ((c[0] - x) * (a[1] - y) - (a[0] - x) * (c[1] - y)) / area;
        const three = 1 - one - two;
        if (one < 0 || two < 0 || three < 0) continue;
        const pixel = y * width + x;
        const depth = one * a[2] + two * b[2] + three * c[2];
        if (depth <= nearest[pixel]) continue;
        nearest[pixel] = depth;
        colours[4 * pixel] = one * a[3] + two * b[3] + three * c[3];
        colours[4 * pixel + 1] = one * a[4] + two * b[4] + three * c[4];
        colours[4 * pixel + 2] = one * a[5] + two * b[5] + three * c[5];
        colours[4 * pixel + 3] = 255;
      }
    }
  };
  for (let j = 1; j < vertices.length; j++) {
    for (let i = 1; i < vertices[j].length; i++) {
      const [one, two, three, four] = [vertices[j - 1][i - 1], vertices[j - 1][i], vertices[j][i], vertices[j][i - 1]];
      if (!Number.isFinite(one[2] + two[2] + three[2] + four[2])) continue; // a hole
      triangle(one, two, three);
      triangle(one, three, four);
    }
  }
  return picture;
}

// Draws a surface where it is nearer than what has been drawn, and keeps its depths.
function drawSurface(pen, view, trace, lit, nearest) {
  const [width, height] = [FINE * view.width, FINE * view.height];
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  canvas.getContext("2d", SOFTWARE).putImageData(layer(verticesOf(trace, view, lit), width, height, nearest), 0, 0);
  pen.globalAlpha = trace.opacity ?? 1;
  pen.drawImage(canvas, 0, 0, view.width, view.height);
  pen.globalAlpha = 1;
}

// By what the colour of a point is multiplied, and what is added, from its normal. The library's light is at the eye,
// whose height it measures from zero, in units of all that is drawn.
function lighting({ lighting: { ambient, diffuse, specular, roughness } }, { from, inView, ranges: [, , [low, high]], sides }, drawn) {
  const light = [from[0], from[1], ((from[2] * (high - low)) / sides[2] + (low + high) / 2) / drawn];
  return (normal, at) => {
    const above = dot(normal, subtract(from, at)) > 0;
    const [across, along, depth] = inView(at);
    const shine = Math.max(dot(normal, unit(subtract(light, [across, along, -depth]))) * (above ? 1 : -1), 1e-4);
    const flat = roughness * shine ** 2; // Beckmann's distribution, for an eye that is where the light is
    const glare = Math.exp((1 - 1 / shine ** 2) / roughness ** 2) / (Math.PI * flat ** 2);
    return [Math.min(ambient + diffuse * shine, 1), 255 * specular * glare];
  };
}

// ---- lines, points and labels -----------------------------------------------------------------------------------------

function pointsOf({ x, y, z }, { place }) {
  const [across, along, heights] = [x, y, z].map(numbers);
  return Array.from(across, (value, index) => [place(0, value), place(1, along[index]), place(2, heights[index])]);
}

// The colours of all points of a trace: one, or of a scale.
function coloursOf(part, count) {
  const values = numbers(part.color);
  if (typeof values === "string") return Array(count).fill(values);
  const colour = colouring(part);
  return Array.from(values, (value) => (Number.isFinite(value) ? `rgb(${colour(value).map(Math.round)})` : ""));
}

// Where no surface is in front of it; a straight line in pieces.
function drawLine(pen, view, trace, nearest) {
  const ends = pointsOf(trace, view);
  const shades = coloursOf(trace.line, ends.length);
  const divided = (_, piece) => ends[0].map((part, axis) => blend(part, ends[1][axis], piece / PIECES));
  const points = ends.length === 2 ? Array.from({ length: PIECES + 1 }, divided) : ends;
  const width = FINE * view.width;
  const isSeen = ([x, y, depth]) => !(nearest[Math.round(FINE * y) * width + Math.round(FINE * x)] > (1 + CLOSE_BY) / depth);
  pen.lineWidth = trace.line.width / 2;
  pen.beginPath();
  let [shade, drawing] = ["", false];
  points.forEach((point, index) => {
    const at = view.project(point);
    const seen = Number.isFinite(at[2]) && isSeen(at);
    const next = shades[Math.min(index, shades.length - 1)];
    if (seen && next !== shade) {
      pen.stroke();
      pen.beginPath();
      pen.strokeStyle = shade = next;
      drawing = false;
    }
    if (seen) pen[drawing ? "lineTo" : "moveTo"](at[0], at[1]);
    drawing = seen;
  });
  pen.stroke();
}

function drawMarkers(pen, view, trace) {
  const points = pointsOf(trace, view);
  const shades = coloursOf(trace.marker, points.length);
  points.forEach((point, index) => {
    const at = view.project(point);
    const [radius, { line }] = [1.2 * trace.marker.size, trace.marker]; // as large as the library's symbols look
    drawDisc(pen, at, radius + line.width / 4, line.color);
    drawDisc(pen, at, radius, shades[index]);
  });
}

function drawDisc(pen, [x, y], radius, colour) {
  pen.beginPath();
  pen.arc(x, y, radius, 0, 2 * Math.PI);
  pen.fillStyle = colour;
  pen.fill();
}

function drawLabel(pen, view, label, { font, bgcolor }) {
  const [x, y] = view.project(AXES.map((name, axis) => view.place(axis, label[name])));
  const [across, above] = [x + (label.ax ?? 0), y + (label.ay ?? 0)];
  pen.strokeStyle = label.arrowcolor;
  pen.lineWidth = label.arrowwidth;
  pen.beginPath();
  pen.moveTo(x, y);
  pen.lineTo(across, above);
  pen.stroke();
  if (label.arrowhead === 6) drawDisc(pen, [x, y], 2 * label.arrowsize * label.arrowwidth, label.arrowcolor);
  if (!label.text) return;
  pen.font = fontOf(font);
  const half = pen.measureText(unescaped(label.text)).width / 2 + label.borderpad;
  const middle = across + ({ left: half, right: -half }[label.xanchor] ?? 0);
  pen.fillStyle = bgcolor;
  pen.fillRect(middle - half, above - font.size, 2 * half, 2 * font.size);
  write(pen, font, [[label.text, [middle, above - 2]]]);
}

// ---- the drawing ------------------------------------------------------------------------------------------------------

function drawScene(pen, panel, { data, layout: { scene } }, { font, scene: theme }) {
  const traces = data.filter(({ visible }) => visible !== false);
  const surfaces = traces.filter(({ type }) => type === "surface");
  const view = perspective(panel, scene);
  drawBox(pen, view, scene, theme);
  if (!surfaces.length) return;
  const heights = traces.flatMap(({ z }) => numbers(z).flat()).filter(Number.isFinite).sort((one, other) => one - other);
  const drawn = heights.at(-1) - heights[0];
  const light = lighting(surfaces[0], view, drawn);
  const nearest = new Float32Array(FINE * view.width * FINE * view.height);
  for (const surface of surfaces) drawSurface(pen, view, surface, light, nearest);
  for (const trace of traces) if (trace.mode?.includes("lines")) drawLine(pen, view, trace, nearest);
  for (const trace of traces) if (trace.mode?.includes("markers")) drawMarkers(pen, view, trace);
  const { font: inked, bgcolor } = theme.annotationdefaults;
  for (const label of scene.annotations ?? []) drawLabel(pen, view, label, { font: { ...font, ...inked }, bgcolor: label.bgcolor ?? bgcolor });
}

// Shows a scene that the library has not drawn yet.
function preview(panel, figure) {
  const canvas = panel.querySelector(".preview") ?? Object.assign(document.createElement("canvas"), { className: "preview", ariaHidden: "true" });
  const [{ clientWidth: width, clientHeight: height }, scale] = [panel, Math.min(devicePixelRatio, 2)];
  if (!width || !height) return;
  Object.assign(canvas, { width: scale * width, height: scale * height });
  const pen = canvas.getContext("2d", SOFTWARE);
  pen.scale(scale, scale);
  drawScene(pen, panel, figure, page.templates[theme()].layout);
  panel.append(canvas);
}

// The library draws in the next frame, and what it has drawn is seen in the one after.
async function replacePreview(panel) {
  await frame();
  await frame();
  panel.querySelector(".preview")?.remove();
}
