"""The loss against the distance, by the data of the figures."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from landscape.figures import interactive, static
from landscape.results import RadialProfile
from tests.support.drawable import profile


def traces(figure, name):
    return [trace for trace in figure.data if trace.name == name]


@pytest.mark.parametrize("rise", [False, True])
def test_mean_and_interval_are_the_band_s_own(rise):
    result = profile()
    figure = interactive.radial_profile_figure({"SAMRec": result}, rise=rise)
    values = result.rises if rise else result.losses
    (mean,) = traces(figure, "SAMRec")
    assert_array_equal(mean.x, result.radii)
    assert_allclose(mean.y, values.mean(0))
    assert_allclose(mean.customdata, result.half_width(values))
    lower, upper = traces(figure, "interval")
    half = result.half_width(values)
    assert_allclose(upper.y, values.mean(0) + half)
    assert_allclose(lower.y, values.mean(0) - half)
    assert "95% interval" in mean.hovertemplate
    assert figure.layout.yaxis.title.text == ("rise of the loss above the centre" if rise else "loss")
    axes = static.radial_profile_figure({"SAMRec": result}, rise=rise).axes[0]
    assert_allclose(axes.lines[-1].get_ydata(), values.mean(0))
    assert axes.get_ylabel().replace("\n", " ") == figure.layout.yaxis.title.text


def test_planes_are_drawn_for_one_model_only():
    one = interactive.radial_profile_figure({"a": profile()})
    assert_allclose([trace.y for trace in traces(one, "plane")], profile().rises)
    two = interactive.radial_profile_figure({"a": profile(), "b": profile(3)})
    assert traces(two, "plane") == []
    assert len({trace.line.color for name in "ab" for trace in traces(two, name)}) == 2
    assert (one.layout.showlegend, two.layout.showlegend) == (False, True)


def test_one_plane_has_no_interval():
    figure = interactive.radial_profile_figure({"a": profile(1)})
    assert [trace.name for trace in figure.data] == ["a"]
    assert "one plane" in figure.data[0].hovertemplate


def test_names_of_models_are_text():
    figure = interactive.radial_profile_figure({"<b>%{x}</b>": profile(), "other": profile()}, name="<i>")
    assert figure.layout.title.text == "&lt;i&gt;"
    (mean,) = traces(figure, "&lt;b&gt;%{x}&lt;/b&gt;")
    assert mean.hovertemplate.startswith("&lt;b&gt;%&#123;x}&lt;/b&gt;<br>")


@pytest.mark.slow
@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize(
    "losses",
    [np.full((3, 4), 0.5), np.full((3, 4), np.nan), [[0.1, np.inf, 0.3, 0.4]] * 2, [[0.4, 0.3, 0.2, 0.1]] * 2],
    ids=["flat", "nothing", "infinite", "falling"],
)
def test_odd_bands_are_drawn(losses, log, tmp_path):
    bands = {"a": RadialProfile(np.linspace(0, 1, 4), np.array(losses))}
    low, high = interactive.radial_profile_figure(bands, log=log).layout.yaxis.range
    assert low < high
    static.save(static.radial_profile_figure(bands, log=log), tmp_path / "figure.png")


def test_log_leaves_out_what_is_not_above_zero():
    (mean,) = traces(interactive.radial_profile_figure({"a": profile()}, log=True), "a")
    assert_array_equal(np.isnan(np.asarray(mean.y, dtype=float)), profile().radii == 0)


def test_no_bands_at_all():
    assert interactive.radial_profile_figure({}).data == ()
    assert static.radial_profile_figure({}).axes[0].lines[:] == []
