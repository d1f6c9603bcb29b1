"""The wheel, installed: it is whole, and a project with folders named as ours are does not get in its way."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from landscape.version import __version__

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("landscape", "models", "training", "figures")


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    ended = subprocess.run([*map(str, command)], cwd=cwd, env=clean | environment, capture_output=True, text=True)
    assert ended.returncode == 0, f"{command}\n{ended.stdout}\n{ended.stderr}"
    return ended.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = tmp_path_factory.mktemp("source")  # a copy: building writes beside setup.py
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE", "cli.py"):
        shutil.copy(ROOT / name, source)
    for name in (*PACKAGES, "tests", "benchmarks", "examples"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    built = tmp_path_factory.mktemp("wheel")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    run(
        *pip,
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--no-build-isolation",
        "--wheel-dir",
        built,
        source,
        cwd=built,
    )
    (found,) = built.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    run(sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps", "--no-index",
        "--target", folder, wheel, cwd=folder)  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's own project, with packages named as ours are."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("models", "training", "figures"):
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text(f"raise RuntimeError('the {name} of the user')\n")
    return folder


def test_the_wheel_holds_every_file_of_the_packages_and_no_other(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if ".dist-info/" not in name}
    here = {"cli.py"}
    for package in PACKAGES:
        here |= {path.relative_to(ROOT).as_posix() for path in (ROOT / package).rglob("*.py")}
    for folder in ("templates", "scripts", "styles"):
        here |= {path.relative_to(ROOT).as_posix() for path in (ROOT / "figures" / "explorer" / folder).glob("*")}
    assert inside == here | {"landscape/py.typed"}


def test_the_metadata_names_what_is_needed(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        texts = {
            name.rpartition("/")[2]: archive.read(name).decode() for name in archive.namelist() if ".dist-info/" in name
        }
    metadata = texts["METADATA"].splitlines()
    assert f"Version: {__version__}" in metadata
    assert "Requires-Python: >=3.11" in metadata
    assert any(line.startswith("Requires-Dist: torch>=") for line in metadata)
    assert "MIT License" in texts["LICENSE"]
    assert f"version: {__version__}" in (ROOT / "CITATION.cff").read_text(encoding="utf-8").splitlines()


def test_the_library_is_imported_from_a_project_with_its_own_models(site: Path, project: Path) -> None:
    program = (
        "import landscape; landscape.Objective, landscape.surface, landscape.top_eigenpairs; print(landscape.__file__)"
    )
    assert Path(run(sys.executable, "-c", program, cwd=project, PYTHONPATH=str(site)).strip()).is_relative_to(site)


@pytest.mark.parametrize(
    "path", [("site",), ("project", "site")], ids=["from the project", "with the project on the path"]
)
def test_the_command_uses_our_packages_inside_a_project_with_its_own(
    path: tuple[str, ...], site: Path, project: Path, request: pytest.FixtureRequest
) -> None:
    search = os.pathsep.join(str(request.getfixturevalue(name)) for name in path)
    (script,) = (site / "bin").glob("landscape*")
    for command in ([sys.executable, "-m", "landscape"], [sys.executable, script]):
        assert run(*command, "--version", cwd=project, PYTHONPATH=search).split()[-1] == __version__
        assert "surface" in run(*command, "--help", cwd=project, PYTHONPATH=search)
        # `data list` imports `training`, and says so with the user's error if it takes the wrong one.
        assert "Beauty" in run(*command, "data", "list", cwd=project, PYTHONPATH=search)
