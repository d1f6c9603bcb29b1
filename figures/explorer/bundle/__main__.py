"""Build the bundle of plotly.js by npm and esbuild: ``python -m landscape.figures.explorer.bundle``."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from plotly.offline import get_plotlyjs_version

from landscape.figures.explorer.bundle import BUNDLE, TRACES
from landscape.results.storage.files import write_text

ESBUILD = "0.28.2"  # the same bytes from the same versions
ENTRY = "entry.js"

# plotly divides the cells of a surface, by straight lines between the given points, until there are more than 120 along
# each side: 16 times as many triangles for 51 points, which look the same and take a renderer without a GPU most of its
# time. Grids of fewer than 36 points are still divided.
REFINED = Path("src/traces/surface/convert.js")
OFTEN, SELDOM = (f"var MIN_RESOLUTION = highlyComposites[{place}];" for place in (9, 6))


def main() -> int:
    """Write ``plotly.min.js``; return 0, or 1 where npm is missing or fails."""
    version = get_plotlyjs_version()
    if (npm := shutil.which("npm")) is None:
        print("npm is not on the PATH; install Node.js", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        packages = [f"plotly.js@{version}", f"esbuild@{ESBUILD}"]
        names = ", ".join(f"require('plotly.js/lib/{trace}')" for trace in TRACES if trace != "scatter")  # in the core
        (folder / ENTRY).write_text(
            f"const core = require('plotly.js/lib/core');\ncore.register([{names}]);\nmodule.exports = core;\n",
            encoding="utf-8",
        )
        try:
            subprocess.run([npm, "install", "--no-audit", "--no-fund", *packages], cwd=folder, check=True)
            _refine_seldom(folder / "node_modules" / "plotly.js" / REFINED)
            options = ["--bundle", "--minify", "--format=iife", "--global-name=Plotly", "--define:global=globalThis"]
            built = folder / "plotly.js"
            subprocess.run(
                [folder / "node_modules" / ".bin" / "esbuild", ENTRY, *options, f"--outfile={built}"],
                cwd=folder,
                check=True,
            )
        except (subprocess.CalledProcessError, OSError, ValueError) as problem:
            print(f"the bundle could not be built: {problem}", file=sys.stderr)
            return 1
        licence = (folder / "node_modules" / "plotly.js" / "LICENSE").read_text(encoding="utf-8").strip()
        made = f"bundled by esbuild {ESBUILD}; surfaces are refined less"
        head = f"/* plotly.js v{version} ({', '.join(TRACES)}), {made}.\n\n{licence}\n*/\n"
        write_text(BUNDLE, head + built.read_text(encoding="utf-8"))
    print(f"{BUNDLE}: {BUNDLE.stat().st_size / 1e6:.1f} MB")
    return 0


def _refine_seldom(file: Path) -> None:
    """Lower the number of cells from which on plotly divides no cell of a surface."""
    source = file.read_text(encoding="utf-8")
    if source.count(OFTEN) != 1:
        raise ValueError(f"{file.name} of this version of plotly.js has no line {OFTEN!r}; see how it refines surfaces")
    file.write_text(source.replace(OFTEN, SELDOM), encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
