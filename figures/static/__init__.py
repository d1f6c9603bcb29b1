"""Figures for papers with matplotlib, from results alone: the same functions as in ``interactive``.

Nothing global is changed: figures are built without pyplot, and settings hold only while one is drawn or saved.
"""

from collections.abc import Callable

from matplotlib.figure import Figure

from landscape.figures.static.along import along_figure as along_figure
from landscape.figures.static.canvas import save as save
from landscape.figures.static.geometry.compositions import PANELS as PANELS
from landscape.figures.static.geometry.compositions import curvature_figure as curvature_figure
from landscape.figures.static.geometry.densities import density_figure as density_figure
from landscape.figures.static.geometry.eigenvalues import blocks_figure as blocks_figure
from landscape.figures.static.geometry.eigenvalues import spectrum_figure as spectrum_figure
from landscape.figures.static.geometry.localization import localization_figure as localization_figure
from landscape.figures.static.geometry.sharpness import sharpness_figure as sharpness_figure
from landscape.figures.static.geometry.spectra import spectra_figure as spectra_figure
from landscape.figures.static.surfaces.barriers import barriers_figure as barriers_figure
from landscape.figures.static.surfaces.comparison import comparison_figure as comparison_figure
from landscape.figures.static.surfaces.curves import curve_figure as curve_figure
from landscape.figures.static.surfaces.lines import line_figure as line_figure
from landscape.figures.static.surfaces.maps import contour_figure as contour_figure
from landscape.figures.static.surfaces.profiles import profiles_figure as profiles_figure
from landscape.figures.static.surfaces.radial import radial_profile_figure as radial_profile_figure
from landscape.figures.static.surfaces.surface import surface_figure as surface_figure

FIGURES: dict[str, Callable[..., Figure]] = {  # of a curvature, by name in ``plotdata.registry``
    "spectrum": spectrum_figure,
    "blocks": blocks_figure,
    "density": density_figure,
    "sharpness": sharpness_figure,
    "localization": localization_figure,
}
