"""The page's tables: numbers as they are copied and sorted, and shares with the colours of their cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from landscape.figures.plotdata.localization import cell, ink

from landscape.figures.captions.numbers import Row
from landscape.figures.entries import Look
from landscape.figures.explorer.copies import latex, markdown
from landscape.figures.plotdata.comparison import Masses
from landscape.figures.style import percent, shade

Json = Any


def copied(rows: Sequence[Row], seen: Sequence[Look]) -> dict[str, Json]:
    """The table's texts for Markdown and LaTeX, and the numbers to sort by."""
    return {
        "order": [[value if np.isfinite(value := each.value) else None for each in row.cells] for row in rows],
        **{
            name: {
                "models": [escape(look.name) for look in seen],
                "rows": [[escape(row.label), *(escape(each.text) for each in row.cells)] for row in rows],
            }
            for name, escape in (("markdown", markdown), ("latex", latex))
        },
    }


def mass_table(found: Masses) -> dict[str, Json]:
    """A table of shares with the colours of its cells."""

    def told(share: float) -> dict[str, str]:
        known = bool(np.isfinite(share))
        return {
            "text": cell(share),
            "title": percent(share) if known else "not a group of this model",
            "colour": shade(share / found.high) if known else "transparent",
            "ink": ink(share / found.high) if known else "inherit",
        }

    return {
        "by": found.by,
        "models": list(
            zip(found.models, (cell(error) if np.isfinite(error) else "?" for error in found.errors), strict=True)
        ),
        "baselines": list(found.baselines),
        "rows": [
            {
                "group": group,
                "cells": list(zip(found.models, map(told, found.values[place].tolist()), strict=True)),
                "baselines": [told(float(baseline[place])) for baseline in found.baselines.values()],
            }
            for place, group in enumerate(found.groups)
        ],
    }
