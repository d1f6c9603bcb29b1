"""The trained systems of the results, from the folders of their runs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from landscape.training.targets.checkpoint_target import CheckpointTarget

SYSTEMS = {  # folders of runs, and a remark for the label besides method and radius
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
) -> dict[str, dict[int, CheckpointTarget]]:
    """Open the checkpoints in ``FOLDER/SYSTEM-DATA-seedN``, by system and seed; those without a run are left out."""
    targets: dict[str, dict[int, CheckpointTarget]] = {}
    for system in systems:
        for seed in seeds:
            path = folder / f"{system}-{data}-seed{seed}" / "checkpoint.pt"
            if path.exists():
                targets.setdefault(system, {})[seed] = CheckpointTarget.open(path, data_dir=data_dir)
    return targets


def label(system: str, by_seed: dict[int, CheckpointTarget]) -> str:
    """Return the name of a system, with the settings that differ from the defaults."""
    checkpoint = next(iter(by_seed.values())).checkpoint
    parts = [checkpoint.title.split(" on ")[0], SYSTEMS.get(system, "")]
    if checkpoint.settings.get("sam"):
        parts.append(f"ρ {checkpoint.settings['rho']:g}")
    return ", ".join(filter(None, parts))
