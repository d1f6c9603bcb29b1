"use strict";

// The table of all numbers: sorted by a row, and copied.

const table = document.getElementById("numbers");
let order = page.models.map((_, index) => index);

// Once the smallest first, once the largest, once as given.
function sortBy({ dataset }) {
  const row = Number(dataset.row) + 1;
  state.sort = { [row]: -row, [-row]: 0 }[state.sort] ?? row;
  drawTable();
  remember(true);
}

function drawTable() {
  const chosen = Math.abs(state.sort) - 1;
  const values = page.table.order[chosen];
  order = page.models.map((_, index) => index);
  // What is missing stays last.
  if (values) order.sort((a, b) => (values[a] === null) - (values[b] === null) || Math.sign(state.sort) * (values[a] - values[b]));
  for (const row of table?.rows ?? []) {
    const cells = Object.fromEntries([...row.querySelectorAll("[data-model]")].map((cell) => [cell.dataset.model, cell]));
    row.append(...order.map((index) => cells[index]));
    const button = row.querySelector(".sort");
    if (button) row.cells[0].ariaSort = Number(button.dataset.row) !== chosen ? "none" : state.sort > 0 ? "ascending" : "descending";
  }
}

function tableText(format) {
  const { models, rows } = page.table[format];
  const chosen = order.filter(isShown);
  const lines = [["", ...chosen.map((index) => models[index])], ...rows.map(([label, ...cells]) => [label, ...chosen.map((index) => cells[index])])];
  if (format === "markdown") {
    lines.splice(1, 0, ["---", ...chosen.map(() => "---:")]);
    return lines.map((line) => `| ${line.join(" | ")} |\n`).join("");
  }
  const [head, ...body] = lines.map((line) => `${line.join(" & ")} \\\\`);
  return [`\\begin{tabular}{l${"r".repeat(chosen.length)}}`, "\\toprule", head, "\\midrule", ...body, "\\bottomrule", "\\end{tabular}", ""].join("\n");
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without the permission, the old way: what is selected.
    const area = Object.assign(document.createElement("textarea"), { value: text, style: "position: fixed; opacity: 0" });
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    if (!done) return "This browser does not let the page copy.";
  }
  return "Copied.";
}
