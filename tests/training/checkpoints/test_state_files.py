"""Weights of any model from files; reading them runs no code."""

import pytest
import torch
from torch import nn

from landscape.training.checkpoints.state_files import load_weights, weight_files

WEIGHTS = nn.Linear(2, 1).state_dict()


def test_a_state_dict_is_read_as_it_was_saved(tmp_path):
    torch.save(WEIGHTS, tmp_path / "a.pt")
    torch.save({"state_dict": WEIGHTS, "epoch": 1}, tmp_path / "b.ckpt")
    for name in ("a.pt", "b.ckpt"):
        found = load_weights(tmp_path / name)
        assert found.keys() == WEIGHTS.keys()
        assert all(torch.equal(found[one], WEIGHTS[one]) for one in WEIGHTS)


def test_safetensors_are_read(tmp_path):
    safetensors = pytest.importorskip("safetensors.torch")
    safetensors.save_file(WEIGHTS, tmp_path / "a.safetensors")
    assert torch.equal(load_weights(tmp_path / "a.safetensors")["weight"], WEIGHTS["weight"])
    (tmp_path / "b.safetensors").write_bytes(b"nothing of the kind")
    with pytest.raises(ValueError, match=r"b\.safetensors is damaged or not a file of safetensors"):
        load_weights(tmp_path / "b.safetensors")


def test_without_the_library_the_line_says_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "a.safetensors").write_bytes(b"")
    monkeypatch.setitem(__import__("sys").modules, "safetensors", None)
    with pytest.raises(ValueError, match=r"a\.safetensors needs the package safetensors: pip install safetensors"):
        load_weights(tmp_path / "a.safetensors")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (nn.Linear(2, 1), r"a\.pt is not a file of weights: it holds more than tensors .*; save model.state_dict"),
        ([1], r"a\.pt is not a file of weights: it holds a list; save model.state_dict"),
        ({"epoch": 1}, r"a\.pt: it holds no tensors, but epoch"),
    ],
)
def test_a_file_of_something_else_is_refused_by_name(content, message, tmp_path):
    torch.save(content, tmp_path / "a.pt")
    with pytest.raises(ValueError, match=message):
        load_weights(tmp_path / "a.pt")


def test_a_file_that_is_missing_or_a_folder_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file of weights"):
        load_weights(tmp_path / "a.pt")
    (tmp_path / "b.pt").mkdir()
    with pytest.raises(ValueError, match=r"b\.pt is a folder"):
        load_weights(tmp_path / "b.pt")


def test_files_of_a_folder_come_in_the_order_of_their_numbers(tmp_path):
    names = ["epoch-2.pt", "epoch-10.pt", "epoch-10-b2.pt", "epoch-10-b11.safetensors"]
    for name in (*names, "history.csv"):
        (tmp_path / name).touch()
    assert [path.name for path in weight_files(tmp_path)] == [
        "epoch-2.pt",
        "epoch-10-b2.pt",
        "epoch-10-b11.safetensors",
        "epoch-10.pt",
    ]
    with pytest.raises(FileNotFoundError, match="is no folder with files of weights"):
        weight_files(tmp_path / "nothing")
