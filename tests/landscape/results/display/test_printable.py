"""Text from files cannot steer a terminal."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from landscape.results.display.printable import printable


@given(st.text(st.characters()))
def test_nothing_that_a_terminal_obeys_is_left(text):
    shown = printable(text, limit=50)
    assert shown.isprintable()
    assert shown == text or not text.isprintable() or len(text) > 50


def test_plain_text_stays_and_the_rest_is_readable():
    assert printable("é – 日本") == "é – 日本"
    assert printable("\x1b[31mred\n\u202e\ud800") == r"\x1b[31mred\n\u202e\ud800"
    assert printable("x" * 300, limit=10) == "x" * 9 + "…"
