"""Frames written to a file: a GIF by Pillow, or a film by ffmpeg."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from landscape.figures.static.frames import Pixels
from landscape.results.storage.files import atomic
from landscape.results.storage.outputs import PICTURE

FRAME, LAST = 80, 1600  # milliseconds that a frame, and the last one, is shown
WHITE = 246  # brighter colours of a GIF are white: Pillow would take the next best of them


def write_gif(frames: Sequence[Pixels], path: str | Path, colours: int) -> None:
    """Write a GIF of at most ``colours`` colours."""
    # One palette for all: what stands still then has equal pixels in all frames and is stored once.
    chosen = np.vstack([frames[place] for place in sorted({0, len(frames) // 2, len(frames) - 1})])
    palette = Image.fromarray(chosen).quantize(colours, method=Image.Quantize.MEDIANCUT)
    rows = np.array(palette.getpalette()).reshape(-1, 3)
    rows[rows.min(1) >= min(WHITE, int(rows.min(1).max()))] = 255  # the background's white was averaged with others
    palette.putpalette(rows.ravel().tolist())
    first, *others = (Image.fromarray(one).quantize(palette=palette, dither=Image.Dither.NONE) for one in frames)
    with atomic(path) as file:
        first.save(
            file,
            format="GIF",
            save_all=True,
            append_images=others,
            duration=[FRAME] * len(others) + [LAST],
            loop=0,
            optimize=True,
            comment=PICTURE,
        )


def write_film(frames: Iterator[Pixels], path: str | Path, codec: str, form: str) -> None:
    """Write a film with ffmpeg, which has to be there.

    Args:
        frames: One at least.
        path: Of the file.
        codec: By ffmpeg's name.
        form: Of the file, by ffmpeg's name.

    Raises:
        ValueError: ffmpeg failed.
    """
    program = shutil.which("ffmpeg")
    assert program is not None
    first = next(frames)
    high, wide = first.shape[:2]
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / f"film.{form}"
        command = [program, "-loglevel", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{wide}x{high}"]
        command += ["-r", str(1000 / FRAME), "-i", "-", "-an", "-c:v", codec, "-pix_fmt", "yuv420p", "-crf", "24"]
        command += ["-threads", "1", "-fflags", "+bitexact", "-flags:v", "+bitexact"]
        command += ["-metadata", f"comment={PICTURE.decode()}", "-f", form, str(target)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdin is not None and process.stderr is not None
            try:
                last = first
                for frame in (first, *frames):
                    process.stdin.write(frame.tobytes())
                    last = frame
                for _ in range(LAST // FRAME):
                    process.stdin.write(last.tobytes())
                process.stdin.close()
            except BrokenPipeError:  # what it says is read below
                pass
            said = process.stderr.read().decode(errors="replace")
        if process.returncode:
            raise ValueError(f"ffmpeg could not write {path}: {' '.join(said.split())[:300] or process.returncode}")
        with atomic(path) as file:
            file.write(target.read_bytes())
