"""The page that compares models: what it says and what it carries; ``test_explorer_browser`` opens it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from landscape.figures.captions.comparison import comparison_warnings
from landscape.figures.captions.numbers import number_rows
from landscape.figures.entries import ModelEntry, model_styles
from landscape.figures.explorer import explorer_page
from landscape.figures.explorer.compact import Pool
from landscape.figures.explorer.tables import shares_table
from landscape.figures.interactive.geometry.sharpness import sharpnesses_figure
from landscape.figures.plotdata.geometry.localization import first_eigenvectors, ink
from landscape.figures.plotdata.histories import series
from landscape.figures.plotdata.scales import plot_heights
from landscape.figures.plotdata.surfaces.comparison import above_lowest, compare_surfaces
from landscape.figures.static import comparison_figure
from landscape.figures.style import COLOUR_SCALE, shade
from landscape.results import Surface
from landscape.results.display.escaping import latex, markdown
from tests.support.drawable import (
    METADATA,
    between,
    bowl,
    curvature,
    evaluated,
    full_curvature,
    interpolated,
    marked,
    profile,
    sharpness,
)
from tests.support.pages import Text, data_of, part_of, unpacked, views

HISTORY = [
    {"epoch": "1", "stage": "pretrain", "train_loss": "9", "valid_ndcg@20": ""},
    {"epoch": "1", "stage": "train", "train_loss": "0.9", "valid_ndcg@20": "0.01"},
    {"epoch": "2", "stage": "train", "train_loss": "0.7", "valid_ndcg@20": "0.03"},
    {"epoch": "3", "stage": "train", "train_loss": "0.6", "valid_ndcg@20": "0.02"},
]
OBJECTIVE = {"loss": "recommendation", "split": "train", "users": 2000, "seed": 0, "blocks": None, "train_mode": False}
PLANE = {"kind": "random", "normalize": "filter", "vectors": "zero", "seeds": [0, 1]}


def steeper(a, b):
    return 0.4 + 2 * (bowl(a, b) - 0.25)


def recorded(surface: Surface, **changes) -> Surface:
    """A surface that records its objective and plane, with some changes."""
    objective = {**OBJECTIVE, **{key: value for key, value in changes.items() if key in OBJECTIVE}}
    plane = {**PLANE, **{key: value for key, value in changes.items() if key in PLANE}}
    return replace(surface, metadata={**surface.metadata, "objective": objective, "plane": plane})


@cache
def models() -> tuple[ModelEntry, ...]:
    flat, steep = (recorded(interpolated(function, points=(15, 15))) for function in (bowl, steeper))
    return (
        ModelEntry("flat", replace(flat, radial_profile=profile()), full_curvature(), HISTORY),
        ModelEntry("steep", replace(steep, metrics={"NDCG@10": 1 - steep.loss}), curvature()),
    )


@cache
def page() -> str:
    return explorer_page(models(), title="Two")


def drawn(view: dict, panel: str, share: str) -> Iterator[dict]:
    return (figure["data"][0] for figure in view["figures"][panel][share])


@pytest.mark.slow
@pytest.mark.parametrize("scale", ["linear", "log", "rise"])
def test_on_one_scale_all_have_the_same_limits_and_levels(scale):
    view = views(page())["loss"][scale]
    limits = {(trace["cmin"], trace["cmax"]) for trace in drawn(view, "surface", "shared")}
    assert limits == {(trace["zmin"], trace["zmax"]) for trace in drawn(view, "contour", "shared")}
    assert len(limits) == 1
    ((low, high),) = limits
    values = [np.asarray(trace["z"]) for trace in drawn(view, "surface", "shared")]
    assert low == pytest.approx(min(each.min() for each in values))
    assert high == pytest.approx(max(each.max() for each in values))
    levels = [trace["contours"] for trace in drawn(view, "contour", "shared")]
    assert levels[0] == levels[1]
    ranges = [figure["layout"]["scene"]["zaxis"]["range"] for figure in view["figures"]["surface"]["shared"]]
    assert ranges[0] == ranges[1]
    own = [(trace["zmin"], trace["zmax"]) for trace in drawn(view, "contour", "own")]
    assert own == [(pytest.approx(each.min()), pytest.approx(each.max())) for each in values]


def test_heights_on_each_scale_are_those_of_the_surfaces():
    surface = models()[0].surface
    expected = {
        "linear": surface.loss,
        "log": plot_heights(surface, log=True).values,
        "rise": above_lowest(surface).loss,
    }
    for scale, values in expected.items():
        view = views(page())["loss"][scale]
        assert_allclose(view["grids"][0]["values"], values, rtol=1e-6, atol=1e-7)
        for panel in ("surface", "contour"):
            assert_allclose(view["figures"][panel]["shared"][0]["data"][0]["z"], values, rtol=1e-6, atol=1e-7)
    assert expected["rise"].min() == 0


@pytest.mark.slow
def test_extents_are_those_of_all_when_shared():
    wide, narrow = evaluated(), evaluated()
    narrow = replace(narrow, alphas=narrow.alphas / 4, nodes=narrow.nodes * [0.25, 1])
    view = views(explorer_page([ModelEntry("wide", wide), ModelEntry("narrow", narrow)]))["loss"]["linear"]
    for panel, at in (
        ("surface", lambda layout: layout["scene"]["xaxis"]),
        ("contour", lambda layout: layout["xaxis"]),
    ):
        shared, own = (
            [at(each["layout"])["range"] for each in view["figures"][panel][name]] for name in ("shared", "own")
        )
        assert shared == [[-1, 1]] * 2
        assert own == [[-1, 1], [-0.25, 0.25]]


def test_metrics_have_a_view_and_who_has_none_says_so():
    quantities = views(page())
    assert set(quantities) == {"loss", "NDCG@10"}
    flat, steep = quantities["NDCG@10"]["linear"]["figures"]["surface"]["shared"]
    assert flat is None
    assert steep["data"][0]["name"] == "NDCG@10"
    assert data_of(page())["missing"]["NDCG@10"] == ["NDCG@10 was not measured.", ""]


def test_the_radial_profile_follows_the_scale():
    scales = part_of(page(), "common")["radial-profile"]
    assert {scale: each["layout"]["yaxis"]["type"] for scale, each in scales.items()} == {
        "linear": "linear",
        "log": "log",
        "rise": "linear",
    }
    means = {scale: next(t["y"] for t in each["data"] if t["line"]["width"] > 2) for scale, each in scales.items()}
    assert_allclose(means["rise"][0], 0, atol=1e-12)
    assert_allclose(means["linear"], means["rise"] + models()[0].surface.radial_profile.losses[:, 0].mean(), rtol=1e-5)


def test_a_model_has_one_colour_everywhere():
    data = data_of(page())
    common = unpacked(data["common"], data["pool"])
    colours = [style.colour for style in model_styles(models())]
    assert [model["colour"] for model in data["models"]] == colours
    seen = 0
    figures = [figure for scales in common.values() for figure in scales.values()]
    figures += views(page())["loss"]["linear"]["profiles"]
    for trace in (trace for figure in figures for trace in figure["data"] if "meta" in trace):
        colour = trace["marker"]["color"] if trace.get("mode") == "markers" else trace["line"].get("color")
        seen += colour is not None
        assert colour is None or colour == colours[trace["meta"]] or colour.startswith("rgba")
    assert seen >= 8
    assert len({style.colour + style.dash for style in model_styles([ModelEntry("x")] * 18)}) == 18


@pytest.mark.slow
def test_six_models_are_small_and_nothing_is_stored_twice():
    surface = marked(points=(51, 51))
    a, b = np.meshgrid(surface.alphas, surface.betas)
    pair = []
    for factor in (1.0, 1.3):
        losses = {"loss": surface.loss * factor, "node_loss": surface.node_loss * factor}
        own = replace(surface, **losses, metrics={"validation": bowl(a, b) + factor})
        pair.append(ModelEntry("x", own, full_curvature(), HISTORY))
    html = explorer_page(pair, rho=0.3)
    bare = len(explorer_page([ModelEntry("x")]).encode())
    assert bare + 3 * (len(html.encode()) - bare) < 8e6
    pool = data_of(html)["pool"]
    assert len({str(each) for each in pool}) == len(pool)


Plain = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4),
    lambda each: st.lists(each, max_size=12) | st.dictionaries(st.sampled_from("abc"), each),
    max_leaves=40,
)


@pytest.mark.slow
@given(values=st.lists(Plain, max_size=4), repeat=st.integers(1, 3))
def test_the_pool_gives_back_what_was_put(values, repeat):
    pool = Pool()
    packed = [pool.put(values) for _ in range(repeat)]
    assert unpacked(packed, pool.values) == [values] * repeat


@given(
    numbers=st.lists(st.integers(0, 300) | st.just(2.5), min_size=1, max_size=900), kind=st.sampled_from(["f4", "f8"])
)
def test_the_pool_gives_back_arrays(numbers, kind):
    pool = Pool()
    array = np.array(numbers, kind)
    assert_allclose(unpacked(pool.put(array), pool.values), array, rtol=0)
    square = np.stack([array, array])
    assert_allclose(unpacked(pool.put(square), pool.values), square, rtol=0)


def test_numbers_are_those_of_the_results_with_their_errors():
    rows = {row.label: row for row in number_rows(models())}
    cells = {label: row.cells[0].text for label, row in rows.items()}
    assert cells["Loss at the centre"] == "0.25"
    assert cells["λₘₐₓ"] == "0.379 ± 0.0002"
    assert cells["λₘᵢₙ"] == "−0.41 ± 0.0003"
    assert cells["Trace"] == "91.4 ± 2.3"
    assert cells["Gradient norm"] == "0.18"
    assert cells["λₘₐₓ‖θ‖²"] == "553.1"
    assert cells["Surface error"] == "0.081 %"
    assert cells["Evaluations"] == "81"
    assert cells["Sharpness: average over directions, ρ = 0.05"] == "2×10⁻⁵ ± 4×10⁻⁶"
    assert cells["Validation NDCG@20"] == "0.03, epoch 2"
    rises = profile().rises[:, -1]
    assert cells["Rise at r = 1"].startswith(f"{rises.mean():.4g}"[:5])
    low, high = full_curvature().spectrum.share_bounds()
    assert rows["Eigenvalues below zero"].cells[0].text.endswith(f"({100 * low:.2g} to {100 * high:.2g} %)")
    assert [cell.text for cell in rows["Trace"].cells] == ["91.4 ± 2.3", "–"]
    assert np.isnan(rows["Trace"].cells[1].value)
    assert rows["λₘₐₓ"].cells[0].value == 0.379
    metric, of = rows["NDCG@10 at the centre"].cells[1], models()[1].surface.of("NDCG@10")
    assert metric.value == of.centre != models()[1].surface.centre
    assert rows["NDCG@10 at the centre"].cells[0].text == "–"
    text = str(Text(page()))
    for row in rows.values():
        assert f"{row.label} {row.note}" in text


def test_copied_texts_are_those_of_the_table():
    table = data_of(page())["table"]
    rows = {row[0]: row[1:] for row in table["markdown"]["rows"]}
    assert rows["λₘₐₓ"] == ["0.379 ± 0.0002"] * 2
    tex = {row[0]: row[1] for row in table["latex"]["rows"]}
    assert tex[r"$\lambda_{\max}$"] == r"0.379 $\pm$ 0.0002"
    assert tex[r"$\lambda_{\min}$"] == r"$-$0.41 $\pm$ 0.0003"
    assert tex["Surface error"] == r"0.081 \%"
    assert tex[r"Sharpness: average over directions, $\rho$ = 0.05"] == r"2$\times$10$^{-5}$ $\pm$ 4$\times$10$^{-6}$"
    assert table["order"][[row[0] for row in table["markdown"]["rows"]].index("Trace")] == [91.4, None]


@pytest.mark.parametrize(
    ("text", "in_markdown", "in_latex"),
    [
        ("a|b\nc", r"a\|b c", r"a\textbar{}b c"),
        ("50 % & $x_1^2$", r"50 % \& \$x\_1^2\$", r"50 \% \& \$x\_1\textasciicircum{}2\$"),
        ("<b>`x`</b>", r"\<b\>\`x\`\</b\>", r"\textless{}b\textgreater{}`x`\textless{}/b\textgreater{}"),
        ("\\end{tabular}", r"\\end\{tabular\}", r"\textbackslash{}end\{tabular\}"),
        ("$−", r"\$−", r"\$$-$"),
    ],
)
def test_copied_names_are_text(text, in_markdown, in_latex):
    assert (markdown(text), latex(text)) == (in_markdown, in_latex)


@given(names=st.lists(st.sampled_from(["a", "a (1)", "a (2)", "b", ""]), max_size=7))
def test_names_are_distinct(names):
    distinct = [style.name for style in model_styles([ModelEntry(name) for name in names])]
    assert len(set(distinct)) == len(names)
    for name, shown_as in zip(names, distinct, strict=True):
        assert shown_as == name if names.count(name) == 1 else shown_as.startswith(name)


@pytest.mark.slow
def test_warnings_tell_which_models_differ_in_what():
    def warnings(*surfaces):
        entries = [ModelEntry(name, surface) for name, surface in zip("abcd", surfaces, strict=False)]
        return comparison_warnings(entries, model_styles(entries))

    same = recorded(evaluated())
    assert warnings(same, same) == []
    assert "4,000 (b); 2,000 (a)" in warnings(same, recorded(evaluated(), users=4000))[0].replace(
        "2,000 (a); 4,000 (b)", "4,000 (b); 2,000 (a)"
    )
    assert "4,000 (d); 2,000 (all others)" in warnings(same, same, same, recorded(evaluated(), users=4000))[0]
    assert "all (b)" in warnings(same, recorded(evaluated(), users=None))[0]
    for changes, noun in (
        ({"loss": "aap"}, "losses"),
        ({"split": "valid"}, "splits"),
        ({"seed": 7}, "seeds of the loss"),
        ({"train_mode": True}, "modes"),
        ({"blocks": ["items"]}, "parameters moved"),
        ({"normalize": "layer"}, "ways to scale directions"),
        ({"seeds": [2, 3]}, "seeds of the directions"),
    ):
        (only,) = warnings(same, recorded(evaluated(), **changes))
        assert only.startswith(f"Different {noun}: ")
    other = replace(same, metadata={**same.metadata, "data": {"name": "Toys", "sha256": "0" * 64}})
    assert "Different data sets: Beauty ab41" in warnings(same, other)[0]
    assert any("Different extents" in each for each in warnings(same, replace(same, alphas=same.alphas / 2)))
    assert "not recorded (b)" in " ".join(warnings(same, evaluated()))
    assert "is not known" in warnings(evaluated(), evaluated())[0]
    assert "Different numbers of users" in str(
        Text(explorer_page([ModelEntry("a", same), ModelEntry("b", recorded(evaluated(), users=9))]))
    )


def test_a_surface_and_a_curvature_of_one_model_are_compared_too():
    both = ModelEntry(
        "a", recorded(evaluated()), replace(curvature(), metadata={**METADATA, "objective": {**OBJECTIVE, "users": 9}})
    )
    warnings = comparison_warnings(
        [both, ModelEntry("b", recorded(evaluated()))], model_styles([both, ModelEntry("b")])
    )
    assert warnings == [
        "Different numbers of users: 9 (a’s curvature); 2,000 (a’s surface, b). Part of a difference may be the users."
    ]
    elsewhere = {**METADATA, "checkpoint": {"sha256": "0" * 64}}
    alone = [ModelEntry("a", evaluated(), replace(curvature(), metadata=elsewhere))]
    assert "different checkpoints" in comparison_warnings(alone, model_styles(alone))[0]


BAD = {
    "holes": lambda: evaluated(spoil=True),
    "point": lambda: evaluated(points=(1, 1)),
    "line": between,
    "nothing finite": lambda: evaluated(lambda a, b: a * np.nan),
    "below zero": lambda: evaluated(lambda a, b: -1 - a * a),
    "flat": lambda: evaluated(lambda a, b: 0 * a + 0.7),
    "missing": lambda: None,
}


@pytest.mark.slow
def test_bad_results_draw_something_and_say_what_is_missing():
    html = explorer_page(
        [ModelEntry("good", interpolated(points=(9, 9)))] + [ModelEntry(name, make()) for name, make in BAD.items()]
    )
    figures = views(html)["loss"]["linear"]["figures"]["surface"]["shared"]
    assert [figure is not None for figure in figures] == [True, True, False, False, False, True, True, False]
    text = str(Text(html))
    for wanted in (
        "There is no surface.",
        "Its surface is a line",
        "grid points have no finite loss and are left blank",
        "There is no curvature.",
        "the same loss",
    ):
        assert wanted in text
    log = views(html)["loss"]["log"]["figures"]["surface"]["shared"]
    assert log[5] is None  # no logarithms
    assert log[0] is not None


def test_models_that_have_lines_only_are_in_one_profile_and_each_in_its_own():
    html = explorer_page(
        [ModelEntry("a", between()), ModelEntry("b", evaluated(points=(11, 1))), ModelEntry("c", None, curvature())]
    )
    drawn = views(html)["loss"]["linear"]
    assert [figure is not None for figure in drawn["figures"]["line"]["shared"]] == [True, True, False]
    assert drawn["profiles"][1] is None
    assert [trace["meta"] for trace in drawn["profiles"][0]["data"]] == [0, 1]
    assert 'data-panel="profile-1"' not in html
    assert "barrier 0.4 ± 0.01" in str(drawn["figures"]["line"]["shared"][0])


def test_a_page_may_have_no_surface_at_all():
    html = explorer_page([ModelEntry("a", None, curvature()), ModelEntry("b", None, full_curvature())])
    assert 'data-panel="surface"' not in html
    assert 'data-panel="spectrum"' in html
    assert "0.379 ± 0.0002" in str(Text(html))
    assert "Nothing was computed" in str(Text(explorer_page([ModelEntry("empty")])))
    with pytest.raises(ValueError, match="no model to show"):
        explorer_page([])
    for rho in (-1, math.inf, math.nan):
        with pytest.raises(ValueError, match=f"rho={rho}"):
            explorer_page(models(), rho=rho)


def test_provenance_is_complete_for_each_model():
    text = str(Text(page()))
    assert text.count(METADATA["command"]) == 4  # two models, surface and curvature
    assert text.count("9f2c" * 16) == 4


def test_history_leaves_pre_training_out():
    validated, loss = (series(HISTORY, name) for name in ("valid_ndcg@20", "train_loss"))
    assert validated.epochs.tolist() == loss.epochs.tolist() == [1, 2, 3]
    assert validated.values.tolist() == [0.01, 0.03, 0.02]
    assert loss.values.tolist() == [0.9, 0.7, 0.6]
    assert series([{"epoch": 1, "train_loss": 3.0}], "train_loss").values.tolist() == [3]


def test_first_eigenvectors_have_a_column_a_model_and_a_row_a_group():
    other = full_curvature()
    renamed = replace(other.localization[0], groups=("items", "positions", "blocks.0.attention", "extra"))
    by_block, by_popularity = first_eigenvectors(
        [full_curvature(), None, curvature(), replace(other, localization=(renamed,))]
    )
    assert by_block.models == (0, 3)
    assert by_block.groups[-1] == "extra"
    assert_allclose(by_block.values[:, 0], [0.6, 0.1, 0.25, 0.05, np.nan])
    assert_allclose(by_block.values[:, 1], [0.6, 0.1, 0.25, np.nan, 0.05])
    assert not by_block.baselines  # of other groups
    assert set(by_popularity.baselines) == {"coordinates", "interactions"}
    assert by_popularity.models == (0,)


@pytest.mark.slow
def test_shares_on_the_page_are_those_of_the_eigenvectors():
    renamed = replace(full_curvature().localization[1], groups=tuple(f"group {rank}" for rank in range(10)))
    other = replace(full_curvature(), localization=(full_curvature().localization[0], renamed))
    by_block, by_popularity = map(shares_table, first_eigenvectors([full_curvature(), None, other]))
    assert by_block["models"] == [(0, "0.3"), (2, "0.3")]
    assert (by_block["baselines"], by_block["has_random_vector"]) == (["random vector"], True)
    assert [row["group"] for row in by_block["rows"]] == list(full_curvature().localization[0].groups)
    for row, share, random in zip(by_block["rows"], (0.6, 0.1, 0.25, 0.05), (0.93, 0.01, 0.04, 0.02), strict=True):
        assert [model for model, _ in row["cells"]] == [0, 2]
        for cell, value in [(cell, share) for _, cell in row["cells"]] + [(row["baselines"][0], random)]:
            assert float(cell["text"]) == pytest.approx(100 * value, abs=0.5)
            assert cell["title"] == f"{100 * value:g} %"
            assert (cell["colour"], cell["ink"]) == (shade(value / 0.93), ink(value / 0.93))
    unknown = by_popularity["rows"][0]["cells"][1][1]
    assert unknown == {"text": "–", "title": "not a group of this model", "colour": "transparent", "ink": "inherit"}
    entries = [ModelEntry("a", None, full_curvature()), ModelEntry("b", None, other)]
    text = str(Text(explorer_page(entries)))
    assert "items 60 60 93 positions 10 10 1.0" in text
    assert "First eigenvector by block share in % a ± 0.3 b ± 0.3 random vector" in text


def test_sharpnesses_are_compared_by_ascent_and_on_average():
    one = sharpness()
    other = replace(one, values=10 * one.values, stderr=10 * one.stderr)
    seen = model_styles([ModelEntry("a"), ModelEntry("b"), ModelEntry("c")])
    figure = sharpnesses_figure({0: one, 2: other}, seen)
    drawn = {(trace.meta, trace.line.dash): trace for trace in figure.data}
    assert set(drawn) == {(0, "solid"), (0, "dot"), (2, "solid"), (2, "dot")}
    limits = 10 ** np.array(figure.layout.yaxis.range)
    for (index, dash), trace in drawn.items():
        table, kind = {0: one, 2: other}[index], {"solid": "ascent", "dot": "average"}[dash]
        values = table.values[:, table.kinds.index(kind)]
        inside = np.isfinite(values) & (values > 0)
        assert_allclose(np.asarray(trace.y)[inside], values[inside])
        assert [symbol.endswith("-open") for symbol in np.array(trace.marker.symbol)[np.isfinite(values)]] == [
            not each > 0 for each in values[np.isfinite(values)]
        ]
        heights = np.asarray(trace.y)[np.isfinite(trace.y)]
        assert (limits[0] <= heights).all() and (heights <= limits[1]).all()
        assert trace.line.color == seen[index].colour
    kinds = replace(
        one,
        kinds=("one-step",),
        **{name: getattr(one, name)[:, :1] for name in ("values", "stderr", "steps", "last_gain", "evaluations")},
    )
    assert sharpnesses_figure({0: kinds}, seen) is None
    both = explorer_page([ModelEntry("a", None, full_curvature()), ModelEntry("b", None, full_curvature())])
    assert 'data-panel="sharpnesses"' in both
    assert 'data-panel="sharpnesses"' not in explorer_page([ModelEntry("a", None, full_curvature())])


def test_shades_are_those_of_the_colour_scale():
    places = np.linspace(0, 1, len(COLOUR_SCALE))
    assert [shade(place) for place in places] == [colour.lower() for colour in COLOUR_SCALE]
    assert shade(7.0) == COLOUR_SCALE[-1].lower()


@pytest.mark.slow
def test_static_comparison_shares_its_scale_or_not():
    surfaces = [models()[0].surface, models()[1].surface]
    limits = compare_surfaces(surfaces, "linear").limits
    for share in (True, False):
        figure = comparison_figure([*models(), ModelEntry("none")], share=share)
        assert figure.get_size_inches()[0] == 7
        scenes = [axes for axes in figure.axes if hasattr(axes, "get_zlim")]
        highs = [axes.get_zlim()[1] for axes in scenes]
        assert highs == ([limits[1]] * 2 if share else [pytest.approx(each.loss.max()) for each in surfaces])
        assert [text.get_text() for text in figure.texts] == ["(a) flat", "(b) steep", "(c) none", "no surface"]
        assert len(figure.axes) == 2 + share
    only = comparison_figure(models(), metric="NDCG@10")
    assert sum(hasattr(axes, "get_zlim") for axes in only.axes) == 1
    with pytest.raises(ValueError, match="known are: loss, NDCG@10"):
        comparison_figure(models(), metric="MRR")
