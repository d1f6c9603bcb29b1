"""Who may import whom: a core that knows no recommender, figures that know results only, and a lazy command line."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = ("landscape", "models", "training", "figures", "cli", "tests", "benchmarks", "examples")
ARROWS = {  # folder -> modules of ours that its files may import, besides those of the folder itself
    "landscape": (),
    "models": (),
    "training": ("models", "landscape"),
    "figures": ("landscape.results", "landscape.results.files", "landscape.results.interpolation", "landscape.version"),
    "examples": ("landscape",),
}
EXCEPTIONS = {"landscape/__main__.py": ("cli",)}  # hands over to the commands, and nothing imports it
SETTINGS = (  # what options are made of
    "landscape.training.config.training",
    "landscape.training.config.fields",
    "landscape.figures.click_options",
    "landscape.training.config.click_options",
    "landscape.training.config.objective",
    "landscape.training.config.surface",
    "landscape.training.config.curvature",
)
HEAVY = ("torch", "numpy", "scipy", "polars", "plotly", "matplotlib")


def imported(tree: ast.AST, package: str) -> Iterator[str]:
    """The dotted names of every import in a file of ``package``, also of those inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")
            prefix = [*parents[: len(parents) - node.level + 1]] if node.level else []
            module = ".".join([*prefix, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def within(name: str, modules: tuple[str, ...]) -> bool:
    return any(name == module or name.startswith(f"{module}.") for module in modules)


def forbidden(source: str, package: str, allowed: tuple[str, ...]) -> list[str]:
    """Imports of ours that a file of ``package`` makes, and may not."""
    home = package.split(".")[0]
    return [
        name
        for name in imported(ast.parse(source), package)
        if within(name, OURS) and not within(name, (home, *allowed))
    ]


def files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize(
    "path", [path for folder in ARROWS for path in files(folder)], ids=lambda path: str(path.relative_to(ROOT))
)
def test_a_file_imports_only_what_its_folder_may(path: Path) -> None:
    place = path.relative_to(ROOT)
    allowed = ARROWS[place.parts[0]] + EXCEPTIONS.get(place.as_posix(), ())
    assert forbidden(path.read_text(encoding="utf-8"), ".".join(place.parent.parts), allowed) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import landscape.training.losses.next_item", ["landscape.training.losses.next_item"]),
        ("from models import sasrec", ["models.sasrec"]),
        ("def f():\n    from landscape.training.optim.sam import SAM", ["landscape.training.optim.sam.SAM"]),
        ("from ..figures import page", ["figures.page"]),
        ("import landscape.results.files, modelstore\nfrom . import results", []),
    ],
)
def test_an_arrow_against_the_rules_would_be_found(source: str, found: list[str]) -> None:
    assert [name.removeprefix("landscape.") for name in forbidden(source, "landscape", ())] == found


def test_the_commands_import_nothing_of_ours_but_settings_and_nothing_heavy_before_they_run() -> None:
    tree = ast.parse((ROOT / "cli.py").read_text(encoding="utf-8"))
    at_once = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    names = [name for node in at_once for name in imported(node, "")]
    assert names, "cli.py has no imports at its top: has it moved?"
    ours = [name for name in names if not within(name, SETTINGS)]
    assert [name for name in ours if within(name, OURS + HEAVY)] == []


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["surface", "--help"], ["train", "--help"]], ids=" ".join
)
def test_help_and_version_load_no_heavy_library(arguments: list[str]) -> None:
    program = (
        "import sys\nfrom landscape.__main__ import main\n"
        f"sys.argv = ['landscape', *{arguments!r}]\n"
        "try:\n    main()\nexcept SystemExit as ended:\n    assert not ended.code\n"
        f"print('LOADED', [name for name in {HEAVY!r} if name in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines()[-1] == "LOADED []"


def test_the_core_loads_no_recommender_and_no_figures() -> None:
    program = (
        "import sys, pkgutil, importlib, landscape\n"
        "for module in pkgutil.iter_modules(landscape.__path__, 'landscape.'):\n"
        "    importlib.import_module(module.name)\n"
        "others = ('models', 'training', 'figures', 'cli', 'plotly', 'matplotlib')\n"
        "print([name for name in others if name in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"
