"""What the two passes of SAM share."""

import pytest
import torch
from torch import nn

from landscape.training.optim import SAM, frozen_buffers


def model_with(norm):
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), norm, nn.Flatten(), nn.Linear(4 * 16, 1))


NORMS = {
    "batch": lambda: nn.BatchNorm2d(4),
    "cumulative": lambda: nn.BatchNorm2d(4, momentum=None),
    "instance": lambda: nn.InstanceNorm2d(4, track_running_stats=True),
    "spectral": lambda: nn.utils.parametrizations.spectral_norm(nn.Conv2d(4, 4, 1)),
}


@pytest.mark.parametrize("norm", NORMS)
def test_after_a_step_of_sam_the_buffers_are_those_of_one_ordinary_pass(norm):
    images = torch.randn(8, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    ordinary, frozen, moved = (model_with(NORMS[norm]()) for _ in range(3))
    ordinary(images)
    for model in (frozen, moved):
        optimiser = SAM(torch.optim.SGD(model.parameters(), lr=0.1), rho=0.5)
        (model(images) ** 2).mean().backward()
        if model is frozen:
            with optimiser.ascent(), frozen_buffers(model):
                (model(images) ** 2).mean().backward()
        else:
            with optimiser.ascent():
                (model(images) ** 2).mean().backward()
        optimiser.step()
    expected = dict(ordinary.named_buffers())
    assert expected
    assert all(torch.equal(buffer, expected[name]) for name, buffer in frozen.named_buffers())
    assert not all(torch.equal(buffer, expected[name]) for name, buffer in moved.named_buffers())


def test_frozen_buffers_change_no_output_and_no_gradient():
    images = torch.randn(8, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    ends = []
    for freeze in (True, False):
        model = model_with(nn.BatchNorm2d(4))
        if freeze:
            with frozen_buffers(model):
                loss = (model(images) ** 2).mean()
                loss.backward()
        else:
            loss = (model(images) ** 2).mean()
            loss.backward()
        ends.append(torch.cat([loss.detach().flatten(), *(p.grad.flatten() for p in model.parameters())]))
    assert torch.equal(*ends)


def test_buffers_are_back_after_an_exception():
    norm = nn.BatchNorm1d(2)
    with pytest.raises(ValueError, match="more than 1 value per channel"), frozen_buffers(norm):
        norm(norm(torch.tensor([[1.0, 2.0], [3.0, 5.0]]))[:1])
    assert norm.running_mean.tolist() == [0.0, 0.0]
