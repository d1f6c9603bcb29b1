"""Training runs that are played, in words: what moves, what is measured, and how far the plane is to be trusted."""

from __future__ import annotations

from collections.abc import Sequence

from landscape.figures.plotdata.surfaces.course import EPOCH, Course
from landscape.figures.style import number, percent

PANELS = {
    "loss": "Loss",
    "metric": "",  # its own name
    "off-plane": "Distance off the plane",
    "top": "Largest eigenvalue λₘₐₓ",
    "trace": "Trace",
}


def course_caption(course: Course) -> str:
    """Say where the markers stand, and how much of each run the plane holds."""
    several = len(course.runs) > 1
    whose = "Each marker stands" if several else "The marker stands"
    held = [f"{percent(run.trajectory.share)} of the squared distances{_of(course, run.name)}" for run in course.runs]
    return (
        f"{whose} on the surface, at the point of the plane that is nearest to the snapshot; the dotted ring on the "
        f"map is as wide as the snapshot lies off the plane. The snapshot's own loss, which was measured, is in the "
        f"table and is the solid curve; the dotted curve is the surface under it. The plane holds {_listed(held)}; the "
        f"percentage after a distance is its share of the largest distance from the centre, {number(course.reach, 3)}."
        f"{_sharpness(course)}"
    )


def course_ends(course: Course) -> str:
    """Say which runs end before the others; empty if none does."""
    last = float(course.times[-1])
    early = [run for run in course.runs if float(run.times[-1]) < last]
    if not early:
        return ""
    named = _listed([f"{run.name} at {course.unit} {number(float(run.times[-1]))}" for run in early])
    return f"Ended earlier, and stands still from then on: {named}."


def panel_title(course: Course, name: str) -> str:
    """Return the heading of a panel of ``course_figures``."""
    title = course.metric_name if name == "metric" else PANELS[name]
    return title[:1].upper() + title[1:]


def course_heading(course: Course) -> str:
    """Return the heading of the card."""
    return "Training, epoch by epoch" if course.unit == EPOCH else "Training, snapshot by snapshot"


def _sharpness(course: Course) -> str:
    measured = [run.name for run in course.runs if run.along is not None]
    if not measured:
        return ""
    if len(measured) == len(course.runs):
        return " Bars of λₘₐₓ and the trace are residuals and standard errors."
    return f" λₘₐₓ and the trace were measured along {_listed(measured)} alone; bars are residuals and standard errors."


def _of(course: Course, name: str) -> str:
    return f" of {name}" if len(course.runs) > 1 else ""


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
