"""Several processes take the steps of one: shares of batches, gradients, whole runs; with Gloo on the CPU."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from landscape.models.dropout import BatchShare, Dropout, masks_of_whole_batch
from landscape.processes import Processes
from landscape.training.config.training import TrainingConfig
from landscape.training.evaluation import ranking
from landscape.training.evaluation.evaluate import evaluate
from landscape.training.loop.shares import SharedStage, share_of
from landscape.training.loop.stages import stages
from landscape.training.loop.trainer import train
from tests.support.processes import together
from tests.support.small import random_dataset, with_attributes

# Batches of 11 of 56 users: the last one has one user, whose row only one process can have.
SIZES = {"epochs": 2, "patience": 2, "batch_size": 11, "max_length": 8, "width": 8, "layers": 2, "heads": 2}
WAYS = {
    "bce": TrainingConfig(method="sasrec", **SIZES),
    "ce": TrainingConfig(method="samrec", loss="ce", rho=0.1, **SIZES),
    "gbce": TrainingConfig(method="sasrec", loss="gbce", negatives=3, sam="asam", rho=0.5, valid_users=20, **SIZES),
    "looksam": TrainingConfig(method="sasrec", sam="looksam", sam_every=3, rho=0.1, **SIZES),
    "fisher": TrainingConfig(method="sasrec", sam="fisher", fisher_eta=9.0, same_dropout=True, rho=0.1, **SIZES),
    "cl4srec": TrainingConfig(method="cl4srec", temperature=0.5, **SIZES),
    "cl4srec+sam": TrainingConfig(method="cl4srec", similarity="cosine", sam="sam", rho=0.1, padded=True, **SIZES),
    "s3rec": TrainingConfig(method="s3rec", sam="sam", rho=0.1, pretrain_epochs=1, pretrain_batch_size=49, **SIZES),
    # Few of the items are in a batch: Adam by rows, after its first 100 steps.
    "rows": TrainingConfig(method="samrec", rho=0.1, **SIZES | {"epochs": 5, "patience": 5, "batch_size": 2}),
}
LOSSES = ("bce", "ce", "gbce", "cl4srec", "cl4srec+sam", "s3rec")
EXACT = 1e-12  # relative, of sums and gradients in float64
CLOSE = 1e-5  # relative, of losses and weights in float32 after all steps


def dataset() -> Any:
    return with_attributes(random_dataset([3, 4, 5, 6, 7, 8, 9, 12] * 8, n_items=200))


def gradients(config: TrainingConfig, processes: Processes) -> list[Tensor]:
    """Sums, numbers of terms and gradient of each batch of each stage, at one point, in float64 and with dropout."""
    found = []
    for plain in stages(dataset(), config):
        torch.manual_seed(5)
        model = plain.network().double().train()
        stage = SharedStage(plain, processes) if processes.count > 1 else plain
        for batch in stage.batches(0):
            model.zero_grad()
            parts = stage.loss(model, batch)
            sums = torch.stack([torch.stack([total.detach(), count.double()]) for total, count in parts.values()])
            sums = processes.summed(sums)
            counts = dict(zip(parts, sums[:, 1], strict=True))
            stage.minimised({name: (total, counts[name]) for name, (total, _) in parts.items()}).backward()
            processes.sum_gradients(model.parameters())
            found += [sums, torch.cat([parameter.grad.flatten() for parameter in model.parameters()])]
        found.append(torch.get_rng_state().double())  # in every process, as in one
    return found


def sparse_sum(processes: Processes) -> tuple[Tensor, Tensor]:
    """The sum of gradients of a table of which each process has had other rows, some of them twice, and as it is."""
    table = torch.nn.Embedding(7, 2, sparse=True).double()
    with torch.no_grad():
        table.weight.copy_(torch.arange(14.0).view(7, 2))
    table(torch.tensor([1, 3, 3]) + processes.rank).square().sum().backward()
    dense = processes.summed(table.weight.grad.to_dense())
    processes.sum_gradients(table.parameters())
    assert table.weight.grad.is_sparse
    return table.weight.grad.to_dense(), dense


def runs(folder: Path, group: dist.ProcessGroup | None = None) -> dict[str, Any]:
    """What each way of training gives: losses, metrics, weights; and an evaluation."""
    with pytest.MonkeyPatch.context() as patch:  # several batches and blocks of few users
        patch.setattr(ranking, "TOKENS_A_BATCH", 40)
        patch.setattr(ranking, "USERS_A_BLOCK", 16)
        return _runs(folder, group)


def _runs(folder: Path, group: dist.ProcessGroup | None) -> dict[str, Any]:
    found = {}
    for name, config in WAYS.items():
        best = train(dataset(), config, folder / name, process_group=group)
        state = {}
        if (folder / name).exists():
            state = torch.load(folder / name / "last.pt", weights_only=True)
        found[name] = {
            "weights": best.weights,
            "metrics": best.metrics,
            "history": state.get("history"),
            "random": state.get("random"),
            "ranks": torch.from_numpy(evaluate(best, dataset(), "test", process_group=group).ranks),
        }
    return found


def resumed(folder: Path, group: dist.ProcessGroup) -> dict[str, Tensor]:
    """The weights of a run that one process begins and all of them end."""
    name = "cl4srec+sam"
    if dist.get_rank(group) == 0:
        train(dataset(), replace(WAYS[name], epochs=1), folder / "resumed")
    train(dataset(), WAYS[name], folder / "resumed", resume=True, process_group=group)
    path = folder / "resumed" / "last.pt"
    return torch.load(path, weights_only=True)["weights"] if path.exists() else {}


def refusals(folder: Path, group: dist.ProcessGroup) -> dict[str, str]:
    """What each process says where they do not agree, or the folder is another run's."""
    rank, said = dist.get_rank(group), {}
    config = WAYS["bce"]
    for name, arguments in {
        "data": (replace(dataset(), sha256=str(rank) * 64), config),
        "settings": (dataset(), replace(config, lr=0.001 * (rank + 1))),
        "folder": (dataset(), config),
    }.items():
        try:
            train(*arguments, folder / "bce", process_group=group)
        except (ValueError, RuntimeError) as problem:
            said[name] = f"{type(problem).__name__}: {problem}"
    return said


def member(rank: int, count: int, folder: Path) -> dict[str, Any]:
    """One of the processes. Only the first one's folder may be written to."""
    group, own = dist.group.WORLD, folder / str(rank)
    own.mkdir()
    assert group is not None
    found: dict[str, Any] = {"gradients": [gradients(WAYS[name], Processes(group)) for name in LOSSES]}
    if count == 2:
        found |= {"runs": runs(own, group), "said": refusals(own, group), "sparse": sparse_sum(Processes(group))}
        found["resumed"] = resumed(own, group)
        found["files"] = [path.name for path in own.iterdir()]
    return found


@cache
def found_by(count: int) -> list[dict[str, Any]]:
    """What each of the processes found."""
    return together(member, count)


def error(found: Tensor, expected: Tensor) -> float:
    """The norm of the difference relative to that of the expected tensor."""
    found, expected = found.double(), expected.double()
    return float((found - expected).norm() / expected.norm().clamp_min(1e-30))


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 4])
def test_the_processes_gradients_add_up_to_those_of_one_with_its_dropout(count):
    """With four processes, most have no row of the last batch, which has one user."""
    many = [found["gradients"] for found in found_by(count)]
    for name, *each in zip(LOSSES, *many, strict=True):
        expected = gradients(WAYS[name], Processes())
        assert len(each[0]) == len(expected)
        assert max(map(error, each[0], expected)) < EXACT, name
        assert all(torch.equal(a, b) for other in each[1:] for a, b in zip(other, each[0], strict=True))


@pytest.mark.slow
def test_two_processes_train_and_evaluate_as_one(tmp_path):
    first, second = (found["runs"] for found in found_by(2))
    for name, expected in runs(tmp_path).items():
        found, other = first[name], second[name]
        assert all(torch.equal(found["weights"][each], other["weights"][each]) for each in found["weights"])
        # The gradient of the keys' biases is 0, and Adam makes steps of what rounding leaves of it.
        for weights, tensor in expected["weights"].items():
            assert weights.endswith("key.bias") or error(found["weights"][weights], tensor) < CLOSE, (name, weights)
        for row, own in zip(found["history"], expected["history"], strict=True):
            assert row["train_loss"] == pytest.approx(own["train_loss"], rel=CLOSE)
        assert found["metrics"] == other["metrics"] == expected["metrics"]
        assert torch.equal(found["random"], expected["random"])
        assert torch.equal(found["ranks"], other["ranks"]) and torch.equal(found["ranks"], expected["ranks"])


@pytest.mark.slow
def test_two_processes_end_what_one_began(tmp_path):
    train(dataset(), WAYS["cl4srec+sam"], tmp_path / "whole")
    expected = torch.load(tmp_path / "whole" / "last.pt", weights_only=True)["weights"]
    found = found_by(2)[0]["resumed"]
    for name, tensor in expected.items():
        assert name.endswith("key.bias") or error(found[name], tensor) < CLOSE


@pytest.mark.slow
def test_processes_that_differ_are_refused_and_only_the_first_one_writes():
    first, second = found_by(2)
    for said in (first["said"], second["said"]):
        assert said["data"].startswith(f"ValueError: data_sha256 is {'1' * 64!r} in process 1 of 2 and {'0' * 64!r}")
        assert said["settings"].startswith("ValueError: lr is 0.002 in process 1 of 2 and 0.001 in the first; ")
    assert "holds a run already" in first["said"]["folder"]
    assert second["said"]["folder"].startswith("OtherProcessError: process 0 of 2: ")
    assert sorted(first["files"]) == sorted([*WAYS, "resumed"]) and second["files"] == []
    assert all(torch.equal(*found["sparse"]) for found in (first, second))


@settings(max_examples=20)
@given(count=st.integers(1, 5), n_users=st.integers(1, 12), seed=st.integers(0, 99))
@pytest.mark.parametrize("method", ["sasrec", "s3rec"])
def test_shares_are_the_batch(method, count, n_users, seed):
    """Their sequences, rows and selected positions are those of the batch, and so are the sums of the losses."""
    lengths = [4 + (seed + user) % 9 for user in range(n_users)]
    data = with_attributes(random_dataset(lengths, n_items=40, seed=seed))
    sizes = {"epochs": 1, "max_length": 6, "width": 4, "layers": 1, "heads": 1, "dropout": 0.0, "seed": seed}
    given = {"pretrain_epochs": 1, "pretrain_batch_size": 7} if method == "s3rec" else {"batch_size": 5}
    stage = stages(data, TrainingConfig(method=method, **sizes, **given))[0]
    torch.manual_seed(seed)
    model = stage.network().double()
    for batch in stage.batches(0):
        shares = [share_of(batch, rank, count) for rank in range(count)]
        assert torch.cat([share.batch.users for share in shares]).sort()[0].equal(batch.users.sort()[0])
        for numbers, size in (("rows", "n_rows"), ("selected", "n_selected")):
            found = torch.cat([getattr(share.place, numbers) for share in shares]).sort()[0]
            assert found.equal(torch.arange(getattr(shares[0].place, size)))
        parts = [stage.loss(model, share.batch) for share in shares]
        for name, (total, number) in stage.loss(model, batch).items():
            torch.testing.assert_close(sum(own[name][0] for own in parts), total)
            assert sum(int(own[name][1]) for own in parts) == int(number)


@pytest.mark.parametrize("count", [2, 40])  # of 40 processes, some have no row
def test_pretraining_drops_in_shares_as_in_the_whole(count):
    data = with_attributes(random_dataset([4 + user % 9 for user in range(9)], n_items=40))
    sizes = {"max_length": 6, "width": 4, "layers": 1, "heads": 2, "pretrain_epochs": 1, "pretrain_batch_size": 11}
    stage = stages(data, TrainingConfig(method="s3rec", **sizes))[0]
    torch.manual_seed(0)
    model = stage.network().double().train()
    batch = next(iter(stage.batches(0)))
    parts = []
    for rank in range(count):
        share = share_of(batch, rank, count)
        torch.manual_seed(1)
        with masks_of_whole_batch(model, share.place):
            parts.append(stage.loss(model, share.batch))
    torch.manual_seed(1)
    for name, (total, _) in stage.loss(model, batch).items():
        torch.testing.assert_close(sum(own[name][0] for own in parts), total)


@given(seed=st.integers(0, 9), p=st.floats(0.05, 0.95), rows=st.permutations(range(6)))
def test_a_share_is_dropped_as_in_the_whole(seed, p, rows):
    layer, mine, none = Dropout(p), torch.tensor(rows[:4]), torch.empty(0, dtype=torch.int64)
    for whole in (torch.ones(6, 3, 5), torch.ones(6, 2, 3, 3), torch.ones(6, 7)):
        torch.manual_seed(seed)
        expected, state = layer(whole)[mine], torch.get_rng_state()
        torch.manual_seed(seed)
        place = BatchShare(mine, 6, none, 0) if whole.ndim > 2 else BatchShare(none, 0, mine, 6)
        with masks_of_whole_batch(layer, place):
            assert torch.equal(layer(whole[mine]), expected)
        assert torch.equal(torch.get_rng_state(), state) and layer.share is None
