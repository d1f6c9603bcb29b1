"""A data set in memory: the users' sequences, and what is known of the items."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.results.display.printable import printable
from landscape.results.storage.regular import check_regular
from landscape.training.data import synthetic
from landscape.training.data.catalogue import SYNTHETIC, attributes_beside, find
from landscape.training.data.s3rec_format import parse_attributes, parse_sequences

MIN_LENGTH = 3  # a test target, a validation target, and an item to predict them from


@dataclass(frozen=True, eq=False)
class Attributes:
    """What is known of the items, by item id; an item may have no attribute."""

    values: NDArray[np.int32]  # (M,) attribute ids from 1; within an item ascending, each once
    offsets: NDArray[np.int64]  # (n_items + 2,) those of item i are values[offsets[i]:offsets[i + 1]]; item 0 has none
    n_attributes: int  # the largest id in the file
    source: str
    sha256: str  # of the file's bytes; of the values if synthetic
    ignored: int = 0  # items of the file that the data does not have

    def __repr__(self) -> str:
        described = int((np.diff(self.offsets) > 0).sum())
        return f"Attributes({self.n_attributes:,} attributes, {len(self.values):,} entries for {described:,} items)"


@dataclass(frozen=True, eq=False)
class Dataset:
    """Users' item sequences, one after another. Every user has at least 3 items."""

    name: str
    items: NDArray[np.int32]  # (T,) ids 1..n_items, users one after another, each in time order
    offsets: NDArray[np.int64]  # (U + 1,) user u is items[offsets[u]:offsets[u + 1]]
    n_items: int  # the largest id in the file; an item that only left-out users have had keeps its id
    source: str  # the file's path, or "synthetic"
    sha256: str  # of the file's bytes; of items and offsets if synthetic
    attributes: Attributes | None = None
    left_out: int = 0  # users with fewer than 3 items
    user_ids: NDArray[np.int64] | None = None  # (U,) the numbers that begin the file's lines; None if synthetic
    best_hit_rate: float | None = None  # synthetic only: the highest HR@10 on the test items that can be expected

    @property
    def n_users(self) -> int:
        """How many users there are."""
        return len(self.offsets) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(U,) how many items each user has."""
        return np.diff(self.offsets)

    @property
    def owners(self) -> NDArray[np.int64]:
        """(T,) the user of each interaction."""
        return np.repeat(np.arange(self.n_users), self.lengths)

    def user_name(self, user: int) -> str:
        """Return what a user is called in messages: as in the file, or by its place where there is none."""
        return f"user {user if self.user_ids is None else self.user_ids[user]}"

    def prefix_mask(self, held_out: int) -> NDArray[np.bool_]:
        """Return (T,) whether each interaction lies in its user's s[:-held_out], the whole sequence for 0."""
        return np.arange(len(self.items)) < np.repeat(self.offsets[1:] - held_out, self.lengths)

    def user_item_keys(self, users: NDArray[np.int64], items: NDArray[np.integer]) -> NDArray[np.int64]:
        """Return (N,) one number for each pair of a user and an item; keys sort by user, then by item.

        ``divmod(key, n_items + 1)`` is the pair.
        """
        return users * (self.n_items + 1) + items

    def distinct_keys(self, interactions: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return the ``user_item_keys`` of the interactions of a mask (T,), ascending, each once."""
        keys = self.user_item_keys(self.owners[interactions], self.items[interactions])
        # They are sorted by user already. np.unique, which hashes first, took 21 s for 8 million of them, and this 0.1.
        keys.sort(kind="stable")
        return keys[np.diff(keys, prepend=-1) > 0]

    def of_users(self, users: NDArray[np.int64]) -> Dataset:
        """Return the data set of the sequences of these users (U',); items keep their ids."""
        interactions = np.concatenate([np.arange(self.offsets[user], self.offsets[user + 1]) for user in users])
        user_ids = None if self.user_ids is None else self.user_ids[users]
        return replace(self, items=self.items[interactions], offsets=_offsets(self.lengths[users]), user_ids=user_ids)

    def metadata(self) -> dict[str, Any]:
        """Return what a checkpoint stores of the data it was trained on."""
        return {
            "name": self.name,
            "source": self.source,
            "sha256": self.sha256,
            "users": self.n_users,
            "items": self.n_items,
            "attributes": self.attributes.source if self.attributes else None,
            "attributes_sha256": self.attributes.sha256 if self.attributes else None,
        }

    def __repr__(self) -> str:
        attributes = f", {self.attributes.n_attributes:,} attributes" if self.attributes else ""
        left_out = f", {self.left_out:,} users with fewer than {MIN_LENGTH} items left out" if self.left_out else ""
        lengths = self.lengths
        return (
            f"Dataset({self.name}: {self.n_users:,} users, {self.n_items:,} items, {len(self.items):,} interactions, "
            f"length mean {lengths.mean():.2f} median {np.median(lengths):g} max {lengths.max()}{attributes}{left_out})"
        )


def load(
    name_or_path: str | Path, *, data_dir: str | Path | None = None, attributes: str | Path | None = None
) -> Dataset:
    """Read a data set in the published format, or make the built-in one.

    Args:
        name_or_path: ``synthetic``, a file, or a name: case and a trailing ``_and_…`` do not matter.
        data_dir: Where names are looked for; default ``$LANDSCAPE_DATA`` or the user's cache folder.
        attributes: The attribute file; default ``NAME_item2attributes.json`` beside the data, if it is there.

    Raises:
        FileNotFoundError: There is no such file or name.
        ValueError: A file is malformed (the message gives its line), no user has 3 items, or ``attributes`` has none of
            the items.
    """
    if str(name_or_path).lower() == SYNTHETIC:
        if attributes is not None:
            raise ValueError(f"the {SYNTHETIC} data set has attributes of its own; leave out {attributes}")
        return _synthetic()
    path = find(name_or_path, data_dir)
    content = path.read_bytes()
    items, lengths, users = parse_sequences(content, str(path))
    keep = lengths >= MIN_LENGTH
    if not keep.any():
        raise ValueError(f"{path} has no user with at least {MIN_LENGTH} items, and shorter sequences cannot be split")
    n_items = int(items.max())
    beside = attributes_beside(path)
    dataset = Dataset(
        name=path.stem,
        items=items[np.repeat(keep, lengths)].astype(np.int32),
        offsets=_offsets(lengths[keep]),
        n_items=n_items,
        source=str(path),
        sha256=hashlib.sha256(content).hexdigest(),
        attributes=load_attributes(beside, n_items) if attributes is None and beside.is_file() else None,
        left_out=int((~keep).sum()),
        user_ids=users[keep],
    )
    if attributes is None:
        return dataset
    dataset = replace(dataset, attributes=load_attributes(attributes, n_items))
    check_attributes(dataset)
    return dataset


def check_attributes(dataset: Dataset) -> None:
    """Check that some item has an attribute, where there are attributes.

    Raises:
        ValueError: None has: the file is of other items, or empty.
    """
    attributes = dataset.attributes
    if attributes is None or len(attributes.values):
        return
    other = f": the {attributes.ignored:,} items in it have other numbers" if attributes.ignored else ""
    raise ValueError(
        f"{printable(attributes.source)} has attributes for none of the {dataset.n_items:,} items of {dataset.name}"
        f"{other}; give the file that belongs to the data with --attributes"
    )


def load_attributes(path: str | Path, n_items: int) -> Attributes:
    """Read an attribute file; repetitions within an item, and items outside 1..n_items, are dropped.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is not one JSON object of lists of whole numbers from 1.
    """
    check_regular(Path(path))
    content = Path(path).read_bytes()
    described, of_item, values = parse_attributes(content, str(path))
    here = of_item <= n_items
    pairs = np.unique(np.stack([of_item[here], values[here]], axis=1), axis=0)  # ascending by item, then attribute
    return Attributes(
        values=pairs[:, 1].astype(np.int32),
        offsets=_offsets(np.bincount(pairs[:, 0], minlength=n_items + 1)),
        n_attributes=int(values.max(initial=0)),
        source=str(path),
        sha256=hashlib.sha256(content).hexdigest(),
        ignored=int((described > n_items).sum()),
    )


def training_users(dataset: Dataset, fraction: float, seed: int) -> NDArray[np.int64]:
    """A random share of the users to train on, (U',) sorted; with one seed, smaller shares lie within larger ones.

    Raises:
        ValueError: ``fraction`` is not in (0, 1].
    """
    if not 0 < fraction <= 1:
        raise ValueError(f"the fraction of users to train on must be above 0 and at most 1, got {fraction}")
    count = max(1, round(fraction * dataset.n_users))
    return np.sort(np.random.default_rng(seed).permutation(dataset.n_users)[:count])


def _synthetic() -> Dataset:
    drawn = synthetic.generate()
    n_items, per_item = drawn.attributes.shape
    return Dataset(
        name=SYNTHETIC,
        items=drawn.items,
        offsets=drawn.offsets,
        n_items=n_items,
        source=SYNTHETIC,
        sha256=_sha256(drawn.items.astype("<i4"), drawn.offsets.astype("<i8")),
        attributes=Attributes(
            values=drawn.attributes.ravel(),
            offsets=_offsets(np.array([0] + [per_item] * n_items)),
            n_attributes=int(drawn.attributes.max()),
            source=SYNTHETIC,
            sha256=_sha256(drawn.attributes.astype("<i4")),
        ),
        best_hit_rate=synthetic.best_hit_rate(drawn),
    )


def _offsets(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def _sha256(*arrays: NDArray[np.integer]) -> str:
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()
