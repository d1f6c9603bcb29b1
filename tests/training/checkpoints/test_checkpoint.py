"""Checkpoints: what they hold, and that bad ones are refused in one line and run no code."""

import pickle
import zipfile
from dataclasses import replace

import pytest
import torch

from landscape.training.checkpoints.checkpoint import Checkpoint, data_of, load_checkpoint, save_checkpoint
from landscape.training.data.dataset import load
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


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stage": "x"}, "stage is 'x', not one of trained, pretrained"),
        ({"stage": "pretrained"}, "sasrec has no pre-training"),
        ({"stage": "pretrained", "method": "s3rec"}, "its attributes are not those of the stage pretrained"),
        ({"epoch": -1}, "epoch is -1, not a whole number from 0"),
        ({"epoch": True}, "epoch is True, not a whole number from 0"),
        ({"seed": -1, "settings": {}}, "seed is -1, not a whole number from 0"),
        ({"seed": 4}, "its seed is 4 and in its settings 3"),
        ({"metrics": {"HR@10": "0.3"}}, "metrics.HR@10 is '0.3', not a number"),
        ({"versions": {"torch": [2]}}, "versions.torch is a list, not a text"),
        ({"settings": {"sam": ["x"]}}, "settings.sam is a list, not one of sam, asam, fisher, looksam"),
        ({"settings": {"sam": "\x1b[31m"}}, r"settings.sam is '\\x1b\[31m', not one of"),
        ({"settings": {"train_fraction": "x"}}, "settings.train_fraction is 'x', not a number"),
        ({"settings": {"x": b"x"}}, "settings.x is a bytes, not a number, a text"),
        ({"settings": {"width": 9}}, "its width is 8 and in its settings 9"),
        ({"model": {"heads": 0}}, "model.heads is 0, not a whole number from 1"),
        ({"model": {"heads": 3}}, "the width 8 is not a multiple of 3 heads"),
        ({"model": {"layers": 3000}}, "36 weights are too few for 3,000 layers"),
        ({"model": {"n_items": 12 * 10**7}}, "its network has 120000000 items and its data 20"),
        ({"model": {"n_items": 12 * 10**7}, "data": {"items": 12 * 10**7}}, "do not fit the network"),
        ({"model": {"n_attributes": 3}}, "its attributes are not those of the stage trained"),
        ({"data": {"source": 3}}, "data.source is 3, not a text"),
        ({"data": {"attributes": 5}}, "data.attributes is 5, not a text"),
        ({"data": {"sha256": "x"}}, "data.sha256 is 'x', not a SHA-256"),
        ({"data": {"items": 30}}, "its network has 20 items and its data 30"),
    ],
)  # fmt: skip
def test_a_field_of_another_kind_is_named_before_anything_is_built(change, message, tmp_path):
    saved = checkpoint()
    merged = {
        name: {**getattr(saved, name), **value} if name in ("model", "data") else value
        for name, value in change.items()
    }
    save_checkpoint(replace(saved, **merged), tmp_path / "c.pt")
    with pytest.raises(ValueError, match=message) as refused:
        load_checkpoint(tmp_path / "c.pt")
    assert str(refused.value).startswith(f"{tmp_path / 'c.pt'} is damaged: ")
    assert str(refused.value).isprintable()


def test_weights_of_another_kind_are_refused(tmp_path):
    weights = {name: tensor.half() for name, tensor in checkpoint().weights.items()}
    save_checkpoint(replace(checkpoint(), weights=weights), tmp_path / "c.pt")
    with pytest.raises(ValueError, match=r"is a tensor of float16 .*, not a dense tensor of float32"):
        load_checkpoint(tmp_path / "c.pt")


def test_the_title_shows_control_characters_escaped():
    named = replace(checkpoint(), data={**checkpoint().data, "name": "\x1b[31mred\n"})
    assert named.title == r"SASRec on \x1b[31mred\n, seed 3"


def test_data_with_other_items_than_the_network_are_refused(tmp_path):
    (tmp_path / "small.txt").write_text("1 1 2 3 4\n2 2 3 4 19\n")
    data = {**load(tmp_path / "small.txt").metadata(), "items": 20}
    with pytest.raises(ValueError, match="has 19 items and the checkpoint's network 20: the checkpoint is damaged"):
        data_of(replace(checkpoint(), data=data))


def test_an_empty_name_of_the_data_is_refused():
    with pytest.raises(ValueError, match="^the name of the data is empty"):
        data_of(checkpoint(), "")


def test_attributes_that_a_checkpoint_does_not_need_may_be_of_other_items(tmp_path):
    (tmp_path / "small.txt").write_text("1 1 2 3 4\n2 2 3 4 20\n")
    (tmp_path / "small_item2attributes.json").write_text('{"900": [1]}')
    trained = replace(checkpoint(), data=load(tmp_path / "small.txt").metadata())
    assert data_of(trained).n_items == 20


def test_data_that_cannot_be_read_are_said_to_be_the_checkpoints(tmp_path):
    (tmp_path / "small.txt").write_text("name:x:0\n")
    named = replace(checkpoint(), data={**checkpoint().data, "source": str(tmp_path / "small.txt")})
    with pytest.raises(ValueError, match="^the checkpoint's data: .*; say where small is with --data$"):
        data_of(named)
