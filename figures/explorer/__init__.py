"""A page about one model or several: a self-contained HTML file, from results alone."""

from landscape.figures.explorer.page import explorer_page as explorer_page
