"""Settings that are declared once: their limits, and how their text is read."""

import math
import re
from dataclasses import dataclass, fields

import pytest

from landscape.training.config.curvature import CurvatureConfig
from landscape.training.config.fields import Config, counts, integers, numbers, option, size
from landscape.training.config.surface import SurfaceConfig
from landscape.training.config.training import TrainingConfig


@dataclass(frozen=True)
class Some(Config):
    share: float = option("A", 0.5, "A share.", least=0, most=1)
    rates: tuple[float, ...] = option("A", (0.1,), "Rates.", above=0, parse=numbers)
    kind: str | None = option("B", None, "A kind.", choices=("one", "two"))
    some: int = option("B", 3, "Some.", least=1, flag="how-many")


def test_values_within_the_limits_are_taken_and_names_spelt_as_known():
    assert Some(share=1.0, rates=(0.5, 2.0), kind="ONE") == Some(share=1.0, rates=(0.5, 2.0), kind="one")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"share": 1.5}, "share must be at least 0 and at most 1, got 1.5"),
        ({"share": float("nan")}, "share must be"),
        ({"rates": (0.5, 0.0)}, "rates must be finite and above 0, got 0.0"),
        ({"rates": (float("inf"), 1.0)}, "rates must be finite and above 0, got inf"),
        ({"some": 0}, "how-many must be at least 1, got 0"),
        ({"kind": "oen"}, "kind must be one of one, two, got 'oen'; did you mean one?"),
    ],
)
def test_other_values_are_refused_in_words(given, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        Some(**given)


NUMBERS = [
    (config, field.name)
    for config in (TrainingConfig, SurfaceConfig, CurvatureConfig)
    for field in fields(config)
    if str(field.type).split(" | ")[0] in ("float", "tuple[float, ...]")
]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(("config", "name"), NUMBERS, ids=[name for _, name in NUMBERS])
def test_no_setting_is_anything_but_finite(config, name, value):
    several = isinstance(getattr(config(), name), tuple)
    with pytest.raises(ValueError, match=f"^{name} must be .*, got {value}$"):
        config(**{name: (0.1, value) if several else value})


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (numbers, "0.05,1e-1, 2", (0.05, 0.1, 2.0)),
        (integers, "1,-1", (1, -1)),
        (counts, "51", 51),
        (counts, "51X31", (51, 31)),
        (size, "500M", 500 * 2**20),
        (size, "1.5G", 3 * 2**29),
        (size, "2GiB", 2**31),
        (size, "1000", 1000),
        (size, "4 kB", 4096),
        (size, "2t", 2**41),
    ],
)
def test_texts_are_read(read, text, value):
    assert read(text) == value


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (numbers, "1,x"),
        (numbers, ""),
        (integers, "1.5"),
        (counts, "0x2"),
        (counts, "1x2x3"),
        (size, "lots"),
        (size, "4X"),
        (size, "1e999G"),
        (size, ""),
    ],
)
def test_other_texts_are_refused(read, text):
    with pytest.raises(ValueError, match=text or "''"):
        read(text)
