"use strict";

// Events, and the first drawing.

function change(update) {
  return (event) => {
    update(event.target.closest("button, input, select"));
    settle();
    remember(true);
    drawAll();
  };
}

const on = (selector, kind, action) => document.querySelectorAll(selector).forEach((element) => element.addEventListener(kind, action));
on("[data-chip]", "click", change(({ dataset }) => {
  const index = Number(dataset.chip);
  if (!state.hidden.delete(index)) state.hidden.add(index);
}));
on("#quantity", "change", change(({ value }) => (state.quantity = value)));
on("input[name=scale]", "change", change(({ value }) => (state.scale = value)));
on("input[name=share]", "change", change(({ value }) => (state.share = value)));
on("[data-trace]", "change", change(({ id, checked }) => state.on[checked ? "add" : "delete"](id)));
on("#reset", "click", change(() => {
  Object.assign(state, { camera: structuredClone(CAMERA), at: [0, 0], zoom: null });
  for (const panel of panels) panel.source = null; // also those whose axes were moved, which is no state
}));
on("details", "toggle", ({ currentTarget }) => panels.filter((panel) => currentTarget.contains(panel)).forEach(draw));
on(".sort", "click", ({ currentTarget }) => sortBy(currentTarget));
on("[data-copy]", "click", async ({ currentTarget }) => {
  document.getElementById("copied").textContent = await copy(tableText(currentTarget.dataset.copy));
});
maps.forEach((panel) => panel.addEventListener("keydown", mapKeys));
listenToScenes();
listenToEnlarge();
listenToPlayer();
const restore = () => {
  between = null;
  fromAddress();
  settle();
  drawAll();
};
addEventListener("popstate", restore);
dark.addEventListener("change", drawAll);
addEventListener("resize", turnAll); // the distance of the camera depends on the size
// The controls, and below them the head of a table that fits the page, stay on top and must not hide other parts.
const stick = new ResizeObserver(() => {
  const controls = document.querySelector(".controls"); // a page of a curvature has none
  const stuck = controls && getComputedStyle(controls).position === "sticky" ? controls.offsetHeight : 0;
  document.documentElement.style.setProperty("--stuck", `${stuck}px`);
  const frame = table?.parentElement;
  frame?.classList.toggle("fits", table.offsetWidth <= frame.clientWidth);
});
document.querySelectorAll(".controls, #numbers").forEach((element) => stick.observe(element));
restore();
