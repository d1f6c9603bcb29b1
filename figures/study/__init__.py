"""A study's report: one page for a browser, tables, and pictures for a paper."""

from landscape.figures.study.files import is_current as is_current
from landscape.figures.study.files import write_report as write_report
from landscape.figures.study.page import report_page as report_page
from landscape.figures.study.pictures import study_pictures as study_pictures
