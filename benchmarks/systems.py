"""The trained systems that results are about, found in their runs' folders."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from landscape.training.analysis.target import AnalysisTarget

SYSTEMS = {  # folders of runs, and what to tell of them besides method and radius
    "sasrec": "",
    "s3rec": "20 epochs of pre-training",
    "s3rec-published": "published pre-training",
    "cl4srec": "",
    "samrec": "",
    "samrec-rho0.1": "",
    "samrec-rho1.0": "",
    "s3rec+sam": "20 epochs of pre-training",
    "cl4srec+sam": "",
}


def opened(
    folder: Path, data: str, systems: Iterable[str], seeds: Iterable[int], data_dir: str | None
) -> dict[str, dict[int, AnalysisTarget]]:
    """The checkpoints in ``FOLDER/SYSTEM-DATA-seedN``, by system and seed; those that have no run are left out."""
    targets: dict[str, dict[int, AnalysisTarget]] = {}
    for system in systems:
        for seed in seeds:
            path = folder / f"{system}-{data}-seed{seed}" / "checkpoint.pt"
            if path.exists():
                targets.setdefault(system, {})[seed] = AnalysisTarget.open(path, data_dir=data_dir)
    return targets


def label(system: str, several: dict[int, AnalysisTarget]) -> str:
    """What a system is called, with what it was trained with besides the defaults."""
    one = next(iter(several.values())).checkpoint
    told = [one.title.split(" on ")[0], SYSTEMS.get(system, "")]
    if one.settings.get("sam"):
        told.append(f"ρ {one.settings['rho']:g}")
    return ", ".join(filter(None, told))
