"""``history.csv``: numbers come back as numbers, and what is not a history is refused with its line."""

import math
import os

import pytest

from landscape.training.loop.history import read_history, write_history

ROWS = [
    {"epoch": 1, "stage": "pretrain", "train_loss": 2.5, "aap": 1.25},
    {"epoch": 1, "stage": "train", "train_loss": 0.75, "loss_rise": math.inf, "valid_ndcg@20": 0.125},
    {"epoch": 2, "stage": "train", "train_loss": 0.5, "loss_rise": 1e-7, "valid_ndcg@20": 0.25},
]
TEXT = "epoch,stage,train_loss\n1,train,0.5\n2,train,0.25\n"


def test_rows_come_back_with_empty_cells_for_what_a_stage_lacks(tmp_path):
    write_history(tmp_path / "history.csv", ROWS)
    empty = {"aap": "", "loss_rise": "", "valid_ndcg@20": ""}
    assert read_history(tmp_path / "history.csv") == [{**empty, **row} for row in ROWS]


def test_what_is_not_there_is_empty_and_line_ends_do_not_matter(tmp_path):
    path = tmp_path / "history.csv"
    assert read_history(path) == []
    path.write_bytes(b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode() + b"\r\n")
    assert [row["train_loss"] for row in read_history(path)] == [0.5, 0.25]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TEXT.replace("2,train,", "2,"), "line 3: 2 fields, and the first line has 3"),
        (TEXT.replace("0.25", "0.25,7"), "line 3: 4 fields, and the first line has 3"),
        (TEXT.replace("0.25", "1_000"), "line 3: train_loss is '1_000', not a number"),
        (TEXT.replace("0.25", "\x1b[31m"), r"line 3: train_loss is '\\x1b\[31m', not a number"),
        (TEXT.replace("2,train", "1,train"), "line 3: after epoch 1 comes epoch 1.0"),
        (TEXT.replace("2,train", "3,train"), "line 3: after epoch 1 comes epoch 3.0"),
        (TEXT.replace("1,train", "-1,train"), "line 2: epoch is -1.0, not a whole number from 1"),
        (TEXT.replace("1,train", "nan,train"), "line 2: epoch is nan, not a whole number from 1"),
        (TEXT.replace("1,train", "1,test"), "line 2: stage is 'test', not one of pretrain, train"),
        (TEXT.replace("stage", "epoch"), "line 1: two columns have one name"),
        (TEXT.replace("epoch", "time"), "line 2: it lacks epoch"),
        (TEXT.replace("2,train", '2,"train'), "line 3: unexpected end of data"),
        ("x" * 200_000, "line 1: field larger than field limit"),
    ],
)
def test_what_is_not_a_history_is_refused_with_its_line(text, message, tmp_path):
    (tmp_path / "history.csv").write_text(text)
    with pytest.raises(ValueError, match=message) as refused:
        read_history(tmp_path / "history.csv")
    assert str(refused.value).startswith(str(tmp_path / "history.csv"))
    assert str(refused.value).endswith("; remove it, or `landscape train --resume` writes it again")
    assert str(refused.value).isprintable()


def test_other_text_than_utf_8_and_a_pipe_are_refused(tmp_path):
    (tmp_path / "latin.csv").write_bytes(TEXT.encode() + b"\xe9")
    with pytest.raises(ValueError, match="is not UTF-8 text"):
        read_history(tmp_path / "latin.csv")
    os.mkfifo(tmp_path / "fifo.csv")
    with pytest.raises(ValueError, match="is a pipe or a device"):
        read_history(tmp_path / "fifo.csv")
