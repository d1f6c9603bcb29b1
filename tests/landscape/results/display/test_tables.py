"""Results that tell themselves: as text, and as tables in a notebook."""

from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from landscape.results.display.tables import Table, format_cell
from tests.landscape.results.storage.test_storage import curvature, surface


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("a", "a"),
        (0.123456, "0.1235"),
        (1234567, "1,234,567"),
        (True, "yes"),
        (False, "no"),
        (float("nan"), ""),
        (float("inf"), "inf"),
        ((0.5, 0.00123), "0.5 ± 0.0012"),
        ((0.5, float("nan")), "0.5"),
    ],
)
def test_cells_as_text(cell, text):
    assert format_cell(cell) == text


def test_a_table_is_aligned_and_complete():
    lines = Table("Title", ("", "[b]n"), [("first", 1), ("second [b]", 12345)]).text().splitlines()
    assert lines[0] == "Title"
    assert lines[1].strip() == "[b]n"
    assert lines[-1].split() == ["second", "[b]", "12,345"]
    assert len(lines[-1]) == len(lines[-2])  # numbers end in one column


def test_a_wide_table_keeps_each_row_on_a_line_of_its_own():
    names = [f"a title of several words, the {i}th of its kind" for i in range(30)]
    _, header, _, *rows = Table("Title", ("", *names), [(name, *names) for name in names]).text().splitlines()
    assert len(rows) == len(names)
    for name, row in zip(names, rows, strict=True):
        assert row.startswith(f"  {name} ")
        assert all(each in row and each in header for each in names)


def test_a_narrow_table_breaks_its_headings_and_never_a_number():
    numbers = "-0.0077 [-0.0146, -0.0010]"
    table = Table("Title", ("", "difference, 95 % interval over users", "b"), [("HR@10", numbers, numbers)])
    assert table.text(width=100, heading_width=27).splitlines() == [
        "Title",
        "            difference, 95 % interval",
        "                           over users                            b",
        " ──────────────────────────────────────────────────────────────────",
        "  HR@10    -0.0077 [-0.0146, -0.0010]   -0.0077 [-0.0146, -0.0010]",
    ]
    narrow = table.text(width=70, heading_width=27).splitlines()
    assert max(map(len, narrow)) <= 70 and narrow[-1].count(numbers) == 2


class Cells(HTMLParser):
    """The texts of all cells."""

    def __init__(self):
        super().__init__()
        self.found, self.tags = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.found.append(data)


@pytest.mark.parametrize("result", [surface(), curvature(), curvature().sharpness], ids=lambda one: type(one).__name__)
def test_a_notebook_shows_every_table(result):
    parser = Cells()
    parser.feed(result._repr_html_())
    shown, text = " ".join(parser.found), str(result)
    for table in result.tables():
        assert table.title in shown
        assert table.title in text
        for row in table.rows:
            for cell in row:
                assert format_cell(cell) in shown


def test_names_are_shown_as_text_and_never_as_markup():
    html = Table("<script>", ("<b>",), [("<img src=x>",)]).html()
    parser = Cells()
    parser.feed(html)
    assert {"script", "b", "img"}.isdisjoint(parser.tags)
    assert "<img src=x>" in parser.found
    parser = Cells()
    parser.feed(replace(surface(), metadata={"quantity": "<script>"})._repr_html_())
    assert "script" not in parser.tags


def test_a_curvature_tells_its_numbers_with_their_errors():
    one = curvature()
    text = str(one)
    share, error = one.spectrum.share_below()
    for number in (format_cell((0.5, 1e-4)), format_cell((share, error)), format_cell((0.4, 1e-4)), "NO"):
        assert number in text
    np.testing.assert_allclose(one.localization[0].values.sum(1), 1)


def test_control_characters_and_markup_of_names_are_shown_and_not_obeyed():
    table = Table("of \x1b[31m", ("", "a\nb"), [("[/b]x <b>\x07", "\u202e")])
    text, page = table.text(), table.html()
    for shown in (text.replace("\n", ""), page):
        assert shown.isprintable()
        for name in (r"of \x1b[31m", r"a\nb", "[/b]x", r"\x07", r"\u202e"):
            assert name in shown
    assert "&lt;b&gt;" in page and "<b>" not in page
