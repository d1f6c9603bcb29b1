"""Settings of a function from texts."""

import enum
from pathlib import Path
from typing import Literal, Optional

import pytest

from landscape.problems.settings import in_effect, settings_of


class Size(enum.Enum):
    SMALL = 1
    LARGE = 2


def function(
    data: Path,
    width: int = 8,
    rate: float = 0.1,
    bias: bool = True,
    head: Literal["mean", "max", 3] = "mean",
    size: Size = Size.SMALL,
    depth: int | None = None,
    limit: Optional[float] = None,  # noqa: UP045 (users write it so)
    name: str | int = "x",
    plain=0.5,
    free=None,
    rows: list = (),
    *,
    key: str = "k",
    two_words: int = 2,
):
    """Nothing."""


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("width=16", 16),
        ("width=-1", -1),
        ("rate=1e-3", 1e-3),
        ("rate=2", 2.0),
        ("bias=no", False),
        ("bias=True", True),
        ("head=MAX", "max"),
        ("head=3", 3),
        ("size=large", Size.LARGE),
        ("depth=none", None),
        ("depth=3", 3),
        ("limit=0.5", 0.5),
        ("name=7", 7),
        ("name=seven", "seven"),
        ("plain=1", 1.0),
        ("free=a=b", "a=b"),
        ("key=", ""),
        ("two-words=3", 3),
    ],
)
def test_texts_are_converted(text, value):
    name = text.partition("=")[0].replace("-", "_")
    found = settings_of(function, ["data=a.txt", text])[name]
    assert (found, type(found)) == (value, type(value))


def test_paths_are_paths_of_the_user():
    assert settings_of(function, ["data=~/a.txt"])["data"] == Path.home() / "a.txt"


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["width"], "--set takes name=value, got 'width'"),
        (["widht=3"], "must be one of data, width, .* did you mean width?"),
        (["width=3.5"], "--set width=3.5: it is not a whole number"),
        (["rate=fast"], "--set rate=fast: it is not a number"),
        (["bias=maybe"], "--set bias=maybe: the value must be one of true"),
        (["head=min"], "--set head=min: the value must be one of mean, max, 3"),
        (["size=huge"], "must be one of SMALL, LARGE"),
        (["depth=x"], "--set depth=x: "),
        (["width=1", "width=2"], "--set width is given twice"),
        (["rows=1"], "a list cannot be given on the command line"),
        ([], "the function needs --set data=…"),
    ],
)
def test_what_does_not_fit_is_refused(texts, message):
    with pytest.raises(ValueError, match=message):
        settings_of(function, texts)


def test_a_function_without_parameters_has_nothing_to_set():
    with pytest.raises(ValueError, match="there is nothing to set"):
        settings_of(lambda: None, ["a=1"])


def test_an_annotation_that_cannot_be_evaluated_is_not_needed():
    def late(width: "Unknown" = 8, **others): ...  # noqa: F821

    assert settings_of(late, ["width=3"]) == {"width": 3}
    with pytest.raises(ValueError, match="must be one of width"):
        settings_of(late, ["other=3"])


def test_settings_in_effect_have_the_defaults_and_are_plain():
    values = settings_of(function, ["data=a.txt", "size=large"])
    shown = in_effect(function, values)
    assert shown["data"] == "a.txt" and shown["width"] == 8 and shown["size"] == "Size.LARGE"
    assert shown == in_effect(function, settings_of(function, ["data=a.txt", "size=large", "width=8"]))
    assert {type(value) for value in shown.values()} <= {str, int, float, bool, type(None)}
