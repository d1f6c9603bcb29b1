"""The shapes of a network's weights are known without it, and other weights are refused before anything is made."""

import pytest
import torch

from landscape.models.s3rec import S3Rec
from landscape.models.sasrec import SASRec
from landscape.training.checkpoints.weights import WEIGHTS, check_fit, check_shapes, shapes_of

SIZES = {"n_items": 20, "max_length": 6, "width": 8, "layers": 2, "heads": 2}


@pytest.mark.parametrize(
    ("network", "sizes"),
    [
        (SASRec, SIZES),
        (SASRec, {**SIZES, "n_items": 1, "max_length": 3, "width": 6, "layers": 1, "heads": 3}),
        (S3Rec, {**SIZES, "n_attributes": 5}),
        (S3Rec, {**SIZES, "n_attributes": 1, "layers": 3, "width": 4}),
    ],
)
def test_the_shapes_are_those_of_the_network(network, sizes):
    weights = network(**sizes).state_dict()
    assert shapes_of(sizes) == {name: tuple(tensor.shape) for name, tensor in weights.items()}
    check_fit(weights, sizes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_items": 12 * 10**7}, r"items.weight has the shape \(22, 8\) instead of \(120000002, 8\)"),
        ({"layers": 10**12}, "36 weights are too few for 1,000,000,000,000 layers"),
        ({"layers": 1}, "it also has blocks.1"),
        ({"layers": 3}, "it lacks blocks.2"),
        ({"heads": 0}, "the width 8 is not a multiple of 0 heads"),
        ({"heads": -2}, "the width 8 is not a multiple of -2 heads"),
        ({"heads": 3}, "the width 8 is not a multiple of 3 heads"),
        ({"n_attributes": 3}, "it lacks attributes.weight"),
        ({"width": 16}, "has the shape"),
    ],
)
def test_sizes_that_the_weights_do_not_have_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        check_fit(SASRec(**SIZES).state_dict(), {**SIZES, **change})


@pytest.mark.parametrize(
    "tensor",
    [
        *(torch.ones(2, 2).to(dtype) for dtype in (torch.float64, torch.float16, torch.bfloat16, torch.int64)),
        *(torch.ones(2, 2).to(dtype) for dtype in (torch.uint8, torch.bool, torch.complex64)),
        torch.ones(2, 2).to_sparse(),
        torch.ones(1).expand(10**9, 8),  # four bytes that claim 32 GB
        torch.empty(2, 2, device="meta"),
        1.0,
        [[1.0]],
        None,
    ],
    ids=lambda tensor: str(getattr(tensor, "dtype", tensor)),
)
def test_weights_of_another_kind_are_refused(tensor):
    with pytest.raises(ValueError, match=r"^x is .*, not a dense tensor of float32 with all its elements$"):
        WEIGHTS(tensor, "x")


@pytest.mark.parametrize("tensor", [torch.ones(2, 3), torch.ones(3, 2).t(), torch.nn.Parameter(torch.ones(2, 3))])
def test_weights_of_float32_pass(tensor):
    WEIGHTS(tensor, "x")


def test_weights_that_share_memory_are_refused():
    one = torch.zeros(2, 2)
    check_shapes({"a": one, "b": one.clone()}, {"a": (2, 2), "b": (2, 2)})
    with pytest.raises(ValueError, match="several of them are the same memory"):
        check_shapes({"a": one, "b": one.t()}, {"a": (2, 2), "b": (2, 2)})
