"""Models that FSDP has sharded over two processes: refused in one line, and why they have to be."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch.func import functional_call

from landscape import Objective, ParamSpace, supervised
from tests.support.processes import together

LOSS = supervised(torch.nn.functional.cross_entropy)
BATCH = (torch.ones(5, 4), torch.tensor([0, 1, 2, 1, 0]))


def network() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.Tanh(), torch.nn.Linear(6, 3))


def shards(rank: int, count: int, folder: Path) -> None:
    """One of two processes."""
    from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict
    from torch.distributed.fsdp import FullyShardedDataParallel, fully_shard

    x, plain, model = BATCH[0], network(), network()
    for module in (model[0], model[2], model):
        fully_shard(module, mesh=dist.device_mesh.init_device_mesh("cpu", (2,)))
    with pytest.raises(ValueError, match=r"sharded over processes \(DTensor\)"):
        ParamSpace(dict(model.named_parameters()))
    tripled = {name: 3 * parameter.full_tensor().detach() for name, parameter in model.named_parameters()}
    for _ in range(2):
        with pytest.raises(ValueError, match=r"sharded over processes \(FSDPModule\): .* that is not sharded"):
            Objective(model, LOSS, [BATCH])
        model(x)  # which leaves whole parameters behind
    # Why: it puts its own weights in the place of those that it is called with.
    moved = functional_call(plain, tripled, (x,))
    assert not torch.allclose(moved, plain(x))
    torch.testing.assert_close(functional_call(model, tripled, (x,)), plain(x))
    # What the error says to do.
    whole = network()
    with torch.no_grad():
        for parameter in whole.parameters():
            parameter.zero_()
    whole.load_state_dict(get_model_state_dict(model, options=StateDictOptions(full_state_dict=True)))
    assert Objective(whole, LOSS, [BATCH]).value() == Objective(plain, LOSS, [BATCH]).value()
    older = FullyShardedDataParallel(network(), device_id=torch.device("cpu"))
    with pytest.raises(ValueError, match=r"sharded over processes \(FullyShardedDataParallel\)"):
        Objective(older, LOSS, [BATCH])


@pytest.mark.slow
def test_a_sharded_model_is_refused_and_its_whole_weights_are_taken():
    together(shards, 2)


def test_other_models_are_not_taken_for_sharded_ones():
    assert ParamSpace(network()).size == 4 * 6 + 6 + 6 * 3 + 3
