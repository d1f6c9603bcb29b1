"""From raw interactions to a data set in the published format.

The recipe of the public files: each user's items in the order of time, users and items with fewer than k
interactions left out until none is left to leave out (the k-core), and ids by first appearance.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from landscape.results.display.printable import printable
from landscape.results.storage.outputs import made_folder, refuse_existing, refuse_inputs
from landscape.results.storage.transactions import finish_interrupted, write_together
from landscape.training.data.catalogue import ATTRIBUTES, SYNTHETIC
from landscape.training.data.dataset import MIN_LENGTH
from landscape.training.data.raw.readers import Raw, read

Ints = NDArray[np.int64]

CORE = 5
IDS = "_ids.json"  # follows the set's name in the name of its map to the original ids


@dataclass(frozen=True)
class Summary:
    """What was read, what is left of it, and where it went."""

    path: Path  # the data file; its attributes and the map to the original ids lie beside it
    core: int  # interactions that each user and item has at least
    interactions_read: int
    users_read: int
    items_read: int
    skipped: int  # interactions not even read: Yelp reviews of other years
    interactions: int
    users: int
    items: int
    repeats: int  # interactions with an item that the user has had before
    short: int  # users with fewer than 3 items, which `load` leaves out; none with a core of 3 or more
    attributes: int | None  # None: there was no source of attributes
    items_described: int | None  # items with at least one attribute
    notes: tuple[str, ...] = ()  # what was concluded from the sources' content
    removed: Path | None = None  # attributes of the set that was replaced

    def __str__(self) -> str:
        def of(kept: int, read: int, what: str) -> str:
            return f"  {kept:>12,} of {read:,} {what}"

        rows = [
            f"{printable(self.path)}: " + (f"the {self.core}-core" if self.core > 1 else "all interactions"),
            of(self.users, self.users_read, "users"),
            of(self.items, self.items_read, "items"),
            of(self.interactions, self.interactions_read, "interactions")
            + f", {self.interactions / self.users:.2f} a user, {self.repeats:,} repeated",
        ]
        if self.attributes is not None:
            rows.append(f"  {self.attributes:>12,} attributes, {self.items_described:,} items have some")
        if self.skipped:
            rows.append(f"  {self.skipped:>12,} interactions of other years skipped")
        if self.short:
            rows.append(f"  {self.short:>12,} users have fewer than {MIN_LENGTH} items and will be left out")
        if self.removed:
            rows.append(f"  {printable(self.removed.name)} of the replaced set is removed: its numbers were others")
        rows += [f"  {note}" for note in self.notes]
        return "\n".join(rows)


def prepare_files(
    sources: Sequence[str | Path],
    folder: str | Path,
    name: str | None = None,
    *,
    core: int = CORE,
    overwrite: bool = False,
    **reading: Any,
) -> Summary:
    """Read files and write the data set, see ``read`` and ``prepare``; what can be refused at once is.

    Args:
        sources: The files.
        folder: Where the data set goes; made if missing.
        name: What it is called; by default as the first file, without its endings.
        core: The k of the k-core.
        overwrite: Whether a set of this name may be replaced.
        reading: Options of ``read``.

    Raises:
        ValueError: As ``read`` and ``prepare``, or an output is one of the sources.
        FileExistsError: There is a set of this name, and ``overwrite`` is not set.
    """
    name = Path(sources[0]).name.split(".")[0] if name is None and sources else name or ""
    _check(folder, name, core, overwrite, sources)
    return prepare(read(sources, **reading), folder, name, core=core, overwrite=overwrite)


def prepare(raw: Raw, folder: str | Path, name: str, *, core: int = CORE, overwrite: bool = False) -> Summary:
    """Write ``NAME.txt``, ``NAME_item2attributes.json`` (where there are attributes) and ``NAME_ids.json``.

    The last maps ids back: ``{"users": [null, …], "items": [null, …], "attributes": [null, …]}``, with the source's
    name of id i at position i. Users are numbered in the order of the source, items in that of the file written,
    attributes in that of their source.

    Args:
        raw: Interactions, and attributes if there are any.
        folder: Where the files go; made if missing.
        name: What the set is called from now on.
        core: The k of the k-core; 1 keeps everything.
        overwrite: Whether a set of this name may be replaced.

    Raises:
        ValueError: Nothing is left, ``core`` is below 1, the name cannot be used, or an output is one of the sources.
        FileExistsError: There is a file of a set of this name, and ``overwrite`` is not set.
        OSError: The files cannot be written; those of a set that is there are as they were.
    """
    path, attributes_path, _ = _check(folder, name, core, overwrite, raw.sources)
    user_codes, user_names = _codes(raw.interactions["user"])
    item_codes, item_names = _codes(raw.interactions["item"])
    keep = k_core(user_codes, item_codes, core)
    # lexsort is stable: ties in time keep the order of the source.
    order = np.lexsort((raw.interactions["time"].to_numpy()[keep], user_codes[keep]))
    users, kept_users = _by_first_appearance(user_codes[keep][order])
    items, kept_items = _by_first_appearance(item_codes[keep][order])
    lengths = np.bincount(users)
    if not (lengths >= MIN_LENGTH).any():
        raise ValueError(
            f"no user with at least {MIN_LENGTH} items is left of {len(keep):,} interactions and "
            f"{len(user_names):,} users" + (f" in the {core}-core; try a smaller core" if core > 1 else "")
        )
    items_left = item_names[kept_items]
    lists, attribute_names = _attribute_lists(raw.attributes, items_left)
    ids = {"users": user_names[kept_users], "items": items_left, "attributes": attribute_names}
    removed = attributes_path if raw.attributes is None and os.path.lexists(attributes_path) else None
    _write(path, items + 1, lengths, lists if raw.attributes is not None else None, ids, overwrite)
    return Summary(
        path=path,
        core=core,
        interactions_read=len(keep),
        users_read=len(user_names),
        items_read=len(item_names),
        skipped=raw.skipped,
        interactions=len(items),
        users=len(lengths),
        items=len(items_left),
        repeats=_repeats(users * len(items_left) + items),
        short=int((lengths < MIN_LENGTH).sum()),
        attributes=len(attribute_names) if raw.attributes is not None else None,
        items_described=len(lists) if raw.attributes is not None else None,
        notes=raw.notes,
        removed=removed,
    )


def _files(folder: str | Path, name: str) -> tuple[Path, Path, Path]:
    """Return the paths of a set's sequences, attributes and original ids."""
    folder = Path(folder)
    return folder / f"{name}.txt", folder / f"{name}{ATTRIBUTES}", folder / f"{name}{IDS}"


def _check(
    folder: str | Path, name: str, core: int, overwrite: bool, sources: Sequence[str | Path]
) -> tuple[Path, Path, Path]:
    """Refuse what cannot become a data set, or would replace what it must not; return the files of the set."""
    if core < 1:
        raise ValueError(f"the core must be at least 1 (1 keeps everything), got {core}")
    plain = name.isprintable() and Path(name).name == name and not name.startswith(".")
    if not name.strip() or not plain or name.lower() == SYNTHETIC:
        raise ValueError(f"a data set cannot be called {name!r}; choose a plain file name other than {SYNTHETIC}")
    files = _files(folder, name)
    refuse_inputs(files, sources)
    finish_interrupted(files[0])
    if not overwrite:
        refuse_existing(files, "choose another name or folder, or replace the set (--overwrite)")
    return files


def k_core(users: Ints, items: Ints, k: int) -> NDArray[np.bool_]:
    """Which interactions are in the largest set where every user and every item has at least k.

    Users and items below k are left out together, over and over until nothing changes; the result does not depend
    on the order. Repeated interactions count as often as they occur.

    Args:
        users: (N,) codes from 0.
        items: (N,) codes from 0.
        k: The least number of interactions.

    Returns:
        (N,) whether to keep each.
    """
    keep = np.ones(len(users), dtype=bool)
    while True:
        enough_users = np.bincount(users[keep], minlength=users.max(initial=0) + 1) >= k
        enough_items = np.bincount(items[keep], minlength=items.max(initial=0) + 1) >= k
        kept = keep & enough_users[users] & enough_items[items]
        if (kept == keep).all():
            return keep
        keep = kept


def _codes(names: pl.Series) -> tuple[Ints, pl.Series]:
    """Codes from 0 by first appearance (N,), and the names by code."""
    distinct = names.unique(maintain_order=True)
    codes = names.replace_strict(distinct, np.arange(len(distinct)), return_dtype=pl.Int64)
    return codes.to_numpy(), distinct


def _by_first_appearance(codes: Ints) -> tuple[Ints, Ints]:
    """New codes from 0 by first appearance (N,), and the old code of each."""
    old, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
    order = np.argsort(first)
    new = np.empty_like(order)
    new[order] = np.arange(len(order))
    return new[inverse], old[order]


def _repeats(keys: Ints) -> int:
    """How many of the keys equal another one before them; by sorting, which stays fast where hashing does not."""
    keys = np.sort(keys)
    return int((keys[1:] == keys[:-1]).sum())


def _attribute_lists(attributes: pl.DataFrame | None, items: pl.Series) -> tuple[dict[int, list[int]], pl.Series]:
    """The attribute ids of each item id that has any, and the attributes' names in the order of their ids."""
    if attributes is None:
        return {}, pl.Series(dtype=pl.String)
    ids = pl.DataFrame({"item": items, "id": np.arange(1, len(items) + 1)})
    here = attributes.unique(maintain_order=True).join(ids, on="item", how="inner", maintain_order="left")
    codes, names = _codes(here["attribute"])
    lists: dict[int, list[int]] = {}
    for item, attribute in zip(here["id"].to_list(), (codes + 1).tolist(), strict=True):
        lists.setdefault(item, []).append(attribute)
    return lists, names


def _write(
    path: Path,
    items: Ints,
    lengths: Ints,
    lists: dict[int, list[int]] | None,
    ids: dict[str, pl.Series],
    overwrite: bool,
) -> None:
    """Write the files together. Without new attributes those of a replaced set go: they are of other items."""
    names = {kind: [None, *series.to_list()] for kind, series in ids.items()}

    def write_sequences(file: IO[bytes]) -> None:
        file.writelines(line.encode() for line in _lines(items, lengths))

    _, attributes_path, ids_path = _files(path.parent, path.stem)
    with made_folder(path.parent):
        write_together(
            {
                ids_path: lambda file: file.write(json.dumps(names, ensure_ascii=False).encode()),
                attributes_path: None if lists is None else lambda file: file.write(json.dumps(lists).encode()),
                path: write_sequences,
            },
            replace=overwrite,
        )


def _lines(items: Ints, lengths: Ints) -> Iterator[str]:
    ends = np.cumsum(lengths).tolist()
    for user, (end, length) in enumerate(zip(ends, lengths.tolist(), strict=True), start=1):
        yield f"{user} {' '.join(map(str, items[end - length : end].tolist()))}\n"
