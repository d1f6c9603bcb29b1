"""Where only the last outputs of sequences are needed, these are those of the whole rows, with the same dropout."""

import pytest
import torch

from landscape.models.encoder import Ends, attention_bias
from landscape.models.sasrec import SASRec
from landscape.training.batches.packing import lay_out

N, LENGTHS = 8, [3, 1, 8, 5, 2, 2, 6, 1, 1, 4]


def model_and_rows(dropout):
    torch.manual_seed(0)
    model = SASRec(60, max_length=N, width=8, layers=2, heads=2, dropout=dropout).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.3)
    layout = lay_out(torch.tensor(LENGTHS).numpy(), N)
    items = layout.lay(torch.randint(1, 60, (sum(LENGTHS),)).numpy())
    ends = torch.from_numpy(layout.ends)
    return model, items, layout.positions, layout.segments, ends


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("dropout", [0.0, 0.4])
@pytest.mark.parametrize("whole_rows", [0, 2])
def test_outputs_and_gradients_are_those_of_whole_rows(causal, dropout, whole_rows):
    model, items, positions, segments, last = model_and_rows(dropout)
    of_whole = last // N < whole_rows
    rest = Ends.of(segments, last)
    later = rest.places // N >= whole_rows
    numbers = (~of_whole).cumsum(0) - 1  # of a sequence among those of the later rows
    ends = Ends(whole_rows, rest.places[later], numbers[rest.owners[later]], last[~of_whole])
    select = torch.arange(whole_rows * N)
    direction = torch.randn(len(select) + len(ends.ends), 8, dtype=torch.float64)

    def outputs_and_gradients(**where):
        torch.manual_seed(1)
        outputs = model.encode(model.items(items), positions, segments, causal=causal, **where)
        total = (outputs * direction).tanh().sum()
        parameters, options = list(model.parameters()), {"allow_unused": True, "materialize_grads": True}
        gradients = torch.autograd.grad(total, parameters, create_graph=True, **options)
        again = torch.autograd.grad(sum(g.square().sum() for g in gradients), parameters, **options)
        return outputs, gradients, again, torch.get_rng_state()

    for training in (True, False):
        model.train(training)
        if not training and dropout:
            continue
        with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
            expected = outputs_and_gradients(select=torch.cat([select, ends.ends]))
            got = outputs_and_gradients(select=select, ends=ends)
        torch.testing.assert_close(got[:3], expected[:3], rtol=1e-9, atol=1e-10)
        assert torch.equal(got[3], expected[3])


@pytest.mark.parametrize("causal", [True, False])
def test_the_bias_leaves_exactly_the_positions_that_may_be_seen(causal):
    segments = torch.tensor([[1, 1, 2, 2, 2, 0, 0], [3, 4, 4, 4, 4, 4, 4]])
    weights = torch.softmax(attention_bias(segments, causal=causal, dtype=torch.float32), -1)[:, 0]
    for row, numbers in zip(weights, segments.tolist(), strict=True):
        for i, number in enumerate(numbers):
            seen = [number == other and (j <= i or not causal) for j, other in enumerate(numbers)]
            expected = torch.tensor([may / sum(seen) for may in seen])
            torch.testing.assert_close(row[i], expected, rtol=1e-6, atol=0)
