"use strict";

// Printing, in the light theme. A page's own script has ``panels``, ``scenes``, ``draw``, ``previewScenes`` and
// ``printing``.

// A scene's canvas is blank on paper, a picture of it is not. This uses plotly's internals, which may change.
function pictured(panel) {
  const source = panel._fullLayout?.scene?._scene?.toImage?.("png");
  if (!source) return;
  panel.after(Object.assign(new Image(), { src: source, className: "printed", alt: panel.ariaLabel ?? "" }));
  panel.classList.add("unprinted");
}

// Printing does not wait: everything is drawn at once.
const printed = (now) => () => {
  printing = now;
  document.querySelectorAll("img.printed").forEach((picture) => picture.remove());
  // Of many models, provenance would be dozens of pages.
  document.querySelectorAll(now ? ".notes:not([open]), .warnings:not([open]), .alone .provenance:not([open])" : ".unfolded").forEach((fold) => {
    fold.open = now;
    fold.classList.toggle("unfolded", now);
  });
  panels.filter((panel) => panel.dataset.drawn).forEach(draw);
  previewScenes(); // those that are not drawn yet
  scenes.forEach((panel) => (now && panel.dataset.drawn ? pictured(panel) : panel.classList.remove("unprinted")));
};
addEventListener("beforeprint", printed(true));
addEventListener("afterprint", printed(false));
