"""The recipes of docs/extending.md, tried in a process of their own, since they add to the package's dicts."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_every_recipe_works_as_it_is_written(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
    program = "\n".join(re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL))
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "PATH": ""},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    shown = ended.stdout
    assert "ASAMRec on synthetic, seed 0: best at epoch" in shown
    assert re.search(r"HingeRec on synthetic, seed 0[^\n]*: Curvature\(EigenPairs\(", shown)
    assert "9 users" in shown
    assert re.search(r"^items\.weight +\d", shown, re.MULTILINE)
    for file in ("asamrec/checkpoint.pt", "hingerec/checkpoint.pt", "loans/checkpoint.pt", "loans.txt", "heights.svg"):
        assert (tmp_path / file).is_file(), file
