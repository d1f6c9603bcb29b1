"""Results in words: what a page says beside its figures. Plain sentences without markup."""

from landscape.figures.captions.answer import answer as answer
from landscape.figures.captions.answer import compared as compared
from landscape.figures.captions.cards import CARDS as CARDS
from landscape.figures.captions.checks import check_rows as check_rows
from landscape.figures.captions.course import course_caption as course_caption
from landscape.figures.captions.course import course_ends as course_ends
from landscape.figures.captions.course import course_heading as course_heading
from landscape.figures.captions.course import panel_title as panel_title
from landscape.figures.captions.curvatures import curvature_facts as curvature_facts
from landscape.figures.captions.curvatures import curvature_warnings as curvature_warnings
from landscape.figures.captions.measures import density_caption as density_caption
from landscape.figures.captions.measures import localization_caption as localization_caption
from landscape.figures.captions.measures import sharpness_caption as sharpness_caption
from landscape.figures.captions.measures import sharpness_table as sharpness_table
from landscape.figures.captions.planes import curve_caption as curve_caption
from landscape.figures.captions.planes import radial_profile_caption as radial_profile_caption
from landscape.figures.captions.reading import limits as limits
from landscape.figures.captions.reading import reading as reading
from landscape.figures.captions.surfaces import quantity_rows as quantity_rows
from landscape.figures.captions.surfaces import surface_error as surface_error
from landscape.figures.captions.surfaces import surface_facts as surface_facts
from landscape.figures.captions.surfaces import surface_warnings as surface_warnings
