"""The documents hold: what guides show works and prints what they say, links lead somewhere, options exist.

A guide is run from top to bottom, in an empty folder. The info string of a fenced block says what becomes of it:

- ``sh``: commands, one a line, that all have to succeed.
- ``python``: run in one namespace with the guide's other Python blocks.
- ``output``: what the block before printed, but for numbers and spaces; a line ``…`` stands for any lines.
- any other is for reading: what takes long, or needs the network.

Files that ``sh`` and ``output`` blocks name have to be there in the end.
"""

import contextlib
import io
import re
import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from docs.reference import PAGE, reference
from landscape.cli import main

ROOT = Path(__file__).resolve().parents[2]
GUIDES = sorted((ROOT / "docs" / "guides").glob("*.md"))
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")), ROOT / "benchmarks" / "README.md"]
FENCE = re.compile(r"^```(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"[\w./-]+\.(?:csv|html|json|npz|pdf|png|pt|svg|txt)\b")
NUMBER = re.compile(r"[-+]?\d(?:[\d.,]*\d)?(?:e[-+]?\d+)?")
OPTION = re.compile(r"--[a-z][a-z-]*")
ANY = "…"


def named(path):
    return path.relative_to(ROOT).as_posix()


def read(path):
    return path.read_text(encoding="utf-8")


def blocks(text):
    """Pairs of info string and content."""
    return FENCE.findall(text)


def prose(text):
    return FENCE.sub("", text)


def lines(block):
    """The commands of a block, without comments; those that go on on the next line as one."""
    joined = (shlex.split(line, comments=True) for line in block.replace("\\\n", " ").splitlines())
    return [words for words in joined if words]


def run(words):
    assert words[0] == "landscape", f"only our own commands are run: {words}"
    result = CliRunner().invoke(main, words[1:])
    assert result.exit_code == 0, (words, result.output, result.exception)
    return result.stdout


def shows(expected, printed):
    """Whether ``expected`` is what was printed, but for numbers, spaces and what ``…`` leaves out."""

    def plain(text):
        return [" ".join(NUMBER.sub("#", re.sub("─+", "─", line)).split()) for line in text.strip().splitlines()]

    pattern = "".join(r"(?:.*\n)*" if line == ANY else re.escape(line) + r"\n" for line in plain(expected))
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in plain(printed))) is not None


def follow(text):
    """Do what a guide does, in the working directory."""
    printed, namespace = "", {"__name__": "__main__"}
    for info, block in blocks(text):
        if info == "sh":
            printed = "".join(map(run, lines(block)))
        elif info == "python":
            with contextlib.redirect_stdout(io.StringIO()) as out:
                exec(compile(block, "<guide>", "exec"), namespace)  # noqa: S102 (our own documents)
            printed = out.getvalue()
        elif info == "output":
            assert shows(block, printed), f"shown:\n{block}\nprinted:\n{printed}"
    files = {file for info, block in blocks(text) if info in ("sh", "output") for file in FILE.findall(block)}
    assert [file for file in sorted(files) if not Path(file).is_file()] == []


@pytest.mark.slow
@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_a_guide_can_be_followed(guide, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    follow(read(guide))


@pytest.mark.parametrize(
    "guide",
    [
        "```sh\nlandscape info nothing.pt\n```\n",
        "```sh\nrm -r /\n```\n",
        "```python\nprint(1 + 1)\n```\n\n```output\ntwo\n```\n",
        "```python\nassert 1 + 1 == 3\n```\n",
        "```sh\nlandscape data list --data-dir .  # and a.html\n```\n",
    ],
)
def test_a_guide_that_does_not_hold_is_noticed(guide, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AssertionError):
        follow(guide)


@pytest.mark.parametrize(
    ("expected", "same"),
    [
        ("a 0.5 ± 1e-3\n ───\nb -1,234 yes", True),
        ("a 7 ± 2\n…\nb 2 yes", True),
        ("…\nb 2 yes", True),
        ("a 1 ± 2\n…", True),
        ("a 0.5 ± 1e-3\n ───", False),
        ("a 0.5 ± 1e-3\n ───\nb -1,234 no", False),
        ("b -1,234 yes", False),
    ],
)
def test_what_is_printed_is_compared_but_for_its_numbers(expected, same):
    assert shows(expected, "a   0.25 ± 0.003\n ────────\nb   17   yes\n") is same


def test_the_reference_is_what_the_commands_say():
    assert read(PAGE) == reference(), f"{named(PAGE)} is not what the commands say with --help; `make docs` writes it"


def test_the_reference_has_every_command_and_every_option():
    sections = dict(part.split("\n", 1) for part in read(PAGE).split("\n## ")[1:])
    everything = walk(main, ("landscape",))
    assert sections.keys() == everything.keys()
    for path, command in everything.items():
        assert options(command) <= {*OPTION.findall(sections[path])}, path


def walk(command, path):
    """A command and those below it, by their full names."""
    commands = {" ".join(path): command}
    for name, below in getattr(command, "commands", {}).items():
        commands |= walk(below, (*path, name))
    return commands


def options(command):
    """The long names of a command's options."""
    declared = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    names = {name for option in declared for name in (*option.opts, *option.secondary_opts)}
    return {name for name in names if name.startswith("--")} | {"--help"}


def unknown(words):
    """What a line of a document asks of a command that the command does not have."""
    command, known = main, options(main)
    for word in words[1:]:
        if word in getattr(command, "commands", {}):
            command = command.commands[word]
            known = known | options(command)
    if command is main and not {*words[1:]} & known:
        return words[:2]
    names = [word.split("=")[0] for word in words]
    return [name for name in names if name.startswith("--") and name not in known]


def test_commands_are_shown_with_options_that_they_have():
    shown = [
        line.strip().removeprefix("$ ")
        for page in PAGES
        for info, block in blocks(read(page))
        if info != "python"
        for line in block.splitlines()
    ]
    commands = [line for line in shown if line.startswith("landscape ")]
    assert len(commands) > 50
    for command in commands:
        for words in lines(command):
            assert unknown(words) == [], command


def test_options_in_the_text_exist():
    everywhere = set().union(*map(options, walk(main, ("landscape",)).values()))
    for page in PAGES:
        code = re.findall(r"`([^`\n]+)`", prose(read(page)))
        if page.name != "results.md" and page.parent.name != "benchmarks":  # they have options of the benchmarks
            assert {option for text in code for option in OPTION.findall(text)} <= everywhere, named(page)


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("landscape surface a.pt --line --points 5", []),
        ("landscape surface a.pt --lines", ["--lines"]),
        ("landscape data prepare a.csv --core=2 --top 2", ["--top"]),
        ("landscape train --no-checks", ["--no-checks"]),
        ("landscape draw a.pt", ["landscape", "draw"]),
        ("landscape --version", []),
    ],
)
def test_an_option_that_a_command_lacks_is_noticed(line, wrong):
    assert unknown(shlex.split(line)) == wrong


def anchors(text):
    """Of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken(page):
    """The links of a page that lead to no file, or to no heading of it."""
    wrong = []
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(read(page))):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = page.parent / file if file else page
        if not target.exists() or (anchor and anchor not in anchors(read(target))):
            wrong.append(link)
    return wrong


def test_links_lead_somewhere():
    assert {named(page): links for page in PAGES if (links := broken(page))} == {}


def test_a_broken_link_is_noticed(tmp_path):
    (tmp_path / "other.md").write_text("# One & two\n```sh\n# no heading\n```\n")
    page = tmp_path / "page.md"
    page.write_text(
        "# Here\n[a](other.md#one--two) [b](#here) [c](https://x.org/y) [d](none.md) [e](other.md#no-heading) [f](#no)"
    )
    assert broken(page) == ["none.md", "other.md#no-heading", "#no"]


def test_every_guide_is_found_from_the_readme_and_the_reference():
    for page in (ROOT / "README.md", PAGE):
        for guide in GUIDES:
            assert f"]({guide.relative_to(page.parent).as_posix()})" in read(page), (named(page), guide.stem)
