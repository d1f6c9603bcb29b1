"""Published weights become checkpoints, or a clear refusal; their numbers are tested with models and ranking."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from landscape.models.s3rec import S3Rec
from landscape.training.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from landscape.training.checkpoints.import_s3rec import BLOCK, import_s3rec
from landscape.training.data.dataset import load_attributes
from landscape.training.evaluation.ranking import model_ranks
from tests.support.small import random_dataset, with_attributes

DATASET = with_attributes(random_dataset([4, 5, 6, 7, 9]))


def published(heads=True, layers=2):
    """A model, and its weights under published names."""
    torch.manual_seed(0)
    model = S3Rec(60, 9, max_length=8, width=8, layers=layers, heads=2).eval()
    theirs = {}
    for name, tensor in model.state_dict().items():
        new = name.replace("items.", "item_embeddings.").replace("positions.", "position_embeddings.")
        new = new.replace("attributes.", "attribute_embeddings.")
        if name.startswith("norm."):
            new = f"LayerNorm.{name[5:]}"
        if name.startswith("blocks."):
            _, layer, rest = name.split(".", 2)
            part, kind = rest.rsplit(".", 1)
            new = f"item_encoder.layer.{layer}.{BLOCK[part]}.{kind}"
        if name.startswith("heads."):
            _, head, kind = name.split(".")
            new = f"{head}_norm.{kind}"
        if heads or not name.startswith(("heads.", "attributes.")):
            theirs[new] = tensor
    return model, theirs


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_the_weights_come_back_under_our_names_and_sizes(layers, tmp_path):
    model, theirs = published(layers=layers)
    torch.save(theirs, tmp_path / "w.pt")
    save_checkpoint(import_s3rec(tmp_path / "w.pt", DATASET), tmp_path / "c.pt")
    found = load_checkpoint(tmp_path / "c.pt")
    assert found.stage == "pretrained"
    assert found.model == {
        "n_items": 60, "n_attributes": 9, "max_length": 8, "width": 8, "layers": layers, "heads": 2, "dropout": 0.5,
    }  # fmt: skip
    built = found.build().state_dict()
    assert built.keys() == model.state_dict().keys()
    assert all(torch.equal(tensor, built[name]) for name, tensor in model.state_dict().items())


def test_an_encoder_alone_becomes_a_trained_checkpoint_with_the_same_ranks(tmp_path):
    model, theirs = published(heads=False)
    torch.save(theirs, tmp_path / "w.pt")
    found = import_s3rec(tmp_path / "w.pt", DATASET)
    assert found.stage == "trained"
    np.testing.assert_array_equal(model_ranks(found.build(), DATASET, "test"), model_ranks(model, DATASET, "test"))


def changed(change):
    theirs = published()[1]
    change(theirs)
    return theirs


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "is not a state dict of S3Rec: it lacks item_embeddings.weight"),
        (changed(lambda w: w.pop("LayerNorm.bias")), "it lacks LayerNorm.bias"),
        (changed(lambda w: w.pop("sp_norm.bias")), "it lacks sp_norm.bias"),
        (changed(lambda w: w.update(other=torch.zeros(1))), "it also holds other"),
        (changed(lambda w: w.update({"item_embeddings.weight": torch.zeros(9, 8)})), "on 7 items and small has 60"),
        (changed(lambda w: w.update({"attribute_embeddings.weight": torch.zeros(4, 8)})), "trained on 3 attributes"),
        (changed(lambda w: w.update({"mip_norm.weight": torch.zeros(3, 3)})), "do not fit the network"),
        (changed(lambda w: w.update({"mip_norm.weight": "text"})), "mip_norm.weight is 'text', not a dense tensor"),
        (changed(lambda w: w.update({"mip_norm.weight": w["mip_norm.weight"].long()})), "is a tensor of int64"),
        (changed(lambda w: w.update({"mip_norm.weight": w["mip_norm.weight"].cfloat()})), "is a tensor of complex64"),
        (changed(lambda w: w.update({"mip_norm.weight": w["mip_norm.weight"] * torch.nan})), "are not finite"),
        (changed(lambda w: w.update({"item_embeddings.weight": torch.tensor(1.0)})), r"has the shape \(\), not that"),
        (changed(lambda w: w.update({"position_embeddings.weight": torch.zeros(8)})), r"has the shape \(8,\)"),
        (changed(lambda w: w.update({3: torch.zeros(1)})), "a name in it is 3, not a text"),
        (changed(lambda w: w.update({"\x1b[31m": torch.zeros(1)})), r"it also holds \\x1b\[31m"),
        (changed(lambda w: w.update({"item_encoder.layer.1000000000.x": torch.zeros(1)})), "also holds item_encoder"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(content, message, tmp_path):
    torch.save(content, tmp_path / "w.pt")
    with pytest.raises(ValueError, match=message):
        import_s3rec(tmp_path / "w.pt", DATASET)


def test_data_without_attributes_are_refused(tmp_path):
    torch.save(published()[1], tmp_path / "w.pt")
    with pytest.raises(ValueError, match="small has none"):
        import_s3rec(tmp_path / "w.pt", random_dataset([4, 5, 6]))


@pytest.mark.parametrize("heads", [True, False])
def test_attributes_of_none_of_the_items_are_refused(tmp_path, heads):
    """Also where the weights have no heads: the checkpoint would name attributes of other data as its own."""
    torch.save(published(heads=heads)[1], tmp_path / "w.pt")
    (tmp_path / "others.json").write_text('{"900": [9]}')
    foreign = replace(DATASET, attributes=load_attributes(tmp_path / "others.json", DATASET.n_items))
    with pytest.raises(ValueError, match="for none of the 60 items of small: the 1 items in it have other numbers"):
        import_s3rec(tmp_path / "w.pt", foreign)
