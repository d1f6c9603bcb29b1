"""Free memory: that of the machine, or what the limit of a control group leaves."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from landscape.devices import available_memory

GROUP = {2: ("", "memory.max", "memory.current", "inactive_file"), 1: ("memory", "memory.limit_in_bytes",
         "memory.usage_in_bytes", "total_inactive_file")}  # fmt: skip
MIB = 2**20


def group(root: Path, version: int, place: str, limit: str, used: int, reclaimable: int | None = None) -> None:
    """A group as Linux shows it."""
    below, limit_file, used_file, statistic = GROUP[version]
    folder = root / below / place
    folder.mkdir(parents=True, exist_ok=True)
    (folder / limit_file).write_text(f"{limit}\n")
    (folder / used_file).write_text(f"{used}\n")
    if reclaimable is not None:
        (folder / "memory.stat").write_text(f"anon 5\n{statistic} {reclaimable}\nslab 7\n")


def member(folder: Path, text: str) -> Path:
    file = folder / "membership"
    file.write_text(text)
    return file


def left(folder: Path, text: str) -> int:
    return available_memory("cpu", cgroups=folder, membership=member(folder, text))


@pytest.mark.parametrize(
    ("version", "line"), [(2, "0::/job/step\n"), (1, "9:cpu:/\n4:hugetlb,memory:/job/step\n0::/\n")]
)
def test_the_limit_of_a_group_counts_where_it_is_lower(tmp_path, version, line):
    group(tmp_path, version, "job/step", str(100 * MIB), 30 * MIB)
    assert left(tmp_path, line) == 70 * MIB
    group(tmp_path, version, "job/step", str(100 * MIB), 30 * MIB, reclaimable=12 * MIB)
    assert left(tmp_path, line) == 82 * MIB  # pages of files are free, as they are on a machine without limits
    group(tmp_path, version, "job", str(64 * MIB), 40 * MIB)
    assert left(tmp_path, line) == 24 * MIB  # the group around it has less left
    group(tmp_path, version, "job", str(64 * MIB), 65 * MIB)
    assert left(tmp_path, line) == 0


@pytest.mark.parametrize(("version", "none"), [(2, "max"), (1, str(2**63 - 4096))])
def test_a_group_without_a_limit_leaves_what_the_machine_has(tmp_path, version, none):
    group(tmp_path, version, "job", none, 30 * MIB)
    line = "0::/job\n" if version == 2 else "4:memory:/job\n"
    assert left(tmp_path, line) == pytest.approx(psutil.virtual_memory().available, rel=0.2)


@pytest.mark.parametrize(("version", "line"), [(2, "0::/docker/abc\n"), (1, "4:memory:/docker/abc\n")])
def test_in_a_container_the_own_group_is_the_root(tmp_path, version, line):
    group(tmp_path, version, "", str(50 * MIB), 20 * MIB)
    assert left(tmp_path, line) == 30 * MIB


def test_without_groups_the_machine_counts(tmp_path):
    expected = pytest.approx(psutil.virtual_memory().available, rel=0.2)
    assert available_memory("cpu", cgroups=tmp_path, membership=tmp_path / "nowhere") == expected
    assert left(tmp_path, "") == expected
    assert left(tmp_path, "0::/job\n") == expected
