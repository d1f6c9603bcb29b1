"""The rooms of the package and who imports whom: ``python docs/architecture.py`` draws docs/images/architecture.svg.

Everything is read from the import statements. A test holds the imports to the ranks below, and the drawing to the code.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "docs" / "images" / "architecture.svg"
COLUMNS = ("landscape.training", "landscape", "landscape.figures")  # of the drawing; commands above, models below
LABELS = {"landscape.cli": "landscape.cli (the commands)", "landscape.models": "landscape.models (the networks)"}
COLOURS = {  # of a wing's frames and arrows
    "landscape": "#3b5b92",
    "landscape.models": "#6b6b6b",
    "landscape.training": "#2f7d4f",
    "landscape.figures": "#a35a1f",
    "landscape.cli": "#7a3b86",
}
COLUMN, INNER, ROW, BOX, GAP, MARGIN = 370, 290, 64, 32, 12, 24  # px

# The rooms of each wing by rank, lowest first. A file may import from its own room, from lower ranks of its own wing,
# and from what MAY lists for its wing. A room is a folder, or one or more files of the wing's own folder.
WINGS: dict[str, tuple[tuple[str, ...], ...]] = {
    "landscape": (
        ("version choices devices owner launch processes provenance progress",),
        ("results.numerics",),
        ("results.display",),
        ("results",),
        ("results.study",),
        ("results.storage",),
        ("parameters",),
        ("objectives", "linalg", "command_group"),
        ("operators", "adapters", "problems"),
        ("surfaces", "geometry"),
        ("__init__",),
    ),
    "landscape.models": (("__init__ dropout encoder sasrec s3rec",),),
    "landscape.training": (
        ("data", "optim", "__init__"),
        ("data.raw", "batches", "config"),
        ("losses", "checkpoints"),
        ("evaluation",),
        ("loop",),
        ("targets",),
        ("analysis",),
        ("study",),
    ),
    "landscape.figures": (
        ("__init__ style themes entries",),
        ("plotdata",),
        ("static", "captions", "interactive", "exchange"),
        ("explorer",),
        ("study", "export"),
        ("click_options",),
    ),
    "landscape.cli": (("__init__ __main__ commands",),),  # landscape/__main__.py starts the commands
}
MAY: dict[str, tuple[str, ...]] = {  # wing -> modules and folders of other wings
    "landscape": (),
    "landscape.models": (),
    "landscape.training": ("landscape", "landscape.models"),
    "landscape.figures": ("landscape.results", "landscape.version"),
    "landscape.cli": ("landscape", "landscape.models", "landscape.training", "landscape.figures"),
}
ROWS = max(map(len, WINGS.values()))
Graph = dict[str, set[str]]  # module -> the modules that it imports
Room = tuple[str, int, str]  # wing, rank, name


def modules() -> dict[str, list[Path]]:
    """The files of each module, as it is imported: below ``landscape``, through the links. A stub counts as well."""
    files: dict[str, list[Path]] = {}
    for folder, below, names in os.walk(ROOT / "landscape", followlinks=True):
        below[:] = sorted(set(below) - {"__pycache__"})
        for name in sorted(names):
            if name.endswith((".py", ".pyi")):
                path = Path(folder, name)
                module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
                files.setdefault(module, []).append(path)
    return files


def imported(source: str, package: str) -> Iterator[str]:
    """The full dotted names of all imports in a file of ``package``, also of those inside functions."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")
            prefix = parents[: len(parents) - node.level + 1] if node.level else []
            module = ".".join([*prefix, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def imports(files: Mapping[str, list[Path]]) -> Graph:
    """The modules of ours that each module imports."""
    graph: Graph = {module: set() for module in files}
    for module, paths in files.items():
        for path in paths:
            package = module if path.stem == "__init__" else module.rpartition(".")[0]
            for name in imported(path.read_text(encoding="utf-8"), package):
                while name not in files and "." in name:
                    name = name.rpartition(".")[0]
                if name in files and name != module:
                    graph[module].add(name)
    return graph


def wing_of(module: str) -> str:
    """The wing that a module belongs to."""
    if module == "landscape.__main__" or within(module, "landscape.commands"):
        return "landscape.cli"
    return next((wing for wing in WINGS if wing != "landscape" and within(module, wing)), "landscape")


def within(module: str, folder: str) -> bool:
    """Whether a module is the folder itself or lies below it."""
    return module == folder or module.startswith(f"{folder}.")


def place(module: str) -> Room:
    """The room of a module.

    Raises:
        KeyError: No room is listed for it in WINGS.
    """
    wing = wing_of(module)
    inside = module.removeprefix(wing if within(module, wing) else "landscape").removeprefix(".")
    found = [
        (len(part), rank, room)
        for rank, rooms in enumerate(WINGS[wing])
        for room in rooms
        for part in room.split()
        if within(inside or "__init__", part)
    ]
    if not found:
        raise KeyError(f"{module} belongs to no room; add its folder to WINGS in docs/architecture.py")
    _, rank, room = max(found)  # the longest name: data.raw before data
    return wing, rank, room


def allowed(module: str, target: str) -> bool:
    """Whether ``module`` may import ``target``."""
    wing, rank, room = place(module)
    other, below, there = place(target)
    if wing == other:
        return room == there or below < rank
    return any(within(target, folder) and (folder != "landscape" or other == "landscape") for folder in MAY[wing])


def rooms(graph: Graph) -> dict[Room, set[Room]]:
    """The rooms that each room imports from."""
    arrows: dict[Room, set[Room]] = {}
    for module, targets in graph.items():
        here = place(module)
        arrows.setdefault(here, set()).update({place(target) for target in targets} - {here})
    return arrows


def drawing(graph: Graph) -> str:
    """An SVG of the rooms, a column for each large wing. Arrows that follow from other arrows are left out."""
    arrows = _reduced(rooms(graph))
    boxes = _boxes(arrows)
    width, height = 2 * COLUMN + INNER + 2 * MARGIN, (ROWS + 2) * ROW + 2 * MARGIN
    lines = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' font-family='sans-serif' "
        "font-size='12'>",
        f"<rect width='{width}' height='{height}' fill='white'/>",
    ]
    for wing, colour in COLOURS.items():
        lines.append(
            f"<marker id='{wing}' viewBox='0 0 8 8' refX='7' refY='4' markerWidth='8' markerHeight='8' orient='auto'>"
            f"<path d='M0 0L8 4L0 8z' fill='{colour}'/></marker>"
        )
    for room in sorted(boxes):
        lines += [_arrow(room, target, boxes) for target in sorted(arrows[room]) if target in boxes]
    for room, (x, y, wide) in sorted(boxes.items()):
        lines.append(
            f"<rect x='{x}' y='{y}' width='{wide}' height='{BOX}' rx='6' fill='#fafafa' stroke='{COLOURS[room[0]]}'/>"
            f"<text x='{x + wide // 2}' y='{y + 20}' text-anchor='middle'{_smaller(_label(room), wide)}>"
            f"{escape(_label(room))}</text>"
        )
    for column, wing in enumerate(COLUMNS):
        lines.append(
            f"<text x='{MARGIN + column * COLUMN}' y='{MARGIN + BOX + 26}' font-weight='bold' font-size='14' "
            f"fill='{COLOURS[wing]}'>{wing}</text>"
        )
    return "\n".join([*lines, "</svg>", ""])


def _reduced(arrows: Mapping[Room, set[Room]]) -> dict[Room, set[Room]]:
    """The arrows to rooms that are not also reached through another room."""

    def below(room: Room) -> set[Room]:
        return set().union(*({target} | below(target) for target in arrows[room]))

    return {room: targets - set().union(*map(below, targets)) for room, targets in arrows.items()}


def _boxes(arrows: Mapping[Room, set[Room]]) -> dict[Room, tuple[int, int, int]]:
    """Left edge, upper edge and width of each room's box."""
    boxes: dict[Room, tuple[int, int, int]] = {}
    for column, wing in enumerate(COLUMNS):
        left = MARGIN + column * COLUMN
        for rank, names in enumerate(WINGS[wing]):
            here = [(wing, rank, name) for name in names if (wing, name) != ("landscape.training", "__init__")]
            wide = (INNER - GAP * (len(here) - 1)) // len(here)
            for number, room in enumerate(here):
                boxes[room] = (left + number * (wide + GAP), MARGIN + int((ROWS + 0.5 - rank) * ROW), wide)
            centres = [boxes[low][0] + boxes[low][2] // 2 for low in arrows[here[0]] if low[0] == wing]
            if len(here) == 1 and 0 < rank < len(WINGS[wing]) - 1:  # above what it imports
                wide = INNER // 2
                middle = sum(centres) // len(centres) if centres else left + INNER // 2
                boxes[here[0]] = (min(max(middle - wide // 2, left), left + INNER - wide), boxes[here[0]][1], wide)
    (top,), (networks,) = WINGS["landscape.cli"][0], WINGS["landscape.models"][0]
    boxes["landscape.cli", 0, top] = (MARGIN, MARGIN, 2 * COLUMN + INNER)
    boxes["landscape.models", 0, networks] = (MARGIN, MARGIN + int((ROWS + 1.5) * ROW), INNER)
    return boxes


def _label(room: Room) -> str:
    wing, _, name = room
    return LABELS.get(wing) or ("public names" if name == "__init__" else name.removeprefix("__init__ "))


def _smaller(label: str, wide: int) -> str:
    """The font size at which a long label fits into its box."""
    size = min(12, 1.75 * (wide - 8) / len(label))
    return f" font-size='{size:.1f}'" if size < 12 else ""


def _arrow(room: Room, target: Room, boxes: Mapping[Room, tuple[int, int, int]]) -> str:
    """A curve downwards, or to the side of a box in another column."""
    (x, y, wide), (left, top, across) = boxes[room], boxes[target]
    centre = left + across // 2
    if room[0] in COLUMNS and target[0] in COLUMNS and room[0] != target[0]:
        right = left > x
        start, end = (x + wide if right else x, y + BOX // 2), (left if right else left + across, top + BOX // 2)
        bend = (end[0] - start[0]) // 2
        controls = (start[0] + bend, start[1]), (end[0] - bend, end[1])
    else:
        start, end = (centre if room[0] == "landscape.cli" else x + wide // 2, y + BOX), (centre, top)
        bend = (end[1] - start[1]) // 2
        controls = (start[0], start[1] + bend), (end[0], end[1] - bend)
    points = [" ".join(map(str, point)) for point in (start, *controls, end)]
    return (
        f"<path d='M{points[0]}C{points[1]} {points[2]} {points[3]}' fill='none' stroke='{COLOURS[room[0]]}' "
        f"marker-end='url(#{room[0]})'/>"
    )


if __name__ == "__main__":
    PICTURE.write_text(drawing(imports(modules())), encoding="utf-8")
