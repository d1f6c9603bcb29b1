"""Fields of dataclasses as options of a command: values arrive, and the help shows the rest."""

from __future__ import annotations

from dataclasses import dataclass

import click
import pytest
from click.testing import CliRunner

from landscape.training.config.click_options import SectionedCommand, config_options, from_options
from landscape.training.config.fields import Config, integers, numbers, option


@dataclass(frozen=True)
class Some(Config):
    hidden: int = 7
    count_of: int = option("First", 3, "How many.", least=1)
    share: float | None = option("First", None, "A share.", flag="part", default_help="all of it")
    kind: str = option("Second", "one", "A kind.", metavar="KIND")
    quick: bool = option("Second", False, "Quickly.")
    checks: bool = option("Second", True, "With checks.")
    names: tuple[str, ...] = option("Second", (), "Names.")
    rates: tuple[float, ...] = option("First", (0.5, 2.0), "Rates.", parse=numbers)
    chosen: tuple[int, ...] = option("First", (), "Chosen.", parse=integers)


def run(*arguments):
    kept = []

    @click.command(cls=SectionedCommand)
    @click.option("--other", help="Of the command itself.")
    @config_options(Some)
    def command(**given):
        kept.append(from_options(Some, given))

    return CliRunner().invoke(command, arguments), kept


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], Some()),
        (["--count-of", "5", "--part", "0.25"], Some(count_of=5, share=0.25)),
        (["--kind", "two", "--quick", "--no-checks"], Some(kind="two", quick=True, checks=False)),
        (["--names", "a", "--names", "b"], Some(names=("a", "b"))),
        (["--rates", "1,2.5", "--chosen", "-1,2"], Some(rates=(1.0, 2.5), chosen=(-1, 2))),
        (["--other", "x"], Some()),
    ],
)
def test_what_is_given_arrives_and_the_rest_has_its_default(arguments, expected):
    result, kept = run(*arguments)
    assert result.exit_code == 0, result.output
    assert kept == [expected]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rates", "x"], "'x' is not a list of numbers separated by commas"),
        (["--count-of", "2.5"], "'2.5' is not a valid integer"),
        (["--part", "much"], "'much' is not a valid float"),
        (["--hidden", "3"], "No such option"),
    ],
)
def test_what_cannot_be_read_is_wrong_usage(arguments, message):
    result, kept = run(*arguments)
    assert (result.exit_code, kept) == (2, [])
    assert message in result.output


def test_the_help_has_each_option_under_its_heading_with_its_default():
    text = run("--help")[0].output
    places = [text.index(f"\n{heading}:\n") for heading in ("Options", "First", "Second")]
    assert places == sorted(places)
    own, first, second = (" ".join(text[a:b].split()) for a, b in zip(places, [*places[1:], None], strict=True))
    assert "--other" in own and "--help" in own
    for told in ("--count-of", "--part", "[default: all of it]", "[default: 0.5,2.0]", "Chosen."):
        assert told in first
    assert first.count("[default:") == 2  # nothing is said of an empty list
    for told in ("--kind KIND", "--quick", "--checks / --no-checks", "--names"):
        assert told in second
    assert "--no-quick" not in second
    assert first.index("--count-of") < first.index("--part") < first.index("--rates")
