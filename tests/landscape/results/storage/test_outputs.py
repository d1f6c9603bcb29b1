"""What a command may write: the rule, alone and at each command."""

from __future__ import annotations

import resource
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from landscape.cli import main
from landscape.results.storage.files import write_text
from landscape.results.storage.kinds import CURVATURE, SURFACE
from landscape.results.storage.outputs import PAGE, is_drawn, made_folder, refuse_foreign
from landscape.results.storage.transactions import together
from tests.fuzz import hostile
from tests.fuzz.fuzzers.objects import saved


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


def test_what_another_process_moves_aside_while_it_is_looked_at_is_not_foreign(tmp_path):
    (page := tmp_path / "page.html").write_text("<html>")
    moved = []

    def own(path):
        path.rename(tmp_path / ".page.html.old")
        moved.append(path)
        return is_drawn(path)

    refuse_foreign([page], own, "a page")
    assert moved == [page]


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


QUICK = "--points 3 --grid --users 10"
ANALYSES = (
    (f"surface {{}} {QUICK} --out {{}}", "npz"),
    ("curvature {} --top 1 --max-products 3 --users 10 --out {}", "json"),
)


@pytest.fixture
def other(good):
    """A second checkpoint of the same data, with other weights."""
    tree = torch.load(good / "checkpoint.pt", weights_only=True)
    tree["weights"]["norm.bias"] += 0.1
    tree["seed"] = tree["settings"]["seed"] = 1
    (good / "other.pt").write_bytes(saved(tree))
    return "good/other.pt"


@pytest.mark.slow
@pytest.mark.parametrize(("command", "suffix"), ANALYSES)
def test_a_result_of_another_checkpoint_is_not_replaced(good, other, command, suffix):
    first, second = (command.format(checkpoint, "page.html") for checkpoint in ("good/checkpoint.pt", other))
    assert run(first)[0] == 0
    before = contents(good.parent)
    code, error = run(second)
    assert code == 1
    assert f"page.{suffix} is a result of another checkpoint (SASRec" in error
    assert f"give page.html another name, or remove page.{suffix} first" in error
    assert contents(good.parent) == before  # nothing was computed, either
    assert run(first)[0] == 0
    assert run(f"{first} --seed 1")[0] == 0  # of the same checkpoint
    for name in ("page.npz", "page.json"):
        Path(name).unlink(missing_ok=True)
    assert run(second)[0] == 0


@pytest.mark.slow
@pytest.mark.parametrize(("command", "suffix"), ANALYSES)
def test_a_stored_result_is_copied_over_itself_and_its_own_checkpoints_alone(good, other, command, suffix):
    analysis = command.split()[0]
    for checkpoint, name in (("good/checkpoint.pt", "one.html"), (other, "two.html")):
        assert run(command.format(checkpoint, name))[0] == 0
    for _ in range(2):
        assert run(f"{analysis} one.{suffix} --out copy.html") == (0, "")
    before = contents(good.parent)
    for source, page in ((f"two.{suffix}", "copy.html"), (f"two.{suffix}", "one.html")):
        code, error = run(f"{analysis} {source} --out {page}")
        assert (code, "is a result of another checkpoint" in error) == (1, True)
    assert contents(good.parent) == before


def test_an_imported_checkpoint_gives_way_to_one_of_the_same_weights_alone(good):
    assert run(IMPORT.format("new.pt"))[0] == 0
    assert run(IMPORT.format("new.pt"))[0] == 0
    weights = torch.load(good / "weights.pt", weights_only=True)
    weights["LayerNorm.bias"] += 0.1
    torch.save(weights, good / "weights.pt")
    before = contents(good.parent)
    code, error = run(IMPORT.format("new.pt"))
    assert (code, "new.pt exists and is not a checkpoint of these weights" in error) == (1, True)
    (good / "weights.pt").unlink()
    assert run(IMPORT.format("new.pt"))[0] == 1
    assert contents(good.parent) == {path: data for path, data in before.items() if "weights" not in path}


@pytest.mark.parametrize("name", ["surface.npz", "curvature.json"])
def test_a_result_of_unknown_origin_gives_way_to_its_equal_alone(good, name):
    analysis, suffix = name.split(".")
    kind = SURFACE if analysis == "surface" else CURVATURE
    for path, metadata in (("one", {}), ("two", {"title": "two"}), ("three", {"title": "two", "seed": 1})):
        kind.save(replace(kind.load(good / name), metadata=metadata), f"{path}.{suffix}")
    for _ in range(2):
        assert run(f"{analysis} one.{suffix} --out page.html") == (0, "")
    assert (
        f"page.{suffix} is a result of another checkpoint; give" in run(f"{analysis} two.{suffix} --out page.html")[1]
    )
    for source in ("two", "three"):  # a title in common is all that they have
        assert run(f"{analysis} {source}.{suffix} --out titled.html") == (0, "")
    assert "another checkpoint (two)" in run(f"{analysis} one.{suffix} --out titled.html")[1]


def test_the_page_of_one_result_is_not_replaced_by_that_of_others(good):
    assert run("curvature good/curvature.json --out page.html")[0] == 0
    Path("page.npz").unlink(missing_ok=True)  # the eigenvectors, which alone would be refused
    before = contents(good.parent)
    code, error = run("compare good/surface.npz --out page.html")
    assert (code, "page.html is the page of the result page.json" in error) == (1, True)
    SURFACE.save(replace(SURFACE.load(good / "surface.npz"), metadata={"checkpoint": {"sha256": "0" * 64}}), "s.npz")
    code, error = run("surface s.npz --out page.html")
    assert (code, "page.json is a result of another checkpoint" in error) == (1, True)
    Path("s.npz").unlink()
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
