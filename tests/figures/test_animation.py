"""Animations of training runs: frames, files, and what is said before anything is computed."""

from __future__ import annotations

import itertools
import os
import shutil
import stat
import subprocess
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from landscape.cli import main
from landscape.figures.entries import ModelEntry
from landscape.figures.export import write_film
from landscape.figures.plotdata.surfaces.course import surface_course
from landscape.figures.static.animation import AnimationOptions, check_animation, write_animation
from landscape.figures.static.frames import animation_frames
from landscape.results.storage.outputs import is_drawn
from landscape.results.storage.save_load import save_surface
from tests.support.drawable import evaluated, marked, raced

SMALL = AnimationOptions(frames=4, width=480, colours=32)


def frames(surface, times, **options):
    return list(animation_frames(surface, surface_course(surface), times, width=480, **options))


def test_a_gif_has_its_frames_and_size_and_is_the_same_twice(tmp_path):
    files = [tmp_path / name for name in ("a.gif", "b.gif")]
    for file in files:
        write_animation(raced(), file, SMALL)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert is_drawn(files[0])
    with Image.open(files[0]) as picture:
        assert (picture.n_frames, picture.width, picture.info["loop"]) == (4, 480, 0)
        durations, drawn = [], []
        for index in range(4):
            picture.seek(index)
            durations.append(picture.info["duration"])
            drawn.append(np.asarray(picture.convert("RGB")))
            assert len(np.unique(drawn[-1].reshape(-1, 3), axis=0)) <= 32
        assert durations == [80, 80, 80, 1600]
    assert drawn[0][0, 0].tolist() == [255, 255, 255]
    # What stands still has the same colours in all frames, which keeps the file small.
    still = np.all(
        [one == other for one, other in itertools.pairwise(frames(raced(), np.linspace(0, 8, 4)))], axis=(0, 3)
    )
    assert all((one == other).all(-1)[still].all() for one, other in itertools.pairwise(drawn))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.gif", "b.gif"]


def test_what_stands_still_is_equal_in_all_frames_and_what_moves_is_not():
    first, middle, last = frames(raced(), [0, 4, 8])
    assert first.shape == middle.shape == last.shape
    assert first.shape[0] % 2 == first.shape[1] % 2 == 0
    same = (first == last).all(-1)
    assert 0.85 < same.mean() < 0.999
    assert not (first == middle).all() and not (middle == last).all()
    # A frame depends on its moment alone, and not on those before it.
    (alone,) = frames(raced(), [4])
    np.testing.assert_array_equal(alone, middle)


def test_markers_are_at_the_projections_of_the_snapshots():
    """On the map, a disc that is wider than the path is in the run's colour, around the place of the snapshot."""
    surface = replace(marked(), marks=(), quadratic=None)
    for epoch in (0, 4, 8):
        frame = frames(surface, [epoch])[0].astype(int)
        high, wide = frame.shape[:2]
        low, top = ([ends[0], ends[-1]] for ends in (surface.alphas, surface.betas))
        a, b = surface.trajectory.points[epoch]
        box = _map_box(surface, wide, high)
        x = box[0] + (a - low[0]) / (low[1] - low[0]) * (box[2] - box[0])
        y = box[1] + (b - top[0]) / (top[1] - top[0]) * (box[3] - box[1])
        around = frame[round(high - y) - 2 : round(high - y) + 3, round(x) - 2 : round(x) + 3].reshape(-1, 3)
        wanted = [int(surface_course(surface).runs[0].colour[at : at + 2], 16) for at in (1, 3, 5)]
        assert np.abs(around - wanted).max() < 12, epoch


def _map_box(surface, wide, high):
    """The map in pixels from the lower left: its axes' place, shrunk to the plane's proportions."""
    left, bottom, width, height = 0.605 * wide, 0.54 * high, 0.30 * wide, 0.41 * high
    ratio = np.ptp(surface.betas) / np.ptp(surface.alphas)
    side = min(width, height / ratio)
    shrunk = side, side * ratio
    left, bottom = left + (width - shrunk[0]) / 2, bottom + (height - shrunk[1]) / 2
    return left, bottom, left + shrunk[0], bottom + shrunk[1]


@pytest.mark.parametrize("scale", ["linear", "log", "rise"])
def test_every_scale_is_animated(tmp_path, scale):
    write_film(ModelEntry("x", raced()), tmp_path / "a.gif", scale=scale, frames=2, width=480)
    with Image.open(tmp_path / "a.gif") as picture:
        assert picture.n_frames == 2


def test_runs_without_losses_metrics_or_names_are_animated(tmp_path):
    bare = replace(raced().trajectory, loss=np.empty(0), metric=np.empty(0), metric_name="", names=(), title="")
    write_animation(replace(raced(), trajectory=bare, other_trajectories=()), tmp_path / "a.gif", SMALL)
    spoilt = replace(raced(), loss=np.where(raced().alphas > 0.5, np.nan, raced().loss))
    write_animation(spoilt, tmp_path / "b.gif", SMALL)


@pytest.mark.parametrize("surface", [evaluated(), evaluated(points=(11, 1))], ids=["plane", "line"])
def test_without_a_run_there_is_nothing_to_animate(tmp_path, surface):
    with pytest.raises(ValueError, match="no training run in a plane to animate; compute one with --trajectory RUN"):
        write_animation(surface, tmp_path / "a.gif", SMALL)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("name", "value"), [("frames", 1), ("width", 100), ("colours", 300)])
def test_sizes_out_of_range_are_refused(name, value):
    with pytest.raises(ValueError, match=f"{name}, got {value}"):
        AnimationOptions(**{name: value})


def test_a_film_needs_ffmpeg_and_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    check_animation("a.gif")
    for name in ("a.mp4", "a.webm"):
        with pytest.raises(ValueError, match=f"{name} needs ffmpeg, which is not installed: install it, or give"):
            check_animation(name)
    with pytest.raises(ValueError, match=r"--animate must be a file that ends in \.gif, \.mp4, \.webm, got 'a\.avi'"):
        check_animation("a.avi")


def _ffmpeg(folder, script):
    """A program of that name on the PATH."""
    program = folder / "ffmpeg"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


def test_a_film_gets_all_frames_and_the_last_one_longer(monkeypatch, tmp_path):
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", _ffmpeg(tmp_path / "bin", 'for last; do :; done; cat > "$last"'))
    write_animation(raced(), tmp_path / "a.webm", SMALL)
    wanted = frames(raced(), np.linspace(0, 8, 4))
    assert (tmp_path / "a.webm").read_bytes() == b"".join(one.tobytes() for one in [*wanted, *[wanted[-1]] * 20])


def test_a_film_that_fails_leaves_the_old_one(monkeypatch, tmp_path):
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", _ffmpeg(tmp_path / "bin", "echo 'unknown encoder' >&2; exit 1"))
    (tmp_path / "a.mp4").write_bytes(b"old")
    with pytest.raises(ValueError, match=r"ffmpeg could not write .*a\.mp4: unknown encoder"):
        write_animation(raced(), tmp_path / "a.mp4", SMALL)
    assert (tmp_path / "a.mp4").read_bytes() == b"old"


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_a_film_can_be_read_by_ffmpeg_and_is_the_same_twice(tmp_path, suffix):
    files = [tmp_path / f"{name}{suffix}" for name in "ab"]
    for file in files:
        write_animation(raced(), file, SMALL)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert is_drawn(files[0])
    command = ["ffmpeg", "-v", "error", "-i", str(files[0]), "-f", "rawvideo", "-pix_fmt", "gray", "-"]
    shown = subprocess.run(command, check=True, capture_output=True).stdout
    high, wide, _ = frames(raced(), [0])[0].shape
    assert len(shown) == 24 * high * wide


def run(*arguments):
    return CliRunner().invoke(main, [str(one) for one in arguments])


def test_the_command_animates_a_result(tmp_path):
    save_surface(raced(), tmp_path / "a.npz")
    sizes = ["--animate-frames", 3, "--animate-width", 480]
    done = run("surface", tmp_path / "a.npz", "--out", tmp_path / "b.html", "--animate", tmp_path / "b.gif", *sizes)
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[-1] == str(tmp_path / "b.gif")
    with Image.open(tmp_path / "b.gif") as picture:
        assert (picture.n_frames, picture.width) == (3, 480)


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["CKPT", "--animate", "b.gif"], 2, "--animate plays training runs in a plane: add --trajectory RUN"),
        (["CKPT", "--animate", "b.gif", "--trajectory", "x", "--line"], 2, "without --line"),
        (["RESULT", "--animate", "b.mov"], 1, "--animate must be a file that ends in .gif, .mp4, .webm"),
        (["RESULT", "--animate", "b.mp4"], 1, "b.mp4 needs ffmpeg, which is not installed"),
        (["RESULT", "--animate", "nowhere/b.gif"], 1, "the folder nowhere of b.gif does not exist"),
        (["RESULT", "--animate", "b.gif", "--animate-frames", "1"], 1, "an animation has 2 to 2000 frames, got 1"),
        (["RESULT", "RESULT", "--animate", "b.gif"], 2, "b.gif can hold one result"),
        (["RESULT", "--animate", "other.gif"], 1, "other.gif exists and is not a page or picture"),
        (["RESULT", "--animate", "b.gif"], 1, "there is no training run in a plane to animate"),
    ],
)
def test_the_command_says_what_is_wrong_and_writes_nothing(tmp_path, monkeypatch, options, code, said):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    save_surface(evaluated(), tmp_path / "a.npz")
    (tmp_path / "other.gif").write_bytes(b"GIF89a of somebody")
    names = {"CKPT": "run/checkpoint.pt", "RESULT": "a.npz"}
    before = sorted(path.name for path in tmp_path.iterdir())
    done = run("surface", *(names.get(one, one) for one in options))
    assert (done.exit_code, said in done.output + str(done.exception)) == (code, True), (done.output, done.exception)
    assert sorted(path.name for path in tmp_path.iterdir()) == before
