"""Who may import whom: ranks of rooms without circles, a core that knows no recommender, a lazy command line.

The rooms and their ranks are in ``docs/architecture.py``, which also draws them.
"""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from docs.architecture import PICTURE, WINGS, allowed, drawing, imported, imports, modules, place, rooms, within

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = ROOT / "commands"
# Folders of the checkout, imported below landscape only.
OLD_ROOTS = ("models", "training", "figures", "commands", "cli")
BEFORE_A_COMMAND_RUNS = (
    "landscape.command_group",
    "landscape.commands",
    "landscape.launch",
    "landscape.training.config",
    "landscape.figures.click_options",
    "landscape.version",
)
HEAVY = ("torch", "numpy", "scipy", "polars", "plotly", "matplotlib")
GRAPH = imports(modules())


def test_a_module_imports_from_its_room_and_from_lower_ranks_only() -> None:
    against = [f"{module} -> {target}" for module in sorted(GRAPH) for target in sorted(GRAPH[module])
               if not allowed(module, target)]  # fmt: skip
    assert against == []


def test_neither_modules_nor_rooms_import_in_a_circle() -> None:
    assert len([*TopologicalSorter(GRAPH).static_order()]) == len(GRAPH)
    assert {wing for wing, _, _ in TopologicalSorter(rooms(GRAPH)).static_order()} == {*WINGS}


def test_every_room_that_has_a_rank_exists() -> None:
    listed = {(wing, rank, room) for wing, ranks in WINGS.items() for rank, names in enumerate(ranks) for room in names}
    assert listed == {place(module) for module in GRAPH}


def test_the_rule_itself() -> None:
    surface, planes, maps = (
        "landscape.surfaces.surface",
        "landscape.surfaces.planes",
        "landscape.figures.static.surfaces.maps",
    )
    readers, trainer = "landscape.training.data.raw.readers", "landscape.training.loop.trainer"
    may = {
        (surface, "landscape.objectives.objective"),
        (surface, planes),
        (readers, "landscape.training.data.dataset"),
        (trainer, surface),
        (trainer, "landscape.models.sasrec"),
        (maps, "landscape.results"),
        (maps, "landscape.results.interpolation"),
        ("landscape.__main__", "landscape.cli"),
        ("landscape.commands.train", "landscape.training.loop.trainer"),
    }
    may_not = {
        ("landscape.objectives.objective", surface),  # upwards
        (planes, "landscape.geometry.sharpness"),  # beside
        (planes, "landscape"),  # the public names are above all rooms
        (surface, "landscape.models.sasrec"),
        ("landscape.results.storage", "landscape.training.data.dataset"),
        ("landscape.models.sasrec", "landscape.choices"),
        ("landscape.training.data.dataset", readers),
        (trainer, "landscape.figures.style"),
        (trainer, "landscape.cli"),
        (trainer, "landscape.commands.shared"),
        (maps, "landscape.progress"),
        (maps, "landscape"),
        (maps, "landscape.figures.explorer.page"),
    }
    assert {pair for pair in may | may_not if allowed(*pair)} == may


def test_a_module_without_a_room_is_refused() -> None:
    with pytest.raises(KeyError, match="landscape.attic.box belongs to no room; add its folder"):
        place("landscape.attic.box")


def test_every_form_of_an_import_is_seen() -> None:
    source = """
import landscape.training.optim.sam, os
from ..figures import style
from . import ritz
from .krylov import Krylov
def late():
    from landscape.results import files
"""
    assert {*imported(source, "landscape.linalg")} == {
        *("landscape.training.optim.sam", "os", "landscape.figures.style", "landscape.linalg.ritz"),
        *("landscape.linalg.krylov.Krylov", "landscape.results.files"),
    }


@pytest.mark.slow
def test_nothing_is_imported_by_the_name_of_its_folder() -> None:
    """``training`` instead of ``landscape.training`` works in the checkout only, where it loads everything twice."""
    folders = ("landscape", *OLD_ROOTS, "tests", "docs", "benchmarks", "examples")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")] + [ROOT / "cli.py"]
    wrong = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in files
        for name in imported(path.read_text(encoding="utf-8"), "")
        if any(within(name, root) for root in OLD_ROOTS)
    ]
    assert len(files) > 100
    assert wrong == []


def test_the_drawing_shows_the_imports_of_today() -> None:
    assert PICTURE.read_text(encoding="utf-8") == drawing(GRAPH), "run `make docs`"


@pytest.mark.parametrize("path", [ROOT / "cli.py", *sorted(COMMANDS.glob("[!_]*.py"))], ids=lambda path: path.stem)
def test_the_commands_import_only_settings_before_they_run(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    top = ast.Module([node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)], [])
    names = [*imported(ast.unparse(top), "landscape")]
    assert names, f"{path.name} has no imports at its top: has it moved?"
    ours = [name for name in names if within(name, "landscape")]
    assert [name for name in ours if not any(within(name, may) for may in BEFORE_A_COMMAND_RUNS)] == []


def test_help_and_version_load_no_heavy_library() -> None:
    program = (
        "import sys\nfrom landscape.__main__ import main\n"
        "for words in (['--help'], ['--version'], ['surface', '--help'], ['train', '--help']):\n"
        "    try:\n        main(words)\n    except SystemExit as ended:\n        assert not ended.code\n"
        f"    print('LOADED', words, [name for name in {HEAVY!r} if name in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = [line for line in ended.stdout.splitlines() if line.startswith("LOADED")]
    assert len(loaded) == 4
    assert [line for line in loaded if not line.endswith("[]")] == []


@pytest.mark.slow
def test_results_load_no_torch_and_the_core_loads_no_recommender_and_no_figures() -> None:
    core = sorted(module for module in GRAPH if place(module)[0] == "landscape")
    results = [module for module in core if within(module, "landscape.results")]
    others = ("landscape.models", "landscape.training", "landscape.figures", "landscape.cli", "plotly", "matplotlib")
    program = (
        "import importlib, sys\n"
        f"for module in {results!r}: importlib.import_module(module)\n"
        "print('torch' in sys.modules)\n"
        f"for module in {core!r}: importlib.import_module(module)\n"
        f"print('torch' in sys.modules, [name for name in {others!r} if name in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ended.stdout.split("\n") == ["False", "True []", ""]
