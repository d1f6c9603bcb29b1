"use strict";

// The table of all numbers: sorted by a row, and copied.

const table = document.getElementById("numbers");
let order = page.models.map((_, index) => index);

// The first click sorts ascending, the second descending, the third restores the order.
function sortBy({ dataset }) {
  const row = Number(dataset.row) + 1;
  state.sort = { [row]: -row, [-row]: 0 }[state.sort] ?? row;
  drawTable();
  remember(true);
}

function drawTable() {
  const sortRow = Math.abs(state.sort) - 1;
  const values = page.table.order[sortRow];
  order = page.models.map((_, index) => index);
  // Missing values stay last.
  if (values) order.sort((a, b) => (values[a] === null) - (values[b] === null) || Math.sign(state.sort) * (values[a] - values[b]));
  for (const row of table?.rows ?? []) {
    const cells = Object.fromEntries([...row.querySelectorAll("[data-model]")].map((cell) => [cell.dataset.model, cell]));
    row.append(...order.map((index) => cells[index]));
    const button = row.querySelector(".sort");
    if (button) row.cells[0].ariaSort = Number(button.dataset.row) !== sortRow ? "none" : state.sort > 0 ? "ascending" : "descending";
  }
}

function tableText(format) {
  const { models, rows } = page.table[format];
  const columns = order.filter(isShown);
  const lines = [["", ...columns.map((index) => models[index])], ...rows.map(([label, ...cells]) => [label, ...columns.map((index) => cells[index])])];
  if (format === "markdown") {
    lines.splice(1, 0, ["---", ...columns.map(() => "---:")]);
    return lines.map((line) => `| ${line.join(" | ")} |\n`).join("");
  }
  const [head, ...body] = lines.map((line) => `${line.join(" & ")} \\\\`);
  return [`\\begin{tabular}{l${"r".repeat(columns.length)}}`, "\\toprule", head, "\\midrule", ...body, "\\bottomrule", "\\end{tabular}", ""].join("\n");
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without the permission: copy a selection.
    const area = Object.assign(document.createElement("textarea"), { value: text, style: "position: fixed; opacity: 0" });
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    if (!done) return "This browser does not allow the page to copy.";
  }
  return "Copied.";
}
