"""The table of results, in Markdown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from benchmarks.catalogue import TASKS
from benchmarks.support.markdown import markdown_table

OURS = "packed"
GRID = 51**2
NOTES = {  # shown after the seconds, where a benchmark has them
    "products": "{} products",
    "evaluations": "{} evaluations",
    "error_on_grid": "error {:.1e}",
    "value": "λ = {:.3f}",
    "trace": "trace {:.4g}",
    "stderr": "standard error {:.2g}",
    "share_in_products": "{:.0%} of the time in products",
    "users": "{} users",
    "relative_residual": "residual {:.1e}",
    "untrained": "untrained model: {}",
}


def markdown(report: dict[str, Any]) -> str:
    """Return the table: a row for each benchmark, with seconds, ratio to the packed way, arithmetic and memory."""
    results = report["results"]
    rows: list[list[str]] = []
    for task, title in TASKS.items():
        ways = {name.partition("/")[2]: result for name, result in results.items() if name.partition("/")[0] == task}
        if task == "surface" and "seconds" in results.get("point/padded", {}):  # it would take hours
            ways["padded, every point"] = {
                "seconds": GRID * results["point/padded"]["seconds"],
                "evaluations": GRID,
                "derived": True,
            }
        base = ways.get(OURS, {}).get("seconds")
        rows += [[title if way == OURS else "", way, *_cells(result, base)] for way, result in ways.items()]
    header = ["", "way", "seconds", "× ours", "of matrix-product speed", "peak memory", ""]
    return "\n".join([*markdown_table(header, rows, right=4), "", *_ceilings(report["ceilings"])])


def _cells(result: dict[str, Any], base: float | None) -> list[str]:
    """Seconds, times those of the packed way, share of the ceiling, memory, and notes."""
    if "seconds" not in result:
        return ["", "", "", "", result.get("failed") or f"skipped: {result.get('skipped')}"]
    times = result.get("times_ours", result["seconds"] / base if base else None)  # measured in turn, where it was
    ratio = f"{times:.1f}" if times else ""
    share = f"{result['share_of_ceiling']:.0%}" if result.get("share_of_ceiling") else ""
    memory = f"{result['peak_mb']:.0f} MB" if result.get("peak_mb") else ""
    spread = f" ± {result['spread'] / 2:.0%}" if result.get("spread") else ""
    notes = [text.format(result[name]) for name, text in NOTES.items() if result.get(name) is not None]
    if result.get("share_of_terms", 1) < 0.999:
        notes.append(f"scaled from {result['share_of_terms']:.2g} of the terms")
    if "scaled_from_points" in result:
        notes.append(f"scaled from {result['scaled_from_points']} points")
    if "scaled_from_probes" in result:
        notes.append(f"scaled from {result['scaled_from_probes']} probe")
    if "unpatched" in result:
        notes.append(f"as it is installed: {result['unpatched']}")
    notes += [f"{name} {value:.2f}" for name, value in result.get("ratios", {}).items()]
    if result.get("derived"):
        notes.append("computed from one point")
    return [f"{result['seconds']:.3g}{spread}", ratio, share, memory, ", ".join(notes)]


def _ceilings(ceilings: dict[str, Any]) -> Iterable[str]:
    yield "Measured ceiling (float32 2048² matrix product, memory copy), before → after each group:"
    yield ""
    for group, when in ceilings.items():
        speeds = [f"{speed['gflops']:.0f} GFLOP/s, {speed['copy_gb_per_s']:.0f} GB/s" for speed in when.values()]
        yield f"- {group}: {' → '.join(speeds)}"
