"use strict";

// Pictures to take away: with a title, all axes, a colour bar and the background of the theme, on which they stay legible.

function pictureOf(panel) {
  const figure = figureOf(panel);
  const [name, scene] = [page.models[panel.dataset.of]?.name ?? page.name, scenes.includes(panel)];
  const { clientWidth, clientHeight } = panel;
  const [width, height] = [Math.max(clientWidth, 480), Math.max(clientHeight, 360) + 60];
  const [heading, { layout }] = [panel.closest(".card, .inner")?.querySelector("h2, h3")?.textContent ?? "", figure];
  const label = view("bar")?.label ?? "";
  if (SURFACES.includes(panel.dataset.panel)) for (const trace of figure.data) trace.visible = panel.data?.find((one) => one.name === trace.name)?.visible ?? trace.visible;
  Object.assign(layout, {
    template: page.templates[theme()],
    width,
    height,
    autosize: false,
    title: { text: escaped([...new Set([page.name, name, heading.trim()])].filter(Boolean).join(" · ")), yref: "container", y: 1 - 24 / height, yanchor: "middle" },
    paper_bgcolor: getComputedStyle(document.documentElement).getPropertyValue("--card").trim(),
    margin: { ...layout.margin, t: Math.max(layout.margin?.t ?? 0, 56) },
  });
  if (scene) {
    layout.scene.camera = cameraOf({ clientWidth: width - 180, clientHeight: height - 56 }, layout.scene);
  }
  if (scene || maps.includes(panel)) {
    layout.margin.r = 90;
    // At the side: the library moves a title away from a colour bar above the figure, and out of the picture.
    const { tickvals, ticktext } = scene ? layout.scene.zaxis : figure.data[0].colorbar;
    Object.assign(figure.data[0], { showscale: true, colorbar: { title: { text: escaped(label) }, tickvals, ticktext, thickness: 12, len: 0.8, outlinewidth: 0 } });
  }
  return { figure, options: { format: scene ? "png" : "svg", scale: scene ? 3 : 1, width, height, filename: fileName(panel) } };
}

const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

const fileName = (panel) =>
  [page.name, page.models[panel.dataset.of]?.name, panel.dataset.panel]
    .filter(Boolean)
    .join("-")
    .replace(/[^\p{L}\p{N}.-]+/gu, "_")
    .slice(0, 120);

async function download(panel) {
  const { figure, options } = pictureOf(panel);
  await Plotly.downloadImage(figure, options);
}
