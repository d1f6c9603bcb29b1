"""The package, installed: whole, one name in site-packages, and unaffected by a user's own models/ or figures.py."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import pytest

from landscape.version import __version__

ROOT = Path(__file__).resolve().parents[2]
SITE = Path(sysconfig.get_paths()["purelib"])  # where torch and the other dependencies are
pytestmark = pytest.mark.slow


def run(*command: str | Path, cwd: Path, code: int = 0, **environment: str) -> str:
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    ended = subprocess.run([*map(str, command)], cwd=cwd, env=clean | environment, capture_output=True, text=True)
    assert ended.returncode == code, f"{command}\n{ended.stdout}\n{ended.stderr}"
    return ended.stdout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository, since building writes beside setup.py."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE", "cli.py"):
        shutil.copy(ROOT / name, copy)
    for name in ("landscape", "models", "training", "figures", "commands", "tests", "benchmarks", "examples"):
        shutil.copytree(ROOT / name, copy / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Make an environment with our dependencies and without us; install into it what ``pip install`` is given."""

    def make(*install: str | Path) -> Path:
        folder = tmp_path_factory.mktemp("environment")
        run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder)
        python = folder / "bin" / "python"
        if install:
            run(
                *(sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check", "install", "--quiet"),
                *("--ignore-installed", "--no-deps", "--no-index", "--no-build-isolation", *install),
                cwd=folder,
                PYTHONPATH=str(SITE),  # setuptools
            )
        place = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])", cwd=folder).strip())
        (place / "dependencies.pth").write_text(f"{SITE}\n")  # .pth files in SITE are not read, nor our installation
        return python

    return make


@pytest.fixture(scope="module")
def wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(
        *(sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet", "--wheel-dir", folder),
        *("--no-deps", "--no-index", "--no-build-isolation", checkout),
        cwd=folder,
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, environment: Callable[..., Path]) -> Path:
    return environment(wheel)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's own project, with modules and packages that have the names of our folders."""
    folder = tmp_path_factory.mktemp("project")
    packages = [f"{name}/__init__.py" for name in ("models", "training", "commands")]
    for name in (*packages, "figures.py", "cli.py", "version.py"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(f"raise RuntimeError('{name} of the user')\n")
    return folder


def test_the_wheel_holds_every_file_below_landscape_and_no_other(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if ".dist-info/" not in name}
    files = (Path(folder, name) for folder, _, names in os.walk(ROOT / "landscape", followlinks=True) for name in names)
    here = {file.relative_to(ROOT).as_posix() for file in files if file.suffix != ".pyc"}
    assert inside == here
    assert {
        "landscape/cli.py",
        "landscape/py.typed",
        "landscape/__init__.pyi",
        "landscape/training/loop/trainer.py",
    } < here
    assert any(re.fullmatch(r"landscape/figures/explorer/templates/.*\.html.*", name) for name in here)


def test_the_metadata_names_what_is_needed(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        texts = {
            name.rpartition("/")[2]: archive.read(name).decode() for name in archive.namelist() if ".dist-info/" in name
        }
    metadata = texts["METADATA"].splitlines()
    assert texts["top_level.txt"].split() == ["landscape"]
    assert f"Version: {__version__}" in metadata
    assert "Requires-Python: >=3.11" in metadata
    assert any(line.startswith("Requires-Dist: torch>=") for line in metadata)
    assert "MIT License" in texts["LICENSE"]
    assert f"version: {__version__}" in (ROOT / "CITATION.cff").read_text(encoding="utf-8").splitlines()


def test_the_wheel_works_beside_a_users_own_models_training_figures_and_cli(installed: Path, project: Path) -> None:
    program = (
        "import landscape, landscape.models.sasrec, landscape.training.analysis.comparison, landscape.figures.export\n"
        "landscape.Objective, landscape.surface, landscape.top_eigenpairs; print(landscape.__file__)"
    )
    place = Path(run(installed, "-c", program, cwd=project).strip())
    assert place.is_relative_to(installed.parents[1])
    torchrun = (installed, "-m", "torch.distributed.run", "--nproc-per-node", "1", "-m", "landscape")
    for command in ((installed.with_name("landscape"),), (installed, "-m", "landscape"), torchrun):
        assert run(*command, "--version", cwd=project).split()[-1] == __version__
    # `data list` imports landscape.training, and fails with the user's error if it takes the wrong one.
    assert "Beauty" in run(installed, "-m", "landscape", "data", "list", cwd=project)


def test_a_checkout_works_without_installation(checkout: Path, environment: Callable[..., Path]) -> None:
    python = environment()
    assert run(python, "-m", "landscape", "--version", cwd=checkout).split()[-1] == __version__
    assert "Beauty" in run(python, "-m", "landscape", "data", "list", cwd=checkout)


def test_an_editable_installation_sees_new_modules_and_a_type_checker_sees_all(
    checkout: Path, project: Path, environment: Callable[..., Path]
) -> None:
    python = environment("--editable", checkout)
    (checkout / "training" / "added.py").write_text("def double(x: int) -> int:\n    return 2 * x\n")
    program = "from landscape.training.added import double; import landscape.figures.style; print(double(4))"
    assert run(python, "-c", program, cwd=project).strip() == "8"
    (project / "user.py").write_text(
        "from landscape.training.added import double\n"
        "from landscape.training.config.training import TrainingConfig\n"
        "double('a')\n"
        "TrainingConfig(seed='zero')\n"
        "reveal_type(TrainingConfig().rho)\n"
    )
    # Reading torch takes mypy a minute.
    (project / "mypy.ini").write_text("[mypy]\n[mypy-torch.*,numpy.*,scipy.*,click.*]\nfollow_imports = skip\n")
    mypy = (sys.executable, "-m", "mypy", "--python-executable", python, "--cache-dir", os.devnull, "user.py")
    errors = run(*mypy, cwd=project, code=1).splitlines()
    assert [line.partition(": ")[2] for line in errors[:3]] == [
        'error: Argument 1 to "double" has incompatible type "str"; expected "int"  [arg-type]',
        'error: Argument "seed" to "TrainingConfig" has incompatible type "str"; expected "int"  [arg-type]',
        'note: Revealed type is "float"',
    ]
