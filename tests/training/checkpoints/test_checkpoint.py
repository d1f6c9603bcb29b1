"""Checkpoints: what they hold, and that bad ones are refused in one line and run no code."""

import pickle
import zipfile
from dataclasses import replace

import pytest
import torch

from landscape.training.checkpoints.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from tests.support.small import small_model


def checkpoint():
    model = small_model(20, dtype=torch.float32)
    return Checkpoint(
        method="sasrec",
        model={"n_items": 20, "max_length": 8, "width": 8, "layers": 2, "heads": 2, "dropout": 0.5},
        weights=model.state_dict(),
        data={"name": "small", "source": "small.txt", "sha256": "0" * 64, "users": 3, "items": 20},
        settings={"seed": 3},
        seed=3,
        epoch=7,
        metrics={"NDCG@20": 0.25},
        versions={"torch": "2.13.0"},
    )


def test_a_checkpoint_comes_back_as_it_was(tmp_path):
    saved = checkpoint()
    save_checkpoint(saved, tmp_path / "c.pt")
    found = load_checkpoint(tmp_path / "c.pt")
    assert replace(found, weights={}) == replace(saved, weights={})
    rows, positions = torch.tensor([[3, 4, 5]]), torch.tensor([[5, 6, 7]])
    segments = torch.ones(1, 3, dtype=torch.long)
    torch.testing.assert_close(
        found.build()(rows, positions, segments), small_model(20, dtype=torch.float32)(rows, positions, segments)
    )
    assert found.title == "SASRec on small, seed 3"


class Trap:
    def __reduce__(self):
        return (open, ("trapped", "w"))


def damaged(path, how):
    save_checkpoint(checkpoint(), path)
    content = path.read_bytes()
    if how == "empty":
        path.write_bytes(b"")
    elif how == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif how == "text":
        path.write_text("1 2 3\n")
    elif how == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a.txt", "a")
    elif how == "code":
        torch.save({"weights": Trap()}, path)
    elif how == "old code":
        path.write_bytes(pickle.dumps(Trap()))
    elif how == "module":
        torch.save(small_model(), path)
    elif how == "state dict":
        torch.save(small_model().state_dict(), path)
    elif how == "list":
        torch.save([1, 2], path)
    elif how == "newer":
        torch.save({**torch.load(path, weights_only=True), "format": 99}, path)
    elif how == "method":
        torch.save({**torch.load(path, weights_only=True), "method": "gru4rec"}, path)
    else:
        path.unlink()
        path.mkdir()


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("empty", "is empty"),
        ("truncated", "damaged or not a checkpoint"),
        ("text", "damaged or not a checkpoint"),
        ("zip", "damaged or not a checkpoint"),
        ("code", "more than tensors and plain values, and is not opened"),
        ("old code", "damaged or not a checkpoint"),
        ("module", "more than tensors and plain values, and is not opened"),
        ("state dict", "it lacks data, epoch"),
        ("list", "it holds a list"),
        ("newer", "newer version"),
        ("method", "unknown method 'gru4rec'"),
        ("folder", "is a folder"),
    ],
)
def test_bad_files_are_refused_in_one_line(how, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    damaged(tmp_path / "c.pt", how)
    with pytest.raises(ValueError, match=message) as refused:
        load_checkpoint(tmp_path / "c.pt")
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "trapped").exists()


def test_a_missing_file_is_said_to_be_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file"):
        load_checkpoint(tmp_path / "c.pt")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 3e38])  # 3e38 is finite, but the norm is not
def test_weights_that_are_not_finite_are_refused(value):
    weights = {name: tensor.clone() for name, tensor in checkpoint().weights.items()}
    weights["items.weight"][3] = value
    with pytest.raises(ValueError, match="the weights of SASRec on small, seed 3 are not finite"):
        replace(checkpoint(), weights=weights).build()


def test_weights_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="the weights do not fit the network sasrec"):
        replace(checkpoint(), model={**checkpoint().model, "width": 16}).build()
