"""The index of faults (docs/faults.md) names tests that exist, and each fault has one."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "faults.md"
NODE = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
# Sections whose rows are faults.
INDEX = ("Reports", "Files", "The library on other models", "What fuzzing found, by parser", "Kinds")


@cache
def functions(file: str) -> frozenset[str]:
    """The tests that pytest collects of a file: its functions and methods, not what only looks like one in a text."""
    path = ROOT / file
    body = ast.parse(path.read_text(encoding="utf-8")).body if path.is_file() else []
    body += [node for group in body if isinstance(group, ast.ClassDef) for node in group.body]
    return frozenset(node.name for node in body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"))


def missing(text: str) -> list[str]:
    """The tests that a text names and that do not exist."""
    return [f"{file}::{name}" for file, name in NODE.findall(text) if name not in functions(file)]


def rows(text: str) -> list[str]:
    """The rows of the tables of faults, without their headings."""
    sections = dict(part.split("\n", 1) for part in text.split("\n## ")[1:])
    return [
        line for name in INDEX for line in [line for line in sections[name].splitlines() if line.startswith("|")][2:]
    ]


def test_every_test_that_the_index_names_exists():
    assert missing(PAGE.read_text(encoding="utf-8")) == []


def test_every_fault_names_a_test():
    faults = rows(PAGE.read_text(encoding="utf-8"))
    assert len(faults) > 60
    assert [fault for fault in faults if not NODE.search(fault.split("|")[-2])] == []


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("`tests/project/test_faults.py::test_every_fault_names_a_test`", []),
        ("`tests/project/test_faults.py::test_no_more`", ["tests/project/test_faults.py::test_no_more"]),
        ("`tests/project/test_faults.py::rows`", ["tests/project/test_faults.py::rows"]),
        ("`tests/project/test_none.py::test_x`", ["tests/project/test_none.py::test_x"]),
    ],
)
def test_a_test_that_is_gone_is_noticed(text, wrong):
    assert missing(text) == wrong
