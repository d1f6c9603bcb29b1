"""Data sets in the published format: ``NAME.txt``, and the items' attributes."""

from __future__ import annotations

from pathlib import Path
from random import Random

from landscape.training.data.dataset import MIN_LENGTH, load, load_attributes
from tests.fuzz import references
from tests.fuzz.harness import Fuzzer, WrongError
from tests.fuzz.mutations import FIELDS, change_bytes, change_json, change_table, twice

N_ITEMS = 9  # of the data set that attribute files belong to
DIGITS = (
    b"0",
    b"1",
    b"9",
    b" ",
    b"\t",
    b"\n",
    b"\r",
    b"\r\n",
    b"\x0b",
    b"\x1c",
    b"-",
    b"+",
    b"_",
    b".",
    b"\xef\xbb\xbf",
    b"\x00",
)


def _sequences() -> list[bytes]:
    return [
        b"1 1 2 3\n2 3 2 1 4\n3 1 4 2\n",
        b"1 2 3 4\r\n2 1 3\r\n",
        b"\xef\xbb\xbf5\t1\t2\t3\n\n7 3 2 1",
        b"1 2 3 4\n2\n",
    ]


def _change_sequences(random: Random, seeds: list[bytes]) -> tuple[bytes, str]:
    content = random.choice(seeds)
    if random.random() < 0.5:
        content = change_table(random, content.decode(errors="replace")).encode(errors="surrogatepass")
    return (change_bytes(random, content, seeds, DIGITS) if random.random() < 0.7 else content), "case.txt"


def _read_sequences(path: Path) -> None:
    dataset = load(path)
    try:
        expected = references.sequences(path.read_bytes())
    except references.RefusedError as problem:
        raise WrongError(f"accepted what the reference refuses: {problem}") from None
    read = [dataset.items[a:b].tolist() for a, b in zip(dataset.offsets[:-1], dataset.offsets[1:], strict=True)]
    if read != [items for items in expected.values() if len(items) >= MIN_LENGTH]:
        raise WrongError("sequences differ from the reference")
    if dataset.n_items != max(max(items, default=0) for items in expected.values()):
        raise WrongError("the number of items differs from the reference")


def _attributes() -> list[bytes]:
    return [b'{"1": [1, 2], "2": [], "9": [3, 3, 1]}', b'{"1": [1], "12": [4]}', b"{}"]


def _change_attributes(random: Random, seeds: list[bytes]) -> tuple[bytes, str]:
    content = random.choice(seeds)
    try:
        content = twice(random, content) if random.random() < 0.1 else change_json(random, content.decode())
    except ValueError:  # not JSON: from the corpus
        content = change_bytes(random, content, seeds, [field.encode(errors="surrogatepass") for field in FIELDS])
    return content, "case_item2attributes.json"


def _read_attributes(path: Path) -> None:
    read = load_attributes(path, N_ITEMS)
    try:
        expected = references.attributes(path.read_bytes())
    except references.RefusedError as problem:
        raise WrongError(f"accepted what the reference refuses: {problem}") from None
    lists = [read.values[a:b].tolist() for a, b in zip(read.offsets[:-1], read.offsets[1:], strict=True)]
    if expected is not None and lists != [sorted(expected.get(item, ())) for item in range(N_ITEMS + 1)]:
        raise WrongError("attributes differ from the reference")


SEQUENCES = Fuzzer("sequences", (".txt",), _sequences, _change_sequences, _read_sequences)
ATTRIBUTES = Fuzzer("attributes", (".json",), _attributes, _change_attributes, _read_attributes)
