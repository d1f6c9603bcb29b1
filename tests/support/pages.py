"""Pages to read without a browser: what a reader sees, and what the page's script draws from."""

from __future__ import annotations

import base64
import json
import re
from html.parser import HTMLParser

import numpy as np

from landscape.figures.entries import ModelEntry
from landscape.figures.explorer import explorer_page


def page_of(surface=None, curvature=None, *, name="x", rho=None):
    """The page of one model."""
    return explorer_page([ModelEntry(name, surface, curvature)], rho=rho)


class Text(HTMLParser):
    """The text that a reader sees, and every element's name."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.elements: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)

    def handle_data(self, data):
        if self.elements[-1:] not in (["script"], ["style"]):
            self.seen.append(data)

    def __str__(self) -> str:
        return " ".join(" ".join(self.seen).split())


def data_of(page: str) -> dict:
    """What the page's own script draws from, as it is stored."""
    (content,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, flags=re.DOTALL)
    return json.loads(content)


def unpacked(value, pool):
    """What the page's script makes of packed data."""
    if isinstance(value, list):
        return [unpacked(part, pool) for part in value]
    if not isinstance(value, dict):
        return value
    if "$" in value:
        return unpacked(pool[value["$"]], pool)
    if "$of" in value:
        flat = [value["$of"][place] for place in base64.b64decode(value["at"])]
        columns = value.get("columns")
        return [flat[at : at + columns] for at in range(0, len(flat), columns)] if columns else flat
    if "bdata" in value:
        array = np.frombuffer(base64.b64decode(value["bdata"]), value["dtype"])
        return array.reshape([int(side) for side in value["shape"].split(",")]) if "shape" in value else array
    return {key: unpacked(part, pool) for key, part in value.items()}


def part_of(page: str, name: str):
    """``views``, ``common`` or ``own`` of a page, unpacked."""
    data = data_of(page)
    return unpacked(data[name], data["pool"])


def views(page: str) -> dict:
    """By quantity and scale: figures, numbers, axes."""
    return part_of(page, "views")


def figure(page: str, panel: str, *, quantity="loss", scale="linear", index=0) -> dict | None:
    """A model's figure."""
    return views(page)[quantity][scale]["figures"][panel]["shared"][index]
