"""Pictures for papers: their width, their letters, settings that stay, and several models in one."""

from __future__ import annotations

import re
import threading
import warnings
from dataclasses import replace
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.text import Text
from numpy.testing import assert_allclose
from PIL import Image

from landscape.cli import main
from landscape.figures import static
from landscape.figures.entries import ModelEntry
from landscape.figures.export import PICTURES_OF_ONE, PICTURES_OF_SEVERAL, write_picture
from landscape.figures.plotdata.surfaces.comparison import LINEAR, LOG, RISE, SCALES, above_lowest
from landscape.figures.static.canvas import COLUMN, DPI, NARROWEST, PAGE, SUFFIXES, width_of
from landscape.figures.static.text import fitted, text_width, wrapped
from landscape.results.storage.save_load import save_surface
from tests.support.drawable import bowl, curvature, evaluated, full_curvature, interpolated, marked, profile, tiny

LONG = "A $x^2$ <script>alert(1)</script> & \\alpha " + "very long name " * 12
HALF_A_POINT = 1 / 144
FULL = full_curvature()
FIGURES = {
    "surface": lambda **args: static.surface_figure(interpolated(), **args),
    "large heights": lambda **args: static.surface_figure(interpolated(lambda a, b: 1.23e-7 * bowl(a, b)), **args),
    "overlays": lambda **args: static.surface_figure(marked(), rho=0.5, quadratic=True, **args),
    "strip": lambda **args: static.surface_figure(evaluated(points=(11, 2)), **args),
    "map": lambda **args: static.contour_figure(marked(), **args),
    "line": lambda **args: static.line_figure(evaluated(points=(11, 1)), **args),
    "radial profiles": lambda **args: static.radial_profile_figure({LONG: profile(), "other": profile(3)}, **args),
    "logarithmic radial profile": lambda **args: static.radial_profile_figure({"SAMRec": profile()}, log=True, **args),
    "density": lambda **args: static.density_figure(FULL.spectrum, **args),
    "spectrum": lambda **args: static.spectrum_figure(FULL, **args),
    "blocks": lambda **args: static.blocks_figure(FULL.blocks, whole=FULL.pairs, **args),
    "localization": lambda **args: static.localization_figure(FULL.localization[1], **args),
    "sharpness": lambda **args: static.sharpness_figure(FULL.sharpness, **args),
    "curvature": lambda **args: static.curvature_figure(FULL, **args),
}


def models():
    """Two have the same name, and one has nothing."""
    return [
        ModelEntry(LONG, interpolated(tiny), curvature()),
        ModelEntry("none"),
        ModelEntry(LONG, marked(), curvature()),
    ]


TOGETHER = {
    "comparison": lambda **args: static.comparison_figure(models(), **args),
    "separate scales": lambda **args: static.comparison_figure(models(), share=False, scale=LOG, rho=0.3, **args),
    "profiles": lambda **args: static.profiles_figure(models(), **args),
    "spectra": lambda **args: static.spectra_figure(models(), **args),
}


def letters(figure):
    """All texts that are seen, wherever they are."""
    return [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "width"),
    [(kind, NARROWEST) for kind in [*FIGURES, *TOGETHER]]
    + [(kind, PAGE) for kind in ("map", "curvature", "comparison")],
)
def test_letters_are_inside_and_large_enough_whatever_the_width(kind, width):
    args = {} if kind in TOGETHER else {"name": LONG}
    figure = (FIGURES | TOGETHER)[kind](width=width, **args)
    assert figure.get_figwidth() == width
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a layout that collapsed
        figure.draw_without_rendering()
    for text in letters(figure):
        assert text.get_fontsize() >= 6
        box = text.get_window_extent().transformed(figure.dpi_scale_trans.inverted())
        if text.axes is not None and not np.isfinite(box.get_points()).all():
            continue
        inside = (box.x0, box.y0, width - box.x1, figure.get_figheight() - box.y1)
        assert min(inside) > -HALF_A_POINT, f"{text.get_text()!r} reaches {-min(inside):.3f} inches outside"


@pytest.mark.slow
@pytest.mark.parametrize("width", [3.3, PAGE])
def test_files_are_as_wide_as_asked_whatever_the_user_s_settings(width, tmp_path):
    with matplotlib.rc_context({"savefig.bbox": "tight", "text.usetex": True, "font.size": 30, "savefig.dpi": 50}):
        figure = static.surface_figure(interpolated(), name="a", width=width)
        for suffix in SUFFIXES:
            static.save(figure, tmp_path / f"a{suffix}")
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.width == round(width * DPI)
    points = f"{72 * width:g}"
    assert f"/MediaBox [ 0 0 {points} ".encode() in (tmp_path / "a.pdf").read_bytes()
    assert f'<svg xmlns:xlink="http://www.w3.org/1999/xlink" width="{points}pt"' in (tmp_path / "a.svg").read_text()


def test_an_svg_needs_nothing_from_outside(tmp_path):
    static.save(static.contour_figure(marked(), name=LONG), tmp_path / "a.svg")
    content = (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert "<script" not in content
    for begin in ('href="', "url("):
        assert {end[:1] if end[:1] == "#" else end[:5] for end in content.split(begin)[1:]} <= {"#", "data:"}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["surface", "map", "curvature", "comparison", "spectra"])
def test_settings_stay_the_user_s(kind, tmp_path):
    with matplotlib.rc_context({"font.size": 17, "axes.facecolor": "red", "text.parse_math": True}):
        before = dict(matplotlib.rcParams)
        static.save((FIGURES | TOGETHER)[kind](), tmp_path / "a.svg")
        assert dict(matplotlib.rcParams) == before


def test_settings_stay_when_threads_draw(tmp_path):
    before = dict(matplotlib.rcParams)
    begin = threading.Barrier(4)

    def draw(number):
        begin.wait()
        for kind in ("line", "spectrum"):
            static.save(FIGURES[kind](), tmp_path / f"{kind}{number}.svg")

    threads = [threading.Thread(target=draw, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert dict(matplotlib.rcParams) == before
    for kind in ("line", "spectrum"):
        assert len({(tmp_path / f"{kind}{number}.svg").read_bytes() for number in range(4)}) == 1


def test_pyplot_is_left_alone():
    sources = [(part.name, part.read_text(encoding="utf-8")) for part in Path(static.__file__).parent.rglob("*.py")]
    assert [name for name, text in sources if re.search(r"import.*pyplot|pyplot import", text)] == []
    assert len(sources) > 20


@given(st.text(max_size=60), st.floats(0.3, 7))
def test_a_fitted_name_fits(name, width):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # letters that the font does not have
        short = fitted(name, width, 8)
        assert text_width(short, 8) <= width
        line = " ".join(name.split())
        assert short == line or text_width(line, 8) > width


@given(st.lists(st.text("abcW", min_size=1, max_size=9), min_size=1, max_size=12).map(" ".join), st.floats(0.5, 5))
def test_a_wrapped_label_has_the_same_words(label, width):
    lines = wrapped(label, width).split("\n")
    assert "".join(lines).replace(" ", "") == label.replace(" ", "")
    assert wrapped(f"{label} (log scale)", width).endswith("(log scale)") or width < 1


@pytest.mark.slow
def test_scenes_of_a_comparison_are_of_one_size_and_as_wide_as_they_can_be():
    figure = static.comparison_figure(models())
    figure.draw_without_rendering()
    boxes = [axes.get_position().transformed(figure.transSubfigure) for axes in figure.axes if axes.name == "3d"]
    assert_allclose([(box.width, box.height) for box in boxes], [(boxes[0].width, boxes[0].height)] * 2)
    one = static.surface_figure(interpolated())
    one.draw_without_rendering()
    (axes,) = one.axes
    right = max(axis.get_tightbbox().x1 for axis in (axes.xaxis, axes.yaxis, axes.zaxis)) / one.dpi
    assert 0 < COLUMN - right < 0.1


@pytest.mark.slow
@pytest.mark.parametrize(("width", "count", "rows"), [(7, 4, 1), (3.5, 4, 2), (7, 5, 2), (3, 2, 2)])
def test_rows_of_a_comparison_follow_the_width(width, count, rows):
    figure = static.comparison_figure(
        [ModelEntry("0", evaluated()), *map(ModelEntry, "1234"[: count - 1])], width=width
    )
    names = [text for text in figure.texts if text.get_text().startswith("(")]
    assert len({round(text.get_position()[1], 6) for text in names}) == rows
    two = static.comparison_figure([ModelEntry("0", evaluated()), *map(ModelEntry, "123")], columns=2)
    assert len({round(text.get_position()[0], 6) for text in two.texts}) == 2


def test_a_comparison_above_the_lowest_begins_at_zero():
    of = [ModelEntry("a", interpolated()), ModelEntry("b", replace(interpolated(), loss=interpolated().loss + 5))]
    scenes = [axes for axes in static.comparison_figure(of, scale=RISE).axes if axes.name == "3d"]
    tops = [axes.get_zlim()[1] for axes in scenes]
    assert tops == [pytest.approx(np.ptp(interpolated().loss))] * 2
    assert static.comparison_figure(of, scale=RISE).axes[-1].get_xlabel() == "loss above its lowest"
    with pytest.raises(ValueError, match="scale must be one of linear, log, rise, got 'cubic'"):
        static.comparison_figure(of, scale="cubic")


def test_profiles_are_the_surface_s_row_through_the_centre():
    surface = evaluated()
    plain, steep = ModelEntry("a", surface), ModelEntry("b", replace(surface, loss=2 * surface.loss))
    axes = static.profiles_figure([plain, ModelEntry("none"), steep]).axes[0]
    row = surface.loss[len(surface.betas) // 2]
    assert surface.betas[len(surface.betas) // 2] == pytest.approx(0, abs=1e-12)
    assert_allclose([line.get_ydata() for line in axes.lines], [row, 2 * row])
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "b"]
    low, high = axes.get_ylim()
    assert low < row.min() and 2 * row.max() < high < 2.3 * row.max()
    with pytest.raises(ValueError, match="no model has a surface of 'MRR' to draw; known are: loss"):
        static.profiles_figure([plain], metric="MRR")


def test_spectra_are_the_eigenvalues_with_their_residuals():
    of = {"a": curvature(), "b": curvature(indefinite=False)}
    axes = static.spectra_figure([ModelEntry(name, None, model) for name, model in of.items()]).axes[0]
    bars = [part.get_segments() for part in axes.collections]  # the top and the bottom of each
    for model, (top, bottom) in zip(of.values(), (bars[:2], bars[2:]), strict=True):
        pairs, least = model.pairs, model.pairs.bottom
        ends = np.stack([pairs.values - pairs.residuals, pairs.values + pairs.residuals], 1)
        assert_allclose([bar[:, 1] for bar in top], ends)
        assert_allclose(bottom[0][:, 1].mean(), least.values[0])
    assert [label.get_text() for label in axes.get_xticklabels()] == ["λ₁", "λ₂", "λ₃", "λₘᵢₙ"]
    for shift, (top, bottom) in zip((-0.15, 0.15), (bars[:2], bars[2:]), strict=True):  # side by side
        assert_allclose([bar[:, 0] for bar in [*top, *bottom]], [[rank + shift] * 2 for rank in range(4)])
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "b"]
    empty = [line for line in axes.lines if line.get_markerfacecolor() == "white" and len(line.get_xdata())]
    assert [line.get_ydata().tolist() for line in empty] == [[0.141]]
    fisher = replace(curvature(), operator="fisher")
    with pytest.raises(ValueError, match="different matrices have no axis in common: Fisher matrix, Hessian"):
        static.spectra_figure([ModelEntry("a", None, curvature()), ModelEntry("b", None, fisher)])
    with pytest.raises(ValueError, match="no model has a curvature to draw"):
        static.spectra_figure([ModelEntry("a", evaluated())])


def test_a_width_is_a_name_or_inches():
    assert [width_of(text) for text in ("column", "page", "4.25", "3", "20")] == [3.5, 7, 4.25, 3, 20]


def test_a_width_out_of_range_is_refused():
    for text in ("wide", "2", "0", "-3", "nan", "inf", "20.1"):
        with pytest.raises(ValueError, match=f"a picture is column, page or 3.0 to 20.0 inches wide, not '{text}'"):
            width_of(text)
    with pytest.raises(ValueError, match=f"width={NARROWEST / 2} must lie between"):
        static.radial_profile_figure({}, width=NARROWEST / 2)


@pytest.mark.slow
def test_the_commands_draw_what_is_asked(tmp_path):
    save_surface(marked(), tmp_path / "a.npz")
    command = ["surface", f"{tmp_path}/a.npz", "--out", f"{tmp_path}/a.html", "--png", f"{tmp_path}/a.png"]
    done = CliRunner().invoke(
        main, [*command, "--picture", "map", "--picture-scale", "log", "--picture-width", "3.2", "--rho", "0.3"]
    )
    assert done.exit_code == 0, done.output
    title = marked().metadata.get("title", "a")
    write_picture([ModelEntry(title, marked())], tmp_path / "own.png", kind="map", scale="log", width=3.2, rho=0.3)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "own.png").read_bytes()
    assert "within a distance of ρ = 0.3 from the centre" in (tmp_path / "a.html").read_text(encoding="utf-8")
    command = ["compare", f"{tmp_path}/a.npz", "--out", f"{tmp_path}/c.html", "--pdf", f"{tmp_path}/c.pdf"]
    assert CliRunner().invoke(main, [*command, "--picture", "band"]).exit_code == 0
    failed = CliRunner().invoke(main, [*command, "--picture", "spectrum"])
    assert (failed.exit_code, failed.output.splitlines()[-1]) == (1, f"Error: {title} has no curvature to draw")
    wrong = CliRunner().invoke(main, [*command, "--picture-width", "1"])
    assert wrong.exit_code == 2 and "3.0 to 20.0 inches wide, not '1'" in wrong.output


@pytest.mark.parametrize("scale", SCALES)
def test_bands_follow_the_scale(scale, tmp_path):
    write_picture([ModelEntry("a", marked()), ModelEntry("b")], tmp_path / "a.svg", kind="band", scale=scale)
    own = static.radial_profile_figure({"a": profile()}, rise=scale == RISE, log=scale == LOG)
    static.save(own, tmp_path / "own.svg")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "own.svg").read_bytes()


@pytest.mark.slow
def test_a_surface_is_drawn_on_the_selected_scale(tmp_path):
    for scale, surface, log in (
        (LINEAR, marked(), False),
        (LOG, marked(), True),
        (RISE, above_lowest(marked()), False),
    ):
        write_picture([ModelEntry("a", marked())], tmp_path / "a.svg", kind="map", scale=scale)
        static.save(static.contour_figure(surface, name="a", log=log), tmp_path / "own.svg")
        assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "own.svg").read_bytes()


def test_commands_know_all_kinds():
    assert [*PICTURES_OF_SEVERAL, "map"] == [
        kind for kind in (*PICTURES_OF_SEVERAL, "map") if kind in PICTURES_OF_ONE
    ]  # compare may get one
    for command, kinds in (("surface", set(PICTURES_OF_ONE) - {"spectrum"}), ("compare", set(PICTURES_OF_SEVERAL))):
        (option,) = [option for option in main.commands[command].params if option.name == "picture"]
        assert set(option.type.choices) == kinds


@pytest.mark.slow
def test_a_comparison_shows_the_first_that_there_is(tmp_path):
    cases = {
        "3d": [ModelEntry("a", evaluated()), ModelEntry("b", None, curvature())],
        "line": [ModelEntry("a", evaluated(points=(11, 1))), ModelEntry("b", None, curvature())],
        "spectrum": [ModelEntry("a", None, curvature()), ModelEntry("b")],
    }
    for kind, of in cases.items():
        write_picture(of, tmp_path / "default.svg")
        write_picture(of, tmp_path / "named.svg", kind=kind)
        assert (tmp_path / "default.svg").read_bytes() == (tmp_path / "named.svg").read_bytes()
