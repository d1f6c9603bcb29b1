"""The conditions under which a result was computed, as its metadata records them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from landscape.figures.style import number
from landscape.results import Curvature, Surface
from landscape.results.display.display_names import display_name
from landscape.results.display.printable import printable
from landscape.results.storage.serialization import to_plain


def conditions(result: Surface | Curvature) -> dict[str, str | None]:
    """Return readable values by the noun under which models are compared; what is not recorded is missing or None."""
    metadata: Mapping[str, Any] = to_plain(result.metadata)
    values: dict[str, str | None] = {}
    data, objective = metadata.get("data"), metadata.get("objective")
    if isinstance(data, Mapping):
        values["data sets"] = " ".join(str(data[key])[:12] for key in ("name", "sha256") if data.get(key))
    if isinstance(objective, Mapping):
        values |= _objective(objective)
    if isinstance(result, Curvature):
        return values | {"matrices": display_name(result.operator)}
    plane = metadata.get("plane")
    return values | {"extents": _extent(result)} | (_plane(plane) if isinstance(plane, Mapping) else {})


def _objective(objective: Mapping[str, Any]) -> dict[str, str | None]:
    users, blocks = objective.get("users"), objective.get("blocks")
    if "problem" in objective:  # a user's own model, whose loss has neither targets of a split nor users
        loss: dict[str, str | None] = {"losses": _problem(objective)}
    else:
        loss = {
            "losses": display_name(str(objective.get("loss"))),
            "splits": display_name(str(objective.get("split"))),
            "numbers of users": number(users) if isinstance(users, int) else str(users or "all"),
        }
    return loss | {
        "seeds of the loss": str(objective.get("seed")),
        "modes": "with dropout" if objective.get("train_mode") else "without dropout",
        "parameters moved": "all" if blocks is None else str(blocks),
    }


def _problem(objective: Mapping[str, Any]) -> str:
    settings = objective.get("settings")
    given = ", ".join(f"{name}={value}" for name, value in settings.items()) if isinstance(settings, Mapping) else ""
    return printable(f"{objective['problem']}{f' ({given})' if given else ''} {str(objective.get('code_sha256'))[:12]}")


def _plane(plane: Mapping[str, Any]) -> dict[str, str | None]:
    kind = plane.get("kind")
    if kind != "random":
        return {"kinds of plane": display_name(str(kind)) if kind else None}
    scale, vectors = display_name(str(plane.get("normalize"))), display_name(str(plane.get("vectors")))
    return {
        "kinds of plane": display_name(kind),
        "ways to scale directions": f"{scale}, biases and norms {vectors}",
        "seeds of the directions": str(plane.get("seeds", plane.get("seed"))),
    }


def _extent(surface: Surface) -> str:
    axes = [axis for axis in (surface.alphas, surface.betas) if len(axis) > 1]
    return " × ".join(f"[{number(axis[0], 3)}, {number(axis[-1], 3)}]" for axis in axes) or "a single point"
