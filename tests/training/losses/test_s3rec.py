"""S3Rec's pre-training: its instances, its losses, and the reference's numbers."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from landscape import Objective
from landscape.models.s3rec import HEADS, S3Rec
from landscape.training.batches.masked import Instances, MaskedBatch
from landscape.training.batches.packing import lay_out
from landscape.training.checkpoints.import_s3rec import import_s3rec
from landscape.training.config.training import TrainingConfig
from landscape.training.data.dataset import load, load_attributes
from landscape.training.loop.stages import stages
from landscape.training.losses.s3rec import pretraining, pretraining_losses, pretraining_outputs, pretraining_terms
from tests.support.small import assert_derivatives, random_dataset, with_attributes

N = 8
LENGTHS = [3, 4, 5, 6, N + 2, N + 3, N + 4, 3 * N, 4, 7]


def instances(share=0.2):
    dataset = with_attributes(random_dataset(LENGTHS))
    return Instances(dataset, N, np.arange(len(LENGTHS)), share=share)


def small_s3rec(n_attributes=9):
    torch.manual_seed(0)
    model = S3Rec(60, n_attributes, max_length=N, width=8, layers=2, heads=2).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.3)
    return model


def test_the_instances_are_the_prefixes_of_the_training_sequences():
    found = instances()
    items, prefixes = found.dataset.items, found.prefixes
    got = sorted(
        (user, tuple(items[start : start + length]))
        for user, start, length in zip(found.users, prefixes.starts, prefixes.lengths, strict=True)
    )
    expected, pool = [], []
    for user, length in enumerate(LENGTHS):
        first = found.dataset.offsets[user]
        pool += items[first : first + length][:-2].tolist()
        kept = items[first : first + length][:-2][-N:]
        expected += [(user, tuple(kept[:end])) for end in range(1, len(kept) + 1)]
    assert got == sorted(expected)
    assert found.pool.tolist() == pool
    assert found.users[found.of(np.array([3]))].tolist() == [3] * 4


@pytest.mark.slow
def test_beauty_has_as_many_instances_as_published(data_folder):
    dataset = load(data_folder / "Beauty.txt")
    found = Instances(dataset, 50, np.arange(dataset.n_users))
    assert len(found) == 150_258
    assert found.prefixes.lengths.sum() == 1_074_507


@pytest.mark.slow
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.2, 0.7, 1.0]), st.booleans())
def test_the_four_encodings_show_what_they_should(seed, share, padded):
    found = instances(share)
    chosen = np.random.default_rng(seed).permutation(len(found))[:12]
    batch = found.batch(chosen, np.random.default_rng(seed), padded=padded)
    mask, pool = 61, found.pool.tolist()
    flat = batch.items.flatten(1)
    lengths = found.prefixes.lengths[chosen]
    places = batch.places.split(lengths.tolist())
    masked = torch.zeros(len(batch.places), dtype=torch.bool)
    masked[batch.masked] = True
    true = torch.zeros(len(batch.places), dtype=torch.int64)
    for i, (instance, own, is_masked) in enumerate(zip(chosen, places, masked.split(lengths.tolist()), strict=True)):
        length, start = lengths[i], found.prefixes.starts[instance]
        sequence = torch.from_numpy(found.dataset.items[start : start + length].astype(np.int64))
        true[sum(lengths[:i]) : sum(lengths[: i + 1])] = sequence
        hidden, context, positive, negative = (row[own] for row in flat)
        assert is_masked[-1]
        assert torch.equal(hidden, torch.where(is_masked, mask, sequence))
        assert batch.ends[i] == own[-1]
        assert batch.segments.flatten()[own].unique().tolist() == [i + 1]
        assert batch.positions.flatten()[own].tolist() == list(range(N - length, N))
        if length == 1:
            assert context.item() == positive.item() == negative.item() == sequence.item()
            continue
        inside = context == mask
        at = torch.nonzero(inside).flatten()
        assert 1 <= len(at) <= length // 2
        assert at[-1] - at[0] + 1 == len(at)
        assert torch.equal(context, torch.where(inside, mask, sequence))
        assert torch.equal(positive, torch.where(inside, sequence, mask))
        assert torch.equal(negative == mask, ~inside)
        piece = negative[inside].tolist()
        assert any(pool[j : j + len(piece)] == piece for j in range(len(pool)))
    assert torch.equal(batch.targets, true[batch.masked])
    owners = torch.from_numpy(np.repeat(found.users[chosen], lengths))[batch.masked]
    for user, negative in zip(owners.tolist(), batch.negatives.tolist(), strict=True):
        first = found.dataset.offsets[user]
        assert negative not in found.dataset.items[first : first + LENGTHS[user] - 2]
    attributes = found.attributes
    pairs = {(place, a) for place, a in zip(batch.described.tolist(), batch.attributes.tolist(), strict=True)}
    assert pairs == {
        (place, int(a))
        for place, item in enumerate(true.tolist())
        for a in attributes.values[attributes.offsets[item] : attributes.offsets[item + 1]]
    }


def test_the_share_masked_and_the_segments_sizes_are_uniform():
    dataset = with_attributes(random_dataset([N + 2] * 300))
    found = Instances(dataset, N, np.arange(300), share=0.2)
    longest = np.flatnonzero(found.prefixes.lengths == N)
    generator = np.random.default_rng(0)
    masked, sizes = [], []
    for _ in range(20):
        batch = found.batch(longest, generator)
        masked.append((len(batch.masked) - len(longest)) / (len(longest) * (N - 1)))
        sizes += (batch.items[1].flatten()[batch.places] == 61).view(-1, N).sum(1).tolist()
    assert np.mean(masked) == pytest.approx(0.2, abs=4 * (0.16 / (20 * 300 * 7)) ** 0.5)
    counts = np.bincount(sizes, minlength=5)[1:5]
    assert np.abs(counts / len(sizes) - 0.25).max() < 4 * (0.1875 / len(sizes)) ** 0.5


def test_segments_of_others_never_hold_held_out_items():
    dataset = with_attributes(random_dataset(LENGTHS))
    pool = Instances(dataset, N, np.arange(len(LENGTHS))).pool
    assert len(pool) == sum(length - 2 for length in LENGTHS)


@pytest.mark.parametrize("training", [True, False])
def test_the_losses_of_training_are_those_of_all_logits(training):
    found, model = instances(), small_s3rec().train(training)
    batch = found.batch(np.arange(len(found)), np.random.default_rng(0))

    def losses_and_gradients(losses):
        torch.manual_seed(0)
        parts = losses(model, batch)
        total = sum(weight * terms for weight, (terms, _) in zip((0.2, 1.0, 0.7, 0.5), parts.values(), strict=True))
        return parts, torch.autograd.grad(total, list(model.parameters()), materialize_grads=True, allow_unused=True)

    got = losses_and_gradients(pretraining_losses)
    expected = losses_and_gradients(lambda *known: pretraining_terms(pretraining_outputs(*known), batch))
    assert list(got[0]) == list(expected[0])
    torch.testing.assert_close(got, expected, rtol=1e-10, atol=1e-12)


def naive_losses(model, batch):
    """The four losses one instance, one position and one attribute at a time, with plain sigmoids."""
    columns = len(model.attributes.weight)
    sums = dict.fromkeys(HEADS, 0.0)
    counts = dict.fromkeys(HEADS, 0)
    masked = dict(zip(batch.masked.tolist(), zip(batch.targets, batch.negatives, strict=True), strict=True))
    attributes = {}
    for place, attribute in zip(batch.described.tolist(), batch.attributes.tolist(), strict=True):
        attributes.setdefault(place, set()).add(attribute)
    start = 0
    for end in batch.ends.tolist():
        row, last = divmod(end, batch.items.shape[2])
        segment = batch.segments[row, last]
        here = torch.nonzero(batch.segments[row] == segment).flatten()
        alone = torch.ones(1, len(here), dtype=torch.int64)
        hidden, context, positive, negative = (
            model(kind[row, here][None], batch.positions[row, here][None], alone, causal=False)[0]
            for kind in batch.items
        )
        for j, h in enumerate(hidden):
            place = start + j
            head = "map" if place in masked else "aap"
            query = model.heads[head](h)
            for column in range(columns):
                p = torch.sigmoid(model.attributes.weight[column] @ query)
                sums[head] -= torch.log(p if column in attributes.get(place, ()) else 1 - p)
                counts[head] += 1
            if place in masked:
                query = model.heads["mip"](h)
                right, wrong = (torch.sigmoid(query @ model.items.weight[item]) for item in masked[place])
                sums["mip"] -= torch.log(torch.sigmoid(right - wrong))
                counts["mip"] += 1
        query = model.heads["sp"](context[-1])
        difference = torch.sigmoid(query @ positive[-1]) - torch.sigmoid(query @ negative[-1])
        sums["sp"] -= torch.log(torch.sigmoid(difference))
        counts["sp"] += 1
        start += len(here)
    return sums, counts


@pytest.mark.parametrize("padded", [False, True])
def test_the_losses_are_their_formulas(padded):
    found, model = instances(), small_s3rec()
    batch = found.batch(np.arange(0, len(found), 3), np.random.default_rng(0), padded=padded)
    sums, counts = naive_losses(model, batch)
    for name, (total, count) in pretraining(model, batch).items():
        torch.testing.assert_close(total, torch.as_tensor(sums[name]).detach(), rtol=1e-10, atol=1e-10, msg=name) if (
            not total.requires_grad
        ) else torch.testing.assert_close(total.detach(), sums[name].detach(), rtol=1e-10, atol=1e-10)
        assert int(count) == counts[name], name


def test_the_users_sums_give_the_losses():
    found, model = instances(), small_s3rec()
    batch = found.batch(np.arange(0, len(found), 2), np.random.default_rng(0))
    users = batch.users.unique()
    with torch.no_grad():
        whole, by_user = pretraining(model, batch), pretraining.by_user(model, batch)
        for name, (total, _) in whole.items():
            assert by_user[name].shape == users.shape
            torch.testing.assert_close(by_user[name].sum(), total, rtol=1e-12, atol=1e-12)
        # One user alone: the same masks, from a batch of all.
        for name, (total, _) in naive_by_user(model, batch, int(users[2])).items():
            torch.testing.assert_close(by_user[name][2], total, rtol=1e-10, atol=1e-10)


def naive_by_user(model, batch, user):
    """The losses of the batch with everybody else's terms taken out."""
    mine = (batch.users == user)[batch.segments.flatten()[batch.places] - 1]  # (P,)
    masked = mine[batch.masked]
    logits, mip, sp = pretraining_outputs(model, batch)
    columns = logits.shape[1]
    hot = torch.zeros_like(logits)
    hot[batch.described, batch.attributes] = 1
    cross = F.binary_cross_entropy_with_logits(logits, hot, reduction="none").sum(1)
    hidden = torch.zeros(len(batch.places), dtype=torch.bool)
    hidden[batch.masked] = True
    return {
        "aap": (cross[mine & ~hidden].sum(), columns),
        "mip": (-torch.log(torch.sigmoid(mip[masked])).sum(), 1),
        "map": (cross[mine & hidden].sum(), columns),
        "sp": (-torch.log(torch.sigmoid(sp[batch.users == user])).sum(), 1),
    }


@pytest.mark.slow
def test_each_loss_is_an_objective_with_correct_derivatives():
    found, model = instances(), small_s3rec()
    batches = [found.batch(np.arange(start, len(found), 4), np.random.default_rng(start)) for start in range(4)]
    for name in HEADS:
        assert_derivatives(
            Objective(model, pretraining, batches, weights={part: float(part == name) for part in HEADS})
        )


def reference_batch(reference, attributes):
    """The reference's padded instances as a batch of ours."""
    true = reference["pretrain_pos_items"].astype(np.int64)
    real = true > 0
    lengths = real.sum(1)
    layout = lay_out(lengths, true.shape[1], padded=True)
    kinds = ("masked_item_sequence", "masked_segment_sequence", "pos_segment", "neg_segment")
    items = true[real]
    masked = np.flatnonzero(reference["pretrain_masked_item_sequence"][real] == reference["mask_id"])
    counts = attributes.offsets[items + 1] - attributes.offsets[items]
    return MaskedBatch(
        items=torch.stack(
            [torch.from_numpy(np.where(real, reference[f"pretrain_{kind}"], 0).astype(np.int64)) for kind in kinds]
        ),
        positions=layout.positions,
        segments=layout.segments,
        places=torch.from_numpy(layout.places),
        ends=torch.from_numpy(layout.ends),
        users=torch.arange(len(true)),
        masked=torch.from_numpy(masked),
        targets=torch.from_numpy(items[masked]),
        negatives=torch.from_numpy(reference["pretrain_neg_items"][real].astype(np.int64)[masked]),
        described=torch.from_numpy(np.repeat(np.arange(len(items)), counts)),
        attributes=torch.from_numpy(
            np.concatenate(
                [attributes.values[attributes.offsets[i] : attributes.offsets[i + 1]] for i in items]
            ).astype(np.int64)
        ),
    )


def test_the_losses_of_the_published_weights_equal_the_reference(fixtures_folder, data_folder):
    dataset = load(data_folder / "Beauty.txt")
    model = import_s3rec(fixtures_folder / "s3rec_Beauty_pretrained.pt", dataset).build()
    assert dataset.attributes is not None
    with np.load(fixtures_folder / "s3rec_Beauty.npz") as reference:
        batch = reference_batch(reference, dataset.attributes)
        expected = dict(zip(HEADS, reference["losses_aap_mip_map_sp"], strict=True))
    with torch.no_grad():
        ours = pretraining(model, batch)
    for name in HEADS:
        assert float(ours[name][0]) == pytest.approx(float(expected[name]), rel=1e-4), name


def test_the_number_of_parameters_is_as_published():
    assert sum(p.numel() for p in S3Rec(12_101, 637).parameters()) == 935_360


def test_data_without_attributes_are_refused():
    with pytest.raises(ValueError, match=r"small has none: there is no small_item2attributes\.json beside small; give"):
        Instances(random_dataset(LENGTHS), N, np.arange(len(LENGTHS)))


def test_a_pre_training_step_minimises_the_weighted_sums():
    dataset = with_attributes(random_dataset(LENGTHS))
    task = stages(dataset, TrainingConfig(method="s3rec", max_length=N, aap=0.2, mip=3.0, map=0.7, sp=0.5))[0]
    parts = task.loss(small_s3rec(), next(task.batches(0)))
    expected = sum({"aap": 0.2, "mip": 3.0, "map": 0.7, "sp": 0.5}[name] * total for name, (total, _) in parts.items())
    torch.testing.assert_close(task.minimised(parts), expected)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{}", r"others\.json has attributes for none of the 20 items of small; give the file"),
        ('{"900": [1], "901": [2]}', "for none of the 20 items of small: the 2 items in it have other numbers"),
    ],
)
def test_attributes_of_other_items_are_refused(content, message, tmp_path):
    (tmp_path / "others.json").write_text(content)
    dataset = random_dataset([8] * 9, n_items=20)
    foreign = replace(dataset, attributes=load_attributes(tmp_path / "others.json", 20))
    with pytest.raises(ValueError, match=message):
        stages(foreign, TrainingConfig(method="s3rec"))
