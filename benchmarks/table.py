"""The table of results, in Markdown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from benchmarks.catalogue import TASKS

OURS, PUBLIC = "packed", "padded"
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
    """One line a benchmark: seconds, how many times those of the packed way, arithmetic, memory."""
    results = report["results"]
    lines = ["| | way | seconds | × ours | of matrix-product speed | peak memory | |", "|---|---|--:|--:|--:|--:|---|"]
    for task, title in TASKS.items():
        ways = {name.partition("/")[2]: found for name, found in results.items() if name.partition("/")[0] == task}
        if task == "surface" and "seconds" in results.get("point/padded", {}):  # nobody waits for it
            ways["padded, every point"] = {
                "seconds": GRID * results["point/padded"]["seconds"],
                "evaluations": GRID,
                "derived": True,
            }
        base = ways.get(OURS, {}).get("seconds")
        lines += [_line(title if way == OURS else "", way, found, base) for way, found in ways.items()]
    return "\n".join([*lines, "", *_ceilings(report["ceilings"])])


def _line(title: str, way: str, found: dict[str, Any], base: float | None) -> str:
    if "seconds" not in found:
        return f"| {title} | {way} | | | | | {found.get('failed') or 'skipped: ' + str(found.get('skipped'))} |"
    times = found.get("times_ours", found["seconds"] / base if base else None)  # measured in turn, where it was
    ratio = f"{times:.1f}" if times else ""
    share = f"{found['share_of_ceiling']:.0%}" if found.get("share_of_ceiling") else ""
    memory = f"{found['peak_mb']:.0f} MB" if found.get("peak_mb") else ""
    spread = f" ± {found['spread'] / 2:.0%}" if found.get("spread") else ""
    notes = [text.format(found[name]) for name, text in NOTES.items() if found.get(name) is not None]
    if found.get("share_of_terms", 1) < 0.999:
        notes.append(f"scaled from {found['share_of_terms']:.2g} of the terms")
    if "scaled_from_points" in found:
        notes.append(f"scaled from {found['scaled_from_points']} points")
    if "scaled_from_probes" in found:
        notes.append(f"scaled from {found['scaled_from_probes']} probe")
    if "unpatched" in found:
        notes.append(f"as it is installed: {found['unpatched']}")
    notes += [f"{name} {value:.2f}" for name, value in found.get("ratios", {}).items()]
    if found.get("derived"):
        notes.append("computed from one point")
    return f"| {title} | {way} | {found['seconds']:.3g}{spread} | {ratio} | {share} | {memory} | {', '.join(notes)} |"


def _ceilings(ceilings: dict[str, Any]) -> Iterable[str]:
    yield "Measured ceiling (float32 2048² matrix product, memory copy), before → after each group:"
    yield ""
    for group, when in ceilings.items():
        speeds = [f"{one['gflops']:.0f} GFLOP/s, {one['copy_gb_per_s']:.0f} GB/s" for one in when.values()]
        yield f"- {group}: {' → '.join(speeds)}"
