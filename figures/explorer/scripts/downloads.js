"use strict";

// The menu of files to take away. All are made here, from what the page holds; nothing is requested.
const downloadMenu = document.getElementById("downloads");
const downloadModel = () => Number(document.getElementById("download-model")?.value ?? 0);
const WHOLE = { surface: [["csv", "grid (CSV)"], ["json", "everything (JSON)"], ["vtp", "for ParaView (VTP)"], ["stl", "to print (STL)"]], curvature: [["json", "everything (JSON)"]] };
const MIME = { csv: "text/csv", json: "application/json", vtp: "application/xml", stl: "model/stl" };

function save(content, ending, ...names) {
  const address = URL.createObjectURL(new Blob([content], { type: MIME[ending] }));
  const file = [...new Set([page.name, page.models[downloadModel()].name]), ...names].filter(Boolean).join("-");
  Object.assign(document.createElement("a"), { href: address, download: `${file.replace(/[^\p{L}\p{N}.-]+/gu, "_").slice(0, 120)}.${ending}` }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

function listDownloads() {
  const parts = page.downloads[downloadModel()];
  const groups = Object.keys(WHOLE).filter((part) => parts[part]).map((part) => {
    const files = [...WHOLE[part], ...parts[part].tables.map(([name]) => ["csv", `${name.replaceAll("_", " ")} (CSV)`, name])];
    const group = document.createElement("fieldset");
    group.append(Object.assign(document.createElement("legend"), { textContent: part }), ...files.map((file) => downloadButton(part, ...file)));
    return group;
  });
  document.getElementById("download-list").replaceChildren(...groups);
}

function downloadButton(part, ending, text, table = "") {
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: text });
  Object.assign(button.dataset, { download: ending, part, table });
  button.addEventListener("click", () => (document.getElementById("downloaded").textContent = downloadFile(part, ending, table)));
  return button;
}

// Saves a file, and returns what there is to say about it.
function downloadFile(part, ending, table) {
  const stored = page.downloads[downloadModel()][part];
  if (table) return save(stored.tables.find(([name]) => name === table)[1], "csv", part, table), "";
  if (ending === "json") return save(stored.json, "json", part), "";
  const shown = stored.columns.some(([source], place) => source === state.quantity && (place > 0 || source === "loss")) ? state.quantity : "loss";
  if (ending === "csv") return save(gridCsv(gridOf(stored, "loss")), "csv", part), "";
  const grid = gridOf(stored, shown);
  const line = Math.min(grid.alphas.length, grid.betas.length) === 1;
  if (ending === "stl" && line) return "A line has no area to make a solid of.";
  if (heightsOf(grid, state.scale).every(Number.isNaN)) return "There is nothing to draw on this scale.";
  const size = Number(document.getElementById("solid-size").value);
  if (ending === "stl" && !(size > 0 && size < Infinity)) return "The size must be a positive number of millimetres.";
  const label = state.scale === "rise" ? `${shown} above its lowest` : shown;
  const [content, note] = ending === "stl" ? gridStl(grid, state.scale, size, label) : gridVtp(grid, state.scale);
  if (content !== null) save(content, ending, part, shown === "loss" ? "" : shown);
  return note;
}

if (downloadMenu) {
  document.getElementById("download-model")?.addEventListener("change", listDownloads);
  downloadMenu.addEventListener("keydown", ({ key }) => {
    if (key !== "Escape") return;
    downloadMenu.open = false;
    downloadMenu.querySelector("summary").focus();
  });
  document.addEventListener("pointerdown", ({ target }) => downloadMenu.contains(target) || (downloadMenu.open = false));
  listDownloads();
}
