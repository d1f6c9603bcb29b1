"""Training runs that are played: positions, distances off the plane, texts, and what the page's script moves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from landscape.figures.captions.course import course_caption, course_ends
from landscape.figures.entries import ModelEntry, ModelStyle
from landscape.figures.explorer import explorer_page
from landscape.figures.interactive.parts import HERE, PATH, RUNNER
from landscape.figures.plotdata.surfaces.course import EPOCH, SNAPSHOT, course_of, run_times, surface_course
from landscape.figures.plotdata.surfaces.marks import run_colours
from landscape.figures.style import PATH_COLOURS
from landscape.results import Trajectory
from tests.support.drawable import NDCG, along, bowl, evaluated, marked, raced
from tests.support.pages import Text, data_of, figure, page_of, part_of

RUN = st.lists(st.integers(0, 60), min_size=1, max_size=8, unique=True).map(sorted)


def named(*names: str) -> Trajectory:
    return Trajectory(np.zeros((len(names), 2)), np.zeros(len(names)), names)


def one(surface=None):
    course = surface_course(marked() if surface is None else surface)
    assert course is not None
    return course


@given(st.lists(RUN, min_size=1, max_size=3), st.floats(-10, 80))
def test_a_run_stands_between_the_snapshots_around_a_moment(runs, time):
    unit, times = run_times([named(*(f"epoch {epoch}" for epoch in run)) for run in runs])
    assert unit == EPOCH
    for run, at in zip(runs, times, strict=True):
        assert at.tolist() == run
        place = replace(one().runs[0], times=at).position(time)
        low, high = int(np.floor(place)), int(np.ceil(place))
        assert 0 <= low <= high <= len(run) - 1
        if run[0] <= time <= run[-1]:
            assert_allclose((1 - place % 1) * at[low] + place % 1 * at[high], time, atol=1e-9)
        else:
            assert place == (0 if time < run[0] else len(run) - 1)


@pytest.mark.parametrize("names", [(), ("step-1", "step-2"), ("epoch 2", "epoch 1"), ("epoch 1", "epoch 1")])
def test_time_counts_snapshots_where_their_names_are_no_increasing_epochs(names):
    other = named("epoch 0", "epoch 5")
    run = Trajectory(np.zeros((2, 2)), np.zeros(2), names)
    unit, times = run_times([other, run])
    assert (unit, [at.tolist() for at in times]) == (SNAPSHOT, [[1, 2], [1, 2]])


def test_a_race_has_all_moments_of_all_runs_and_says_who_ended():
    course = one(raced())
    assert course.times.tolist() == list(range(9))
    assert [run.name for run in course.runs] == ["SASRec", "SAMRec"]
    assert course_ends(course) == "Ended earlier, and stands still from then on: SAMRec at epoch 6."
    assert course_ends(one()) == ""
    assert course.metric_name == "validation NDCG@20"
    distances = [np.linalg.norm([*point, off]) for run in course.runs for point, off in _places(run.trajectory)]
    assert_allclose(course.reach, max(distances))


def _places(trajectory):
    return zip(trajectory.points.tolist(), trajectory.off_plane.tolist(), strict=True)


def test_measuring_the_reach_leaves_the_run_as_it_was():
    surface = marked()
    before = surface.trajectory.off_plane.copy()
    assert one(surface).reach > 0
    assert_array_equal(surface.trajectory.off_plane, before)


def test_the_loss_under_a_snapshot_is_that_of_the_surface():
    a, b = marked().trajectory.points.T
    assert_allclose(one().runs[0].under, bowl(a, b), atol=0.02)  # the surface is drawn bilinearly


def test_what_cannot_be_played_is_not():
    single = Trajectory(np.array([[0.5, 0.5]]), np.zeros(1))
    for surface in (evaluated(), replace(marked(), trajectory=single), evaluated(points=(11, 1))):
        assert surface_course(surface) is None
        assert 'id="play"' not in page_of(surface)


def test_runs_have_the_colour_of_paths_alone_and_of_models_together():
    assert run_colours(1) == [PATH_COLOURS[-1]]
    assert len({run.colour for run in one(raced()).runs}) == 2
    models = [ModelEntry(name, marked()) for name in "ab"]
    html = explorer_page(models)
    assert [run["colour"] for run in data_of(html)["course"]["runs"]] == [m["colour"] for m in data_of(html)["models"]]
    assert [(run["model"], run["name"]) for run in data_of(html)["course"]["runs"]] == [(0, "a"), (1, "b")]


def test_runs_in_the_planes_of_several_models_are_told_apart_by_colour_and_dash():
    names = ["SASRec", "SAMRec"]
    course = course_of([ModelEntry(name, raced()) for name in names], [_style(i, n) for i, n in enumerate(names)])
    assert [run.name for run in course.runs] == [
        f"{run} in the plane of {plane}" for plane in names for run in ("SASRec", "SAMRec")
    ]
    assert [run.label for run in course.runs] == ["SASRec", "SAMRec"] * 2
    assert [run.colour for run in course.runs] == run_colours(2) * 2
    assert [run.dash for run in course.runs] == ["solid", "solid", "dash", "dash"]


def test_the_page_holds_projections_distances_and_texts_of_every_snapshot():
    surface = raced()
    html = page_of(surface)
    course = data_of(html)["course"]
    for run, trajectory in zip(course["runs"], surface.trajectories, strict=True):
        assert_array_equal(run["points"], trajectory.points)
        assert_array_equal(run["off"], trajectory.off_plane)
        assert run["curves"]["loss"] == trajectory.loss.tolist()
        assert [row["name"] for row in run["rows"]] == list(trajectory.names)
        assert_allclose([row["share"] for row in run["rows"]], trajectory.off_plane / one(surface).reach)
    assert course["runs"][0]["curves"]["metric"][:2] == [None, 0.1]
    second = course["runs"][1]["rows"][-1]
    assert second["loss"] == "0.5"
    assert second["off"].startswith("0.125, ")
    text = str(Text(html))
    assert course_caption(one(surface)) in text.replace("\N{NO-BREAK SPACE}", " ")
    for row in (run["rows"][-1] for run in course["runs"]):  # what a reader without JavaScript sees
        assert row["off"] in text.replace("\N{NO-BREAK SPACE}", " ")


def test_the_plane_holds_of_each_run_what_its_snapshots_say():
    run = raced().other_trajectories[0]
    within, off = np.square(run.points).sum(), np.square(run.off_plane).sum()
    assert_allclose(run.share, within / (within + off))
    assert np.isnan(Trajectory(np.zeros((2, 2)), np.zeros(2)).share)


@pytest.mark.parametrize("panel", ["surface", "contour"])
def test_markers_stand_at_the_last_snapshots_and_above_the_surface(panel):
    surface = raced()
    drawn = figure(page_of(surface), panel)
    runners = [trace for trace in drawn["data"] if trace.get("name") == RUNNER]
    assert [trace["legendgroup"] for trace in runners] == ["run-0", "run-1"]
    for trace, trajectory in zip(runners, surface.trajectories, strict=True):
        assert_allclose([trace["x"][0], trace["y"][0]], trajectory.points[-1], atol=1e-12)
        if panel == "surface":
            assert trace["z"][0] > bowl(*trajectory.points[-1]) + 0.05
    walked = [t for t in drawn["data"] if t.get("name") == PATH and t["mode"] == "markers"]
    for trace, trajectory in zip(walked, surface.trajectories, strict=True):
        assert_allclose(trace["x"], trajectory.points[:, 0])


def test_curves_have_what_was_measured_and_sharpness_where_it_is_known():
    surface = raced()
    entry = ModelEntry("x", surface, along=(along(), None))
    html = explorer_page([entry])
    panels = {name: scales["linear"] for name, scales in part_of(html, "common").items() if name.startswith("course-")}
    assert list(panels) == ["course-loss", "course-metric", "course-off-plane", "course-top", "course-trace"]
    curves = {name: [t for t in panel["data"] if t["name"] == "curve"] for name, panel in panels.items()}
    for trace, trajectory in zip(curves["course-loss"], surface.trajectories, strict=True):
        assert_array_equal(trace["y"], trajectory.loss)
    (top,) = curves["course-top"]
    assert_array_equal(top["y"], along().top)
    assert_array_equal(top["error_y"]["array"], along().top_residual)
    assert data_of(html)["course"]["runs"][0]["curves"]["trace"] == along().trace.tolist()
    text = str(Text(html)).replace("\N{NO-BREAK SPACE}", " ")
    assert "λₘₐₓ and the trace were measured along SASRec alone; bars are residuals and standard errors." in text
    for panel in panels.values():
        for trace in (trace for trace in panel["data"] if trace["name"] == HERE):
            assert len(trace["x"]) == 1
    # Of other epochs it is another run's.
    assert "course-top" not in part_of(explorer_page([replace(entry, along=(along((0, 1)),))]), "common")


def test_a_run_without_losses_and_metrics_is_played_by_its_places():
    surface = replace(marked(), trajectory=replace(marked().trajectory, loss=np.empty(0)))
    panels = [name for name in part_of(page_of(surface), "common") if name.startswith("course-")]
    assert panels == ["course-off-plane"]
    assert data_of(page_of(surface))["course"]["runs"][0]["rows"][0]["loss"] == "–"


def test_a_quantity_keeps_the_places_of_the_runs():
    surface = replace(raced(), metrics={"HR@10": raced().loss})
    of = surface.of("HR@10")
    assert [len(one.loss) for one in of.trajectories] == [0, 0]
    assert [one.metric_name for one in of.trajectories] == [NDCG, NDCG]
    assert_array_equal(of.other_trajectories[0].points, surface.other_trajectories[0].points)


def test_course_of_models_leaves_out_those_without_a_run():
    course = course_of(
        [ModelEntry("a", evaluated()), ModelEntry("b", marked()), ModelEntry("c")],
        [_style(i, n) for i, n in enumerate("abc")],
    )
    assert [run.model for run in course.runs] == [1]


def _style(index, name):
    return ModelStyle(index, name, "#0072B2", "solid")
