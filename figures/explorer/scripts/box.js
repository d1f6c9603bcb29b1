"use strict";

// The perspective of a scene and its box with axes, on a canvas: what plotly does, for previews.

const AXES = [..."xyz"];

// ---- perspective ------------------------------------------------------------------------------------------------------

const dot = (one, other) => one[0] * other[0] + one[1] * other[1] + one[2] * other[2];
const cross = ([a, b, c], [d, e, f]) => [b * f - c * e, c * d - a * f, a * e - b * d];
const subtract = (one, other) => one.map((part, axis) => part - other[axis]);
const unit = (vector) => vector.map((part) => part / Math.hypot(...vector));
const blend = (one, other, share) => one + share * (other - one);

// From coordinates of the box (its centre is the origin, its sides are the aspect ratio) to pixels, right and down, and
// the depth; ``place`` leads from numbers on an axis to the box.
function perspective(panel, scene) {
  const { clientWidth: width, clientHeight: height } = panel;
  const { eye, center } = cameraOf(panel, scene);
  const from = AXES.map((axis) => eye[axis]);
  const forward = unit(AXES.map((axis) => center[axis] - eye[axis]));
  const right = unit(cross(forward, [0, 0, 1]));
  const up = cross(right, forward);
  const sides = AXES.map((axis) => scene.aspectratio[axis]);
  const ranges = AXES.map((axis) => scene[`${axis}axis`].range);
  const inView = (point) => {
    const away = subtract(point, from);
    return [dot(away, right), dot(away, up), dot(away, forward)];
  };
  const project = (point) => {
    const [across, above, depth] = inView(point);
    const scale = height / (2 * FIELD * depth);
    return [width / 2 + scale * across, height / 2 - scale * above, depth];
  };
  const place = (axis, value) => sides[axis] * ((value - ranges[axis][0]) / (ranges[axis][1] - ranges[axis][0]) - 0.5);
  return { width, height, from, sides, ranges, inView, project, place };
}

// ---- the box ----------------------------------------------------------------------------------------------------------

// As the library chooses: the edges along which the axes are written, and the faces behind, which have a grid. Bit k of a
// corner tells whether it is at the upper end of axis k.
function frameOf({ from, sides, project }) {
  const corner = (bits) => sides.map((side, axis) => ((bits >> axis) & 1 ? side / 2 : -side / 2));
  const screen = [...Array(8).keys()].map((bits) => project(corner(bits)));
  const nearest = from.reduce((bits, part, axis) => bits | (Number(part > 0) << axis), 0);
  const outer = (bits) => bits !== nearest && bits !== (nearest ^ 7);
  const bottom = [...Array(8).keys()].filter(outer).reduce((low, bits) => (screen[bits][1] > screen[low][1] ? bits : low));
  const beside = [1, 2, 4].map((bit) => bottom ^ bit).filter(outer).sort((a, b) => screen[a][0] - screen[b][0]);
  const [left, right] = beside;
  const [top, joined] = outer(right ^ 7) ? [right ^ 7, left] : [left ^ 7, right];
  const edges = [];
  for (const [one, other] of [[left, bottom], [bottom, right], [joined, top]]) edges[Math.log2(one ^ other)] = one & other;
  const faces = sides.map((_, axis) => ((nearest >> axis) & 1 ? -1 : 1)); // the side of each axis that is behind
  return { corner, edges, faces };
}

// Ticks of an axis without ticks of its own, as the library sets them.
function ticksOf({ tickvals, ticktext, nticks, range: [low, high] }) {
  if (tickvals) return Array.from(numbers(tickvals), (value, index) => [value, ticktext[index]]);
  const least = (high - low) / (nticks ?? 5);
  const power = 10 ** Math.floor(Math.log10(least));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= least * (1 - 1e-9));
  const first = Math.ceil(low / step - 1e-9);
  const count = Math.floor(high / step + 1e-9) - first + 1;
  return Array.from({ length: count }, (_, index) => (first + index) * step).map((value) => [value, formatted(value)]);
}

function drawBox(pen, view, scene, theme) {
  const { sides, project, place } = view;
  const { corner, edges, faces } = frameOf(view);
  const ticks = AXES.map((name, axis) => ticksOf(scene[`${name}axis`]).filter(([value]) => Math.abs(place(axis, value)) <= sides[axis] / 2 + 1e-6));
  const line = (one, other) => {
    pen.beginPath();
    for (const point of [one, other]) pen.lineTo(...project(point).slice(0, 2));
    pen.stroke();
  };
  const end = (axis, side) => (side * sides[axis]) / 2;
  pen.lineWidth = theme.xaxis.gridwidth / 2; // as the library does
  pen.strokeStyle = theme.xaxis.gridcolor;
  for (const axis of [0, 1, 2]) {
    for (const other of [(axis + 1) % 3, (axis + 2) % 3]) {
      const across = 3 - axis - other;
      for (const [value] of ticks[other]) {
        const ends = [-1, 1].map((side) => {
          const point = [];
          [point[axis], point[other], point[across]] = [end(axis, faces[axis]), place(other, value), end(across, side)];
          return point;
        });
        line(...ends);
      }
    }
  }
  // Written beside the edges, outward of the faces in front, at the distances of the library.
  const pixel = project([0, 0, 0])[2] / view.height;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  for (const [axis, name] of AXES.entries()) {
    const { tickfont, title, linecolor } = theme[`${name}axis`];
    const bits = edges[axis];
    const outward = faces.map((face, other) => (other === axis ? 0 : (bits >> other) & 1 ? Number(face < 0) : -Number(face > 0)));
    const at = (part, pad) => corner(bits).map((value, other) => (other === axis ? part : value) + pad * pixel * outward[other]);
    pen.strokeStyle = linecolor;
    line(at(end(axis, -1), 0), at(end(axis, 1), 0));
    write(pen, larger(tickfont), ticks[axis].map(([value, text]) => [text, project(at(place(axis, value), 18))]));
    const text = scene[`${name}axis`].title.text;
    const [[left, above], [right, below]] = [-1, 1].map((side) => project(at(end(axis, side), 48)));
    const slope = Math.atan((below - above) / (right - left || 1e-9));
    write(pen, larger(title.font), [[text, project(at(0, 48))]], text.length > 4 ? slope : 0);
  }
}

function write(pen, { size, color }, texts, angle = 0) {
  pen.font = fontOf({ size });
  pen.fillStyle = color;
  for (const [text, [x, y]] of texts) {
    pen.save();
    pen.translate(x, y + 2);
    pen.rotate(angle);
    pen.fillText(unescaped(text), 0, 0);
    pen.restore();
  }
}

const fontOf = ({ size }) => `${size}px ${getComputedStyle(document.body).fontFamily}`;
const larger = ({ size, color }) => ({ size: 1.1 * size, color }); // as the library does
const unescaped = (text) => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
