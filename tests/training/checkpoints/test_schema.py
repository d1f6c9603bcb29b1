"""Checks of values: what passes, and what a refusal says."""

import math
import re

import pytest
import torch

from landscape.training.checkpoints.schema import (
    MEASURED,
    NAME,
    PLAIN,
    SHA256,
    anything,
    choice,
    each,
    maybe,
    number,
    options,
    record,
    rows,
    shown,
    text,
    whole,
)
from landscape.training.config.training import TrainingConfig

NETWORK = record({"width": whole(1)}, {"dropout": number(least=0, below=1)})
SETTINGS = options(TrainingConfig)


@pytest.mark.parametrize(
    ("check", "value"),
    [
        (whole(), 0),
        (whole(0, 2**64), 2**64),
        (number(least=0, below=1), 0),
        (number(), -1e300),
        (text(), ""),
        (SHA256, "0a" * 32),
        (choice(("a", "b")), "b"),
        (maybe(whole()), None),
        (MEASURED, math.nan),
        (PLAIN, True),
        (PLAIN, None),
        (each(whole()), {"a": 1, "b": 2}),
        (rows(whole()), [1, 2]),
        (NETWORK, {"width": 1}),
        (NETWORK, {"width": 1, "dropout": 0.5}),
        (record({}, others=PLAIN), {"x": "y"}),
        (SETTINGS["rho"], 1),
        (SETTINGS["negatives"], None),
        (SETTINGS["seed"], 3),
        (SETTINGS["sam"], "looksam"),
        (SETTINGS["padded"], True),
    ],
)
def test_right_values_pass(check, value):
    check(value, "x")


@pytest.mark.parametrize(
    ("check", "value", "message"),
    [
        (whole(), True, "x is True, not a whole number from 0"),
        (whole(), 1.0, "x is 1.0, not a whole number from 0"),
        (whole(1, 9), 10, "x is 10, not a whole number from 1 to 9"),
        pytest.param(
            whole(), 10**5000, "x is a whole number of over 64 bits, not a whole number from 0", id="many digits"
        ),
        (number(), math.nan, "x is nan, not a finite number"),
        (number(above=0, most=1), 0, "x is 0, not a number at most 1 and above 0"),
        (number(), 10**400, "x is a whole number of over 64 bits, not a finite number"),
        (number(), True, "x is True, not a finite number"),
        (NAME, b"x", "x is a bytes, not a text"),
        (NAME, "a" * 5000, f"x is '{'a' * 59}…', not a text"),
        (SHA256, "0A" * 32, f"x is '{'0A' * 29}0…', not a SHA-256"),
        (choice(("a", "b")), "\x1b[31m", r"x is '\x1b[31m', not one of a, b"),
        (choice(("a", "b")), ["a"], "x is a list, not one of a, b"),
        (MEASURED, "1", "x is '1', not a number"),
        (
            PLAIN,
            torch.zeros(3),
            "x is a tensor of float32 and shape (3,), not a number, a text, true, false or nothing",
        ),
        (each(whole()), {"a": 1, "b\n": "c"}, r"x.b\n is 'c', not a whole number from 0"),
        (each(whole()), {3: 1}, "a name in x is 3, not a text"),
        (each(whole()), [1], "x is a list, not a dictionary"),
        (rows(whole()), [1, None], "x[1] is None, not a whole number from 0"),
        (rows(whole()), (1,), "x is a tuple, not a list"),
        (NETWORK, {"dropout": 0.5}, "x lacks width"),
        (NETWORK, {"width": 1, "dropout": 1}, "x.dropout is 1, not a number at least 0 and below 1"),
        (NETWORK, {"width": 1, "depth": 1}, "x.depth is not known"),
        (SETTINGS["width"], 0, "x is 0, not a whole number from 1"),
        (SETTINGS["lr"], "x", "x is 'x', not a number above 0"),
        (SETTINGS["lr"], None, "x is None, not a number above 0"),
        (SETTINGS["padded"], 1, "x is 1, not true or false"),
        (SETTINGS["loss"], "BCE", "x is 'BCE', not one of bce, ce, sampled-softmax, gbce"),
    ],
)
def test_wrong_values_are_named_with_what_they_must_be(check, value, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        check(value, "x")


def test_the_outermost_fields_are_named_without_a_prefix():
    with pytest.raises(ValueError, match="^width is 0, not"):
        NETWORK({"width": 0}, "")
    with pytest.raises(ValueError, match="^it lacks width"):
        NETWORK({}, "")
    each(anything)({"a": object()}, "")


def test_a_value_that_contains_itself_is_not_walked_through():
    endless: list[object] = []
    endless.append(endless)
    assert shown(endless) == "a list"
    with pytest.raises(ValueError, match="x is a list, not"):
        PLAIN(endless, "x")


def test_every_setting_has_a_check_that_its_default_passes():
    config = TrainingConfig(method="cl4srec", sam="sam")
    assert SETTINGS.keys() == vars(config).keys()
    for name, check in SETTINGS.items():
        check(getattr(config, name), name)
