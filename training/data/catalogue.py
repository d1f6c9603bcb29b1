"""The data sets that have names, and their places on disk.

The four public sets are the preprocessed files published with S3Rec (Zhou et al., CIKM 2020): Amazon
reviews of Beauty, Sports and Toys, and Yelp's reviews of 2019, each reduced to its 5-core.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import platformdirs

SYNTHETIC = "synthetic"  # the built-in set; generated, never on disk
ATTRIBUTES = "_item2attributes.json"  # follows the set's name in the name of its attribute file


@dataclass(frozen=True)
class Published:
    """A public data set: its size, and the SHA-256 of its two files."""

    name: str
    users: int
    items: int
    interactions: int
    sha256: str  # of NAME.txt
    attributes_sha256: str  # of NAME_item2attributes.json

    @property
    def files(self) -> dict[str, str]:
        """File name to SHA-256."""
        return {f"{self.name}.txt": self.sha256, f"{self.name}{ATTRIBUTES}": self.attributes_sha256}


KNOWN: dict[str, Published] = {
    known.name: known
    for known in (
        Published(
            "Beauty",
            22_363,
            12_101,
            198_502,
            "226cce9c3105299ca0db9615d7d3fb32b3175e90da43100ae352599f0f0107b8",
            "129e40f67486f6877eff0f5318cfa8530ee8ac23d8b0d1de04e1bb7a2ba0b2d4",
        ),
        Published(
            "Sports_and_Outdoors",
            35_598,
            18_357,
            296_337,
            "2a095e0648872beb9982408958290f5d655db5be2911c3756b5446de9f0b8de2",
            "7fb10733ac4f1811384a52144cdefa7fcc7536fa80a7232c5da9bd789155c34b",
        ),
        Published(
            "Toys_and_Games",
            19_412,
            11_924,
            167_597,
            "176c680c688d497598c4a89a03b402c0fe78d795e5db335c2e78dd5f2d778a3f",
            "d371acd25101eedac04afc727626464b7acec770c4eda708705d51eb76eb1ad0",
        ),
        Published(
            "Yelp",
            30_431,
            20_033,
            316_354,
            "724b219106b81dd2349027da997334ddb6da9fe2f152ad6e0d97a93170f7caed",
            "f25acd5e1e680e0b22fd4e3f4fb6be4b2a7461e9222610616e3e1ee6702dd58d",
        ),
    )
}


def data_folder(data_dir: str | Path | None = None) -> Path:
    """The folder that data names resolve in: ``data_dir``, else ``$LANDSCAPE_DATA``, else the user's cache folder."""
    if data_dir is not None:
        return Path(data_dir)
    return Path(os.environ.get("LANDSCAPE_DATA") or platformdirs.user_cache_path("landscape", appauthor=False) / "data")


def attributes_beside(path: Path) -> Path:
    """Where the attributes of the data file ``path`` lie: ``Beauty.txt`` -> ``Beauty_item2attributes.json``."""
    return path.with_name(path.stem + ATTRIBUTES)


def match(name: str, names: Iterable[str]) -> str | None:
    """Return the one of ``names`` that ``name`` means; case and a trailing ``_and_…`` do not matter.

    Raises:
        ValueError: Several fit equally well.
    """
    names = sorted(set(names))
    wanted = name.lower()
    same = [known for known in names if known == name] or [known for known in names if known.lower() == wanted]
    # One of the two may lack the tail; two different tails are two different sets.
    close = same or [known for known in names if _short(known.lower()) == wanted or known.lower() == _short(wanted)]
    if len(close) > 1:
        raise ValueError(f"{name!r} fits several data sets: {', '.join(close)}; give one of these names in full")
    return close[0] if close else None


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the one of ``names`` that ``name`` is most likely a misspelling of, if any is close."""
    spellings = {form(known): known for known in names for form in (str.lower, lambda known: _short(known.lower()))}
    close = difflib.get_close_matches(name.lower(), spellings, n=1, cutoff=0.5)
    return spellings[close[0]] if close else None


def find(name_or_path: str | Path, data_dir: str | Path | None = None) -> Path:
    """Return the data file that a name or a path stands for.

    Raises:
        FileNotFoundError: There is none; the message says where it would be looked for, and what to do.
        ValueError: The name fits several files equally well.
    """
    if not str(name_or_path):
        raise ValueError("the name of the data is empty; `landscape data list` shows the names")
    path = Path(name_or_path).expanduser()
    if path.is_file():
        return path
    if path.is_dir():
        raise FileNotFoundError(f"{path} is a folder; name a data file in it")
    if len(path.parts) > 1:
        raise FileNotFoundError(f"there is no data file {path}")
    name = str(name_or_path).removesuffix(".txt")
    folder = data_folder(data_dir)
    files = _files(folder)
    if file := match(name, files):
        return files[file]
    if known := match(name, KNOWN):
        raise FileNotFoundError(
            f"{known}.txt is not in {folder}; `landscape data fetch {known}` puts it there "
            f"(if it lies elsewhere: --data-dir, LANDSCAPE_DATA, or its path)"
        )
    raise FileNotFoundError(f"{unknown(name, files)} (looked for {name}.txt in {folder})")


def unknown(name: str, others: Iterable[str] = ()) -> str:
    """Return the error text for ``name``, which is not in ``KNOWN``, ``synthetic`` or ``others``."""
    guess = nearest(name, {SYNTHETIC, *KNOWN, *others})
    return f"no data set {name!r}: " + (f"did you mean {guess}?" if guess else "`landscape data list` names them")


def listing(data_dir: str | Path | None = None) -> list[dict[str, str | int | None]]:
    """Return all data sets with names: the built-in one, the public ones, and further files in the data folder.

    Returns:
        For each its ``name``, its ``users``, ``items`` and ``interactions`` (None where that takes reading it), and
        ``where`` it is: a path, ``built in``, or how to get it.
    """
    files = _files(data_folder(data_dir))
    rows = []
    for name in (SYNTHETIC, *KNOWN, *sorted(files.keys() - KNOWN.keys())):
        sizes = {size: getattr(KNOWN.get(name), size, None) for size in ("users", "items", "interactions")}
        where = "built in" if name == SYNTHETIC else str(files.get(name, f"landscape data fetch {name}"))
        rows.append({"name": name, **sizes, "where": where})
    return rows


def _files(folder: Path) -> dict[str, Path]:
    return {path.stem: path for path in folder.glob("*.txt")} if folder.is_dir() else {}


def _short(name: str) -> str:
    return name.split("_and_")[0]
