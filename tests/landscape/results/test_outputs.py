"""What a command may write: the rule, alone and at each command."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest
from click.testing import CliRunner

from landscape.cli import main
from landscape.results.files import write_text
from landscape.results.outputs import PAGE, is_drawn, made_folder, refuse_foreign
from landscape.results.transactions import together
from tests.fuzz import hostile


def test_only_what_the_command_wrote_is_replaced(tmp_path):
    page, other, empty = (tmp_path / name for name in ("page.html", "other.html", "empty.html"))
    page.write_bytes(b"<html>" + PAGE)
    other.write_text("<html>my notes</html>")
    empty.touch()
    (link := tmp_path / "link.html").symlink_to(tmp_path / "nothing")
    refuse_foreign([page, empty, tmp_path / "new.html"], is_drawn, "a page")
    for path in (other, link):
        with pytest.raises(FileExistsError, match=f"{path.name} exists and is not a page"):
            refuse_foreign([page, path], is_drawn, "a page")


def test_a_folder_goes_again_where_nothing_is_written(tmp_path):
    folder = tmp_path / "a" / "b"

    def fails(*names: str) -> None:
        with made_folder(folder, of_no_worth=(".lock",)):
            for name in names:
                (folder / name).touch()
            raise ValueError("refused")

    for names in ((), (".lock",)):
        with pytest.raises(ValueError, match="refused"):
            fails(*names)
        assert not (tmp_path / "a").exists()
    with pytest.raises(ValueError, match="refused"):
        fails(".lock", "result")
    assert sorted(path.name for path in folder.iterdir()) == [".lock", "result"]
    (folder / "result").unlink()
    with pytest.raises(ValueError, match="refused"):
        fails()
    assert folder.exists()  # it was there before


def test_files_of_several_folders_change_together(tmp_path):
    (tmp_path / "b").mkdir()
    places = [tmp_path / "b" / "picture.svg", tmp_path / "page.html"]
    for place in places:
        place.write_text("old")

    def write(fails: bool) -> None:
        with together():
            for place in places:
                write_text(place, "first")
                write_text(place, "new")
            assert {place.read_text() for place in places} == {"old"}
            if fails:
                raise ValueError("refused")

    with pytest.raises(ValueError, match="refused"):
        write(True)
    assert {place.read_text() for place in places} == {"old"}
    write(False)
    assert {place.read_text() for place in places} == {"new"}
    assert len([*tmp_path.rglob("*")]) == 3


@pytest.fixture
def good(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    hostile.prepare(tmp_path, bomb=False)
    return tmp_path / "good"


def run(command: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, command.split())
    return result.exit_code, result.stderr


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


IMPORT = "import s3rec good/weights.pt --data good/small.txt --out {}"
PAGES = (
    "surface good/surface.npz --out {}",
    "curvature good/curvature.json --out {}",
    "compare good/surface.npz --out {}",
)
FOREIGN = (
    *[(IMPORT, name) for name in ("checkpoint.pt", "weights.pt", "small.txt", "surface.npz", "notes.html")],
    *[(command, "notes.html") for command in PAGES],
    ("surface good/surface.npz --out p.html --png {}", "notes.png"),
    ("train sasrec --data good/small.txt --out {}", "notes.html"),
    ("train sasrec --data good/small.txt --epochs 1 --out {}", ""),
    ("data prepare good/raw.csv --core 1 --overwrite --out good --name {}", "link"),
)  # fmt: skip


@pytest.mark.parametrize(("command", "name"), FOREIGN)
@pytest.mark.parametrize("spelling", ["plain", "dots", "link"])
def test_no_command_replaces_what_is_not_its_own(good, command, name, spelling):
    (good / "notes.html").write_text("<html>mine</html>")
    (good / "notes.png").write_bytes(b"\x89PNG mine")
    (good / "last.pt").write_bytes(b"mine")
    (good / "link.txt").hardlink_to(good / "raw.csv")
    target = f"good/{name}"
    if name == "link":
        target = "link"
    elif spelling == "dots":
        target = f"good/../good/{name}"
    elif spelling == "link" and name:
        Path("link").symlink_to("good")
        target = f"link/{name}"
    before = contents(good.parent)
    code, error = run(command.format(target))
    assert code in (1, 2)
    assert error.strip().splitlines()[-1].startswith("Error: ")
    assert contents(good.parent) == before


@pytest.mark.slow
def test_what_a_command_wrote_it_replaces(good):
    for command in (
        IMPORT.format("new.pt"),
        "surface good/surface.npz --out page.html --png a.png --pdf a.pdf --svg a.svg",
        "compare good/surface.npz --out all.html",
        "curvature good/curvature.json --out curved.html",
    ):
        for _ in range(2):
            assert run(command) == (0, ""), command


@pytest.mark.parametrize("command", [
    *[command.format("new/page.html") for command in PAGES],
    "surface good/surface.npz --out new/page.html --png new/a.png --svg a.svg",
    IMPORT.format("new/new.pt"),
    "data prepare good/raw.csv --core 1 --overwrite --out new --name raw",
])  # fmt: skip
@pytest.mark.slow
@pytest.mark.parametrize("limit", [0, 100, 3000, 100_000])
def test_a_full_disk_changes_nothing(good, command, limit):
    """No file may grow beyond ``limit``, as on a disk that is full at some moment of the writing."""
    Path("new").mkdir()
    assert run(command)[0] == 0
    for path in Path("new").iterdir():  # to be replaced by something else
        if path.suffix in (".html", ".png", ".svg", ".json", ".txt"):
            path.write_bytes(path.read_bytes() + b"\n")
    before = contents(good.parent)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        code, error = run(command)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    if code == 0:
        assert max(path.stat().st_size for path in Path("new").iterdir()) <= limit
        return
    assert code == 1
    assert "File too large" in error
    assert contents(good.parent) == before
