"""Progress in a log."""

from __future__ import annotations

from itertools import count
from types import SimpleNamespace

from landscape import progress as module


def test_a_log_tells_how_far_and_how_long(capsys, monkeypatch):
    monkeypatch.setattr(module, "SECONDS_A_LINE", 0.0)
    clock = count(step=10.0)
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    with module.progress_bar("Surface") as report:
        report(0, 5)
        report(0.5, 5, "planes ")
        report(2, 5, "planes")
        report(3, 9, "products")
        report(1, 9, "products")  # something else begins
    assert capsys.readouterr().err.splitlines() == [
        "Surface 0/5.",
        "Surface 0.5/5, 180 s left. planes",
        "Surface 2/5, 45 s left. planes",
        "Surface 3/9, 80 s left. products",
        "Surface 1/9. products",
    ]
    with module.progress_bar("Surface") as report:
        report(100, 200)  # continued: how long it took is not known
        report(150, 200)
    assert capsys.readouterr().err.splitlines() == ["Surface 100/200.", "Surface 150/200, 10 s left."]
