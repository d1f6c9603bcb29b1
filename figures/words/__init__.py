"""Results in plain words: what a page says beside its figures. Sentences only, no markup."""

from figures.style import LAMBDA_MAX as LAMBDA_MAX
from figures.words.checks import check_rows as check_rows
from figures.words.curvatures import curvature_facts as curvature_facts
from figures.words.curvatures import curvature_warnings as curvature_warnings
from figures.words.measures import density_caption as density_caption
from figures.words.measures import shares_caption as shares_caption
from figures.words.measures import sharpness_caption as sharpness_caption
from figures.words.measures import sharpness_table as sharpness_table
from figures.words.planes import band_caption as band_caption
from figures.words.reading import limits as limits
from figures.words.reading import reading as reading
from figures.words.surfaces import quantity_rows as quantity_rows
from figures.words.surfaces import surface_error as surface_error
from figures.words.surfaces import surface_facts as surface_facts
from figures.words.surfaces import surface_warnings as surface_warnings
