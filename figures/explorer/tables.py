"""The page's tables: numbers as they are copied and sorted, and shares with the colours of their cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from landscape.figures.captions.numbers import Row
from landscape.figures.entries import ModelStyle
from landscape.figures.plotdata.geometry.localization import FirstEigenvectors, cell, ink
from landscape.figures.style import percent, shade
from landscape.results.display.display_names import display_name
from landscape.results.display.escaping import latex, markdown

Json = Any


def copied(rows: Sequence[Row], styles: Sequence[ModelStyle]) -> dict[str, Json]:
    """Return the table's texts for Markdown and LaTeX, and the numbers to sort by."""
    return {
        "order": [[value if np.isfinite(value := cell.value) else None for cell in row.cells] for row in rows],
        **{
            name: {
                "models": [escape(style.name) for style in styles],
                "rows": [[escape(row.label), *(escape(cell.text) for cell in row.cells)] for row in rows],
            }
            for name, escape in (("markdown", markdown), ("latex", latex))
        },
    }


def shares_table(shares: FirstEigenvectors) -> dict[str, Json]:
    """Return a table of shares with the colours of its cells."""

    def coloured(share: float) -> dict[str, str]:
        known = bool(np.isfinite(share))
        return {
            "text": cell(share),
            "title": percent(share) if known else "not a group of this model",
            "colour": shade(share / shares.high) if known else "transparent",
            "ink": ink(share / shares.high) if known else "inherit",
        }

    errors = [cell(error) if np.isfinite(error) else "?" for error in shares.errors]
    return {
        "by": shares.by,
        "models": list(zip(shares.models, errors, strict=True)),
        "baselines": list(map(display_name, shares.baselines)),
        "has_random_vector": "coordinates" in shares.baselines,
        "rows": [
            {
                "group": group,
                "cells": list(zip(shares.models, map(coloured, shares.values[place].tolist()), strict=True)),
                "baselines": [coloured(float(baseline[place])) for baseline in shares.baselines.values()],
            }
            for place, group in enumerate(shares.groups)
        ],
    }
