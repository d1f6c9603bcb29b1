"""Interactive figures with plotly, from results alone. ``static`` has the same functions for matplotlib.

Figures have no colours for text, axes and background: these come from a template, so that a page can show the figures
in a light and in a dark theme.
"""

from collections.abc import Callable

import plotly.graph_objects as go

from landscape.figures.interactive.along import along_figure as along_figure
from landscape.figures.interactive.geometry.densities import density_figure as density_figure
from landscape.figures.interactive.geometry.eigenvalues import blocks_figure as blocks_figure
from landscape.figures.interactive.geometry.eigenvalues import spectrum_figure as spectrum_figure
from landscape.figures.interactive.geometry.localization import localization_figure as localization_figure
from landscape.figures.interactive.geometry.sharpness import sharpness_figure as sharpness_figure
from landscape.figures.interactive.surfaces.barriers import barriers_figure as barriers_figure
from landscape.figures.interactive.surfaces.curves import curve_figure as curve_figure
from landscape.figures.interactive.surfaces.lines import line_figure as line_figure
from landscape.figures.interactive.surfaces.maps import contour_figure as contour_figure
from landscape.figures.interactive.surfaces.radial import radial_profile_figure as radial_profile_figure
from landscape.figures.interactive.surfaces.surface import surface_figure as surface_figure

FIGURES: dict[str, Callable[..., go.Figure]] = {  # of a curvature, by name in ``plotdata.registry``
    "spectrum": spectrum_figure,
    "blocks": blocks_figure,
    "density": density_figure,
    "sharpness": sharpness_figure,
    "localization": localization_figure,
}
