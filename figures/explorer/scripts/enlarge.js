"use strict";

// A scene or a map that fills the screen: the cell in full screen, or, where a browser refuses that, over the whole window.
// The panel is resized, its camera stays the one of all scenes, and what the crosshair reads goes with a map.
const enlargedCell = () => document.querySelector(".cell.enlarged");
const readoutPlace = document.getElementById("readout")?.nextElementSibling;

function setEnlarged(cell, large) {
  cell.classList.toggle("enlarged", large);
  const button = cell.querySelector(".enlarge");
  button.setAttribute("aria-pressed", String(large));
  button.title = large ? "Back to the page (Escape)" : "Enlarge";
  button.focus({ preventScroll: true });
  if (maps.some((panel) => cell.contains(panel))) {
    if (large) cell.append(document.getElementById("readout"));
    else readoutPlace.before(document.getElementById("readout"));
  }
  if (large) draw(cell.querySelector("[data-panel]"));
  else drawAll(); // the others may have been turned
}

async function enlarge(cell) {
  setEnlarged(cell, true);
  await cell.requestFullscreen?.().catch(() => {}); // refused, as in a frame: the window it is
}

async function reduce(cell) {
  if (document.fullscreenElement) await document.exitFullscreen();
  if (cell.classList.contains("enlarged")) setEnlarged(cell, false); // unless the event below was first
}

function listenToEnlarge() {
  for (const button of document.querySelectorAll(".enlarge")) {
    const cell = button.closest(".cell");
    button.addEventListener("click", () => (cell.classList.contains("enlarged") ? reduce(cell) : enlarge(cell)));
    cell.addEventListener("fullscreenchange", () => {
      const cell = enlargedCell();
      if (!document.fullscreenElement && cell) setEnlarged(cell, false);
      else if (cell) draw(cell.querySelector("[data-panel]"));
    });
  }
  document.addEventListener("keydown", ({ key }) => key === "Escape" && enlargedCell() && reduce(enlargedCell()));
  // Over the window, nothing behind it takes the focus.
  document.addEventListener("focusin", ({ target }) => {
    const cell = enlargedCell();
    if (cell && !cell.contains(target)) cell.querySelector(".enlarge").focus();
  });
}
