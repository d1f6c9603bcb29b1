"""Results on matplotlib's axes: the lines have their numbers, and the axes are the caller's."""

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_allclose, assert_array_equal

from landscape import Surface
from landscape.figures.static.plots import PLOTS
from landscape.results.display.plotting import Plotted
from tests.landscape.results.storage.test_storage import curvature
from tests.support.drawable import evaluated, full_curvature, interpolated, marked, profile

FULL = full_curvature()
RESULTS = [marked(), profile(), FULL.spectrum, FULL.pairs, FULL.blocks, FULL.localization[0], FULL.sharpness]


def axes():
    return Figure().subplots(1, 2)[1]


def test_a_line_is_its_losses():
    line = evaluated(points=(11, 1))
    curve = line.plot(axes()).lines[0]
    assert_array_equal(curve.get_xdata(), line.alphas)
    assert_array_equal(curve.get_ydata(), line.loss[0])
    assert_allclose(line.plot(axes(), log=True).lines[0].get_ydata(), np.log10(line.loss[0]))


def test_a_plane_is_a_map_with_its_range_and_its_points():
    plane = interpolated()
    ax = plane.plot(axes())
    low, high = plane.range
    shades = ax.collections[0]
    assert_allclose([shades.zmin, shades.zmax], [low, high], atol=0.01 * (high - low))
    points = next(line for line in ax.lines if len(line.get_xdata()) == len(plane.nodes))
    assert_array_equal(np.stack(points.get_data(), 1), plane.nodes)
    assert (*ax.get_xlim(), *ax.get_ylim()) == (plane.alphas[0], plane.alphas[-1], plane.betas[0], plane.betas[-1])


def test_a_spectrum_is_its_density():
    ax = FULL.spectrum.plot(axes(), log=False)
    grid, width = FULL.spectrum.grid()
    mean, stderr = FULL.spectrum.density(grid, width)
    assert_array_equal(ax.lines[0].get_xdata(), grid)
    assert_array_equal(ax.lines[0].get_ydata(), mean)
    shade = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert shade.max() == pytest.approx((mean + FULL.spectrum.half_width(stderr)).max())


def test_a_radial_profile_is_its_mean_rise():
    radial = profile()
    mean = radial.plot(axes()).lines[-1]
    assert_array_equal(mean.get_xdata(), radial.radii)
    assert_allclose(mean.get_ydata(), radial.rises.mean(0))
    assert_allclose(radial.plot(axes(), rise=False).lines[-1].get_ydata(), radial.mean)


def test_eigenvalues_have_bars_as_long_as_their_residuals():
    pairs = curvature().pairs
    ax = pairs.plot(axes())
    bars = [path.vertices for end in ax.collections for path in end.get_paths()]
    every = [(pairs, 0), (pairs, 1), (pairs.bottom, 0)]
    assert_allclose(
        [bar[:, 0] for bar in bars],
        [[end.values[i] - end.residuals[i], end.values[i] + end.residuals[i]] for end, i in every],
    )
    marks = [line for line in ax.lines if line.get_marker() == "o"]
    filled = {*np.concatenate([line.get_xdata() for line in marks if line.get_markerfacecolor() != "white"])}
    assert filled == {0.5}  # the one that converged


@pytest.mark.parametrize("result", RESULTS, ids=lambda one: type(one).__name__)
def test_every_plot_is_on_the_caller_s_axes_and_leaves_its_settings(result):
    assert isinstance(result, Plotted)
    mine, before = axes(), dict(matplotlib.rcParams)
    others = len(mine.figure.axes)
    assert result.plot(mine) is mine
    assert len(mine.figure.axes) == others and not mine.figure.axes[0].lines
    assert mine.lines or mine.collections
    assert dict(matplotlib.rcParams) == before
    mine.figure.draw_without_rendering()


def test_every_result_that_plots_can_be_drawn():
    def below(kind):
        return {one for each in kind.__subclasses__() for one in (each, *below(each))}

    assert {kind for kind in below(Plotted) if "__dataclass_fields__" in kind.__dict__} == {*PLOTS}


def test_without_axes_a_figure_of_pyplot_is_made():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    before = pyplot.get_fignums()
    ax = profile().plot()
    try:
        (number,) = {*pyplot.get_fignums()} - {*before}
        assert pyplot.figure(number) is ax.figure
    finally:
        pyplot.close(ax.figure)


def test_options_that_do_not_fit_are_refused():
    surface = Surface(np.arange(3.0), np.arange(3.0), np.ones((3, 3)), np.ones((3, 3), bool))
    with pytest.raises(TypeError, match="unexpected keyword argument 'depth'"):
        surface.plot(axes(), depth=3)
    with pytest.raises(ValueError, match="no quadratic model"):
        surface.plot(axes(), quadratic=True)
