"""Interactive figures with plotly, from results alone. ``static`` has the same functions for matplotlib.

Figures carry no colours of their own for text, axes and background: those come from a template, so that a page can
show them in light and in dark.
"""

from landscape.figures.interactive.densities import density_figure as density_figure
from landscape.figures.interactive.eigenvalues import blocks_figure as blocks_figure
from landscape.figures.interactive.eigenvalues import spectrum_figure as spectrum_figure
from landscape.figures.interactive.lines import line_figure as line_figure
from landscape.figures.interactive.localization import shares_figure as shares_figure
from landscape.figures.interactive.maps import contour_figure as contour_figure
from landscape.figures.interactive.radial import band_figure as band_figure
from landscape.figures.interactive.sharpness import sharpness_figure as sharpness_figure
from landscape.figures.interactive.surfaces import surface_figure as surface_figure
