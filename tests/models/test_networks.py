"""The network against numbers that the reference code made, and against torch's own layers."""

import numpy as np
import pytest
import torch

from landscape.models.dropout import Dropout
from landscape.models.encoder import attention_bias
from landscape.models.sasrec import SASRec
from landscape.training.batches.packing import batch, input_windows
from landscape.training.checkpoints.import_s3rec import import_s3rec
from landscape.training.data.dataset import load
from tests.support.small import small_model


@pytest.fixture(scope="module")
def published(fixtures_folder, data_folder):
    """The encoder that S3Rec's authors published, after pre-training on Beauty."""
    return import_s3rec(fixtures_folder / "s3rec_Beauty_pretrained.pt", load(data_folder / "Beauty.txt")).build()


@pytest.mark.slow
def test_outputs_and_scores_equal_the_reference(published, fixtures_folder, data_folder):
    dataset = load(data_folder / "Beauty.txt")
    with np.load(fixtures_folder / "s3rec_Beauty.npz") as reference:
        users, hidden, scores = (
            reference[name] for name in ("users", "finetune_last_hidden", "finetune_scores_first100")
        )
    rows = batch(dataset, input_windows(dataset, 50, held_out=1), users, 50)
    with torch.no_grad():
        ours = published(rows.items, rows.positions, rows.segments, select=rows.ends)
    np.testing.assert_allclose(ours.numpy(), hidden, atol=1e-5)
    np.testing.assert_allclose((ours @ published.items.weight[:100].T).detach().numpy(), scores, atol=1e-5)


@pytest.mark.slow
def test_a_block_equals_torchs_post_norm_encoder_layer():
    model = small_model()
    ours = model.blocks[0]
    theirs = torch.nn.TransformerEncoderLayer(
        8, 2, 32, activation="gelu", layer_norm_eps=1e-12, batch_first=True, dtype=torch.float64
    )
    attention = ours.attention
    with torch.no_grad():
        for kind in ("weight", "bias"):
            own = [getattr(part, kind) for part in (attention.query, attention.key, attention.value)]
            getattr(theirs.self_attn, f"in_proj_{kind}").copy_(torch.cat(own))
            for target, source in {
                theirs.self_attn.out_proj: ours.output,
                theirs.linear1: ours.expand,
                theirs.linear2: ours.contract,
                theirs.norm1: ours.attention_norm,
                theirs.norm2: ours.feed_norm,
            }.items():
                getattr(target, kind).copy_(getattr(source, kind))
    x = torch.randn(3, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    segments = torch.ones(3, 8, dtype=torch.long)
    expected = theirs.eval()(x, src_mask=torch.ones(8, 8).triu(1).bool())
    torch.testing.assert_close(
        ours(x, attention_bias(segments, causal=True, dtype=x.dtype)), expected, rtol=1e-10, atol=1e-12
    )


def test_the_training_path_equals_the_fused_one_without_dropout():
    model = small_model()
    rows = torch.randint(1, 60, (2, 8), generator=torch.Generator().manual_seed(0))
    positions, segments = torch.arange(8).expand(2, 8), torch.tensor([[1, 1, 1, 2, 2, 3, 0, 0]] * 2)
    fused = model(rows, positions, segments)
    model.train()
    for module in model.modules():
        if isinstance(module, Dropout):
            module.p = 0.0
    torch.testing.assert_close(model(rows, positions, segments), fused, rtol=1e-10, atol=1e-12)


def test_initial_weights_are_as_stated():
    torch.manual_seed(0)
    model = SASRec(500)
    assert sum(p.numel() for p in SASRec(12_101).parameters()) == 877_888
    assert model.items.weight.shape == (502, 64)
    assert model.items.weight[1:].std().item() == pytest.approx(0.02, rel=0.02)
    assert not model.items.weight[0].any()
    assert not any(module.bias.any() for module in model.modules() if isinstance(module, torch.nn.Linear))


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_dropout_keeps_the_expectation_and_the_share(p):
    torch.manual_seed(0)
    dropped = Dropout(p)(torch.ones(1_000_003))
    kept = dropped > 0
    error = (p * (1 - p) / 1e6) ** 0.5
    assert float(kept.double().mean()) == pytest.approx(1 - p, abs=5 * error)
    assert float(dropped[kept].max()) == float(dropped[kept].min()) == pytest.approx(1 / (1 - p), rel=1e-4)
    halves = kept[: 10**6].view(-1, 4).double()  # the four elements of one random word are independent
    assert float(torch.corrcoef(halves.T).fill_diagonal_(0).abs().max()) < 5 / 250_000**0.5


def test_dropout_masks_the_gradient_alike_and_rests_in_evaluation():
    x = torch.ones(1000, requires_grad=True)
    layer = Dropout(0.5)
    y = layer(x)
    y.sum().backward()
    assert torch.equal(x.grad, y.detach())
    assert layer.eval()(x) is x


@pytest.mark.parametrize("p", [-0.1, 1.0, float("nan")])
def test_dropout_out_of_range_is_refused(p):
    with pytest.raises(ValueError, match="dropout must be"):
        Dropout(p)


def test_heads_must_divide_the_width():
    with pytest.raises(ValueError, match="width 10 is not a multiple of heads 4"):
        SASRec(10, width=10, heads=4)
