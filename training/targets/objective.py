"""From a checkpoint and its data to an objective: the loss whose landscape is analysed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from landscape.launch import launch
from landscape.models.s3rec import S3Rec, encoder_weights
from landscape.models.sasrec import SASRec
from landscape.objectives.blocks import block
from landscape.objectives.compact_objective import CompactObjective
from landscape.objectives.objective import Objective
from landscape.parameters.parameter_space import ParamSpace
from landscape.training.batches.masked import Instances
from landscape.training.batches.negatives import SampledRows
from landscape.training.batches.packing import Batch, groups, input_windows, merged
from landscape.training.batches.views import ViewedBatch
from landscape.training.checkpoints.checkpoint import Checkpoint
from landscape.training.config.methods import CONTRASTIVE, HEADS, LOSSES, PRETRAINED, RECOMMENDATION
from landscape.training.config.objective import OWN, ObjectiveConfig
from landscape.training.config.training import TrainingConfig
from landscape.training.data.dataset import Dataset
from landscape.training.data.splits import HELD_OUT, TRAINING_SEQUENCE
from landscape.training.loop.stages import TRAINING_STAGES, RecommendationStage
from landscape.training.losses.cl4srec import Contrast
from landscape.training.losses.next_item import NEXT_ITEM
from landscape.training.losses.s3rec import pretraining
from landscape.training.targets.settings import GROUPS, MASKS, NEGATIVES, VIEWS, settings_of, stream
from landscape.training.targets.users import sampler_of, select_users

MIN_GROUPS = 20  # batches are the jackknife's groups: with fewer, its error is unreliable
COMPACT = 0.5  # share of the coordinates that are active, up to which the tables are made smaller for derivatives
ROWS_A_PRODUCT = 32  # of a batch that derivatives are computed on: with 3 rows they took 1.7 times as long
TOKENS_A_BATCH = 64 * 50  # a Hessian product's intermediate results stay in a processor's cache


def objective_of(
    checkpoint: Checkpoint,
    dataset: Dataset,
    objective_config: ObjectiveConfig,
    *,
    device: torch.device | str = "cpu",
    padded: bool = False,
) -> tuple[Objective[Any], float]:
    """Return a loss around a checkpoint, on fixed users with frozen negatives, views and masks.

    - ``recommendation``: SAMRec's Eq. 2, the same for all methods: users, grouping and negatives depend on the data
      and ``objective_config`` alone, and S3Rec's heads are not among the parameters.
    - ``own``: what the method minimised, with the weights of its parts. S3Rec's parts are means of their terms here,
      where its training minimises sums.
    - ``aap``, ``mip``, ``map``, ``sp``: one of S3Rec's pre-training losses; ``contrastive``: CL4SRec's, with its
      defaults for other methods. Its groups of users, each other's negatives, have the size that they train with.

    Users who have had all items are left out where the loss needs negatives (``users_without_negatives``). Rows of the
    tables that no input, target or negative looks up are inactive.

    Returns:
        The objective, and for its standard error the number of batches that all users of the split would make.

    Raises:
        ValueError: ``objective_config`` asks for more users than there are, for a loss of heads that the checkpoint
            lacks, for a loss that has no held-out targets, or for parameters that do not exist; or no user has
            negatives.
    """
    model = checkpoint.build()
    settings = settings_of(checkpoint)
    own = objective_config.loss == OWN
    stage = TRAINING_STAGES[CONTRASTIVE if objective_config.loss == CONTRASTIVE else settings.kind.stages[-1]]
    if objective_config.loss in HEADS or (own and checkpoint.stage == PRETRAINED):
        problem = _pretraining(checkpoint, dataset, objective_config, settings, padded)
    elif objective_config.loss == CONTRASTIVE or (own and stage is not RecommendationStage):
        problem = _of_stage(stage, checkpoint, dataset, objective_config, settings, padded)
    else:
        problem = _next_item(checkpoint, dataset, objective_config, settings.loss if own else "bce", padded)
    unused = _unused_rows(model, problem.batches)
    space = ParamSpace(model, include=problem.includes, exclude_rows=unused)
    processes = launch()
    batches = processes.share(problem.batches)
    options: dict[str, Any] = {
        "weights": problem.weights,
        "device": device,
        "training_mode_seed": objective_config.seed if objective_config.train_mode else None,
        "process_group": processes.group(),
    }
    # Masks are those of a batch, and views are contrasted with those of their own group.
    regroups = not objective_config.train_mode and all(isinstance(batch, Batch) for batch in batches)
    larger = merged(batches, ROWS_A_PRODUCT) if regroups else batches
    fewer_items = space.active <= COMPACT * space.size and all(map(_looks_up_items_alone, batches))
    model.to(device)
    objective: Objective[Any]
    if fewer_items or len(larger) < len(batches):
        rows = _used_items(unused["items.weight"], len(model.items.weight)) if fewer_items else None
        small = _smaller(checkpoint, problem.loss, larger, unused, rows, options)
        table_rows = {} if rows is None else {"items.weight": rows}
        objective = CompactObjective(model, problem.loss, batches, space=space, small=small, rows=table_rows, **options)
    else:
        objective = Objective(model, problem.loss, batches, space=space, **options)
    if objective_config.blocks:
        objective = block(objective, objective_config.blocks)
    return objective, len(problem.batches) * problem.share


def _used_items(unused: torch.Tensor, rows: int) -> torch.Tensor:
    """Return the rows of the item table without the unused ones, but with padding, the first of them."""
    used = torch.ones(rows, dtype=torch.bool)
    used[unused[1:]] = False
    return torch.nonzero(used).flatten()


def _smaller(
    checkpoint: Checkpoint,
    loss: Callable[[Any, Any], Any],
    batches: Sequence[Any],
    unused: Mapping[str, torch.Tensor],
    rows: torch.Tensor | None,
    options: Mapping[str, Any],
) -> Objective[Any]:
    """Return the loss of these batches with an item table of these rows alone, or of all."""
    weights = encoder_weights(checkpoint.weights)
    sizes = {name: size for name, size in checkpoint.model.items() if name != "n_attributes"}
    if rows is not None:
        places = torch.zeros(len(weights["items.weight"]), dtype=torch.int64)
        places[rows] = torch.arange(len(rows))  # of the items in the smaller table
        weights = {**weights, "items.weight": weights["items.weight"][rows]}
        sizes["n_items"] = len(rows) - 2
        batches = [_renumbered(batch, places) for batch in batches]
        unused = {**unused, "items.weight": torch.tensor([0])}
    model = SASRec(**sizes)
    model.load_state_dict(weights)
    space = ParamSpace(model, exclude_rows=unused)
    return Objective(model.to(options["device"]).eval(), loss, batches, space=space, **options)


@dataclass(frozen=True)
class _Problem:
    """What an objective is made of."""

    loss: Callable[[Any, Any], Any]
    batches: Sequence[Any]
    share: float  # all users of the split over the selected ones
    weights: dict[str, float] | None = None
    includes: Callable[[str], bool] = S3Rec.is_encoder  # whether a parameter is one of the loss, by its name


def _next_item(
    checkpoint: Checkpoint, dataset: Dataset, objective_config: ObjectiveConfig, loss: str, padded: bool
) -> _Problem:
    """The loss of the next item, by one of NEXT_ITEM's names."""
    settings = settings_of(checkpoint)
    inputs = input_windows(dataset, checkpoint.model["max_length"], held_out=HELD_OUT[objective_config.split])
    sampler = sampler_of(dataset, objective_config)
    users, share = select_users(inputs, sampler, checkpoint, objective_config)
    rows = SampledRows(
        dataset,
        inputs,
        checkpoint.model["max_length"],
        sampler,
        (settings.negatives or 0) if loss == settings.loss else LOSSES[loss],
        stream(objective_config, NEGATIVES),
        targets="each" if objective_config.split == "train" else "last",
        padded=padded,
        gbce_t=settings.calibration if loss == settings.loss else None,
    )
    size = min(round(TOKENS_A_BATCH / inputs.lengths[users].mean()), -(-len(users) // MIN_GROUPS))
    batches = [rows.of(group) for group in groups(users, max(1, size), stream(objective_config, GROUPS))]
    return _Problem(NEXT_ITEM[loss], batches, share)


def _of_stage(
    stage: type[RecommendationStage],
    checkpoint: Checkpoint,
    dataset: Dataset,
    objective_config: ObjectiveConfig,
    settings: TrainingConfig,
    padded: bool,
) -> _Problem:
    """The loss of a stage on the groups of users that it trains with, or its contrastive part alone."""
    _training_only(objective_config)
    length = checkpoint.model["max_length"]
    inputs = input_windows(dataset, length, held_out=HELD_OUT["train"])
    sampler = sampler_of(dataset, objective_config)
    users, share = select_users(inputs, sampler, checkpoint, objective_config)
    rows = SampledRows(
        dataset,
        inputs,
        length,
        sampler,
        settings.negatives or 0,
        stream(objective_config, NEGATIVES),
        padded=padded,
        gbce_t=settings.calibration,
    )
    user_groups = groups(users, settings.batch_size, stream(objective_config, GROUPS))
    batches = list(stage.user_batches(rows, user_groups, settings, stream(objective_config, VIEWS)))
    if objective_config.loss == CONTRASTIVE:
        alone = Contrast(settings.temperature, settings.similarity)
        return _Problem(alone, [rows.views for rows in batches if isinstance(rows, ViewedBatch)], share)
    loss, weights = stage.loss_of(settings)
    return _Problem(loss, batches, share, weights)


def _pretraining(
    checkpoint: Checkpoint, dataset: Dataset, objective_config: ObjectiveConfig, settings: TrainingConfig, padded: bool
) -> _Problem:
    """S3Rec's four losses, or one of them; a batch has all prefixes of its users' sequences."""
    if checkpoint.stage != PRETRAINED:
        raise ValueError(
            f"the objective {objective_config.loss} is of S3Rec's pre-training, and {checkpoint.title} "
            "has none of its heads; give the pretrained.pt beside an S3Rec's checkpoint.pt"
        )
    _training_only(objective_config)
    inputs = input_windows(dataset, checkpoint.model["max_length"], held_out=TRAINING_SEQUENCE)
    users, share = select_users(inputs, sampler_of(dataset, objective_config), checkpoint, objective_config)
    instances = Instances(dataset, checkpoint.model["max_length"], users, share=settings.pretrain_mask)
    tokens = 4 * instances.prefixes.lengths.sum() / len(users)
    size = min(round(TOKENS_A_BATCH / tokens), -(-len(users) // MIN_GROUPS))
    masks = stream(objective_config, MASKS)
    batches = [
        instances.batch(instances.of(group), masks, padded=padded)
        for group in groups(users, max(1, size), stream(objective_config, GROUPS))
    ]
    if objective_config.loss == OWN:
        return _Problem(pretraining, batches, share, settings.part_weights, lambda name: True)

    def includes(name: str) -> bool:
        unused_table = objective_config.loss not in ("aap", "map") and name.startswith("attributes.")
        return (
            S3Rec.is_encoder(name)
            or not (unused_table or name.startswith("heads."))
            or name.split(".")[1] == objective_config.loss
        )

    weights = {name: float(name == objective_config.loss) for name in HEADS}
    return _Problem(pretraining, batches, share, weights, includes)


def _training_only(objective_config: ObjectiveConfig) -> None:
    if objective_config.split != "train":
        raise ValueError(
            f"the objective {objective_config.loss} has no held-out targets; leave out "
            f"--split {objective_config.split}, or take --objective {RECOMMENDATION}"
        )


def _looks_up_items_alone(batch: Any) -> bool:
    """Whether a loss of the next item on the batch uses no rows of the item table but those of ids in the batch."""
    rows = batch.inputs if isinstance(batch, ViewedBatch) else batch
    return isinstance(rows, Batch) and rows.targets is not None and rows.negatives is not None


def _renumbered(batch: Any, places: torch.Tensor) -> Any:
    """Return the batch with the number ``places[i]`` for each item i."""
    if isinstance(batch, ViewedBatch):
        return ViewedBatch(_renumbered(batch.inputs, places), _renumbered(batch.views, places))
    ids = {name: getattr(batch, name) for name in ("items", "targets", "negatives")}
    return replace(batch, **{name: places[values] for name, values in ids.items() if values is not None})


def _unused_rows(model: SASRec, batches: Iterable[Any]) -> dict[str, torch.Tensor]:
    """Rows of the item and position tables that no batch looks up."""
    items = torch.zeros(model.items.num_embeddings, dtype=torch.bool)
    positions = torch.zeros(model.positions.num_embeddings, dtype=torch.bool)
    for batch in batches:
        for rows in (batch.inputs, batch.views) if isinstance(batch, ViewedBatch) else (batch,):
            positions[rows.positions[rows.segments > 0]] = True
            for looked_up in (rows.items, rows.targets, rows.negatives):
                if looked_up is not None:
                    items[looked_up.flatten()] = True
    items[0] = False  # padding is looked up, and masked out
    return {"items.weight": torch.nonzero(~items).flatten(), "positions.weight": torch.nonzero(~positions).flatten()}
