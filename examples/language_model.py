"""A small GPT-2, trained from scratch by the Transformers Trainer with and without SAM, and both landscapes on a page.

The text is the help of Python's own ``help()``, as bytes. Run it with ``python examples/language_model.py``, after
``pip install 'landscape-toolkit[examples]'``; it takes about two minutes on a core, and writes language_model.html.

What it finds, on one machine: SAM's λ1 is 0.21 to 0.24 times AdamW's in three seeds, at the same loss after as many
steps, in training and held out. A step of SAM costs two passes: AdamW with twice the steps has a clearly lower loss,
at points that are sharper in two seeds of three.
"""

import math
import statistics
import tempfile
from collections.abc import Sequence
from pydoc_data.topics import topics
from typing import Any

import torch
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments
from transformers.trainer_callback import PrinterCallback

import landscape
from landscape.figures.entries import ModelEntry
from landscape.figures.export import write_page
from landscape.training.optim import SAM

Batch = dict[str, Tensor]
LENGTH = 64  # bytes in a window
RHO = 0.1
PAGE = "language_model.html"


class SAMTrainer(Trainer):  # type: ignore[misc]  # mypy does not read Transformers
    """A Trainer whose steps are SAM's: ``SAMTrainer(model, args, …, rho=0.1)``.

    Each micro-batch of an accumulated step is kept for the second pass. Afterwards the weights are back where they
    were, so that clipping, gradient scaling, schedules and checkpoints are the Trainer's own.
    """

    def __init__(self, *args: Any, rho: float, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rho = rho
        self.seen: list[Any] = []  # the micro-batches of this step

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """Return the optimiser of the arguments, inside SAM."""
        if self.optimizer is None:
            self.optimizer: Any = SAM(super().create_optimizer(model), rho=self.rho)
        optimizer: torch.optim.Optimizer = self.optimizer
        return optimizer

    def training_step(self, model: Any, inputs: Any, num_items_in_batch: Any = None) -> Tensor:
        """Compute the gradients at θ; after the last micro-batch, those of all of them at θ + ε."""
        loss: Tensor = super().training_step(model, inputs, num_items_in_batch)
        self.seen.append(inputs)
        if self.accelerator.sync_gradients:
            with self.optimizer.optimizer.ascent():  # accelerate has wrapped it
                for again in self.seen:
                    super().training_step(model, again, num_items_in_batch)
            self.seen.clear()
        return loss


def windows() -> tuple[list[Batch], list[Batch]]:
    """Windows of the text, for training and held out: every tenth."""
    text = "\n".join(topics[name] for name in sorted(topics)).encode("ascii", "replace")
    data = torch.frombuffer(bytearray(text), dtype=torch.uint8).long()
    pieces = data[: len(data) // LENGTH * LENGTH].view(-1, LENGTH)
    every = [{"input_ids": piece, "labels": piece} for piece in pieces]
    return [piece for i, piece in enumerate(every) if i % 10], every[::10]


def batches(pieces: Sequence[Batch], count: int) -> list[Batch]:
    """The first ``count`` windows in batches, to measure a loss on."""
    rows = torch.stack([piece["input_ids"] for piece in pieces[:count]])
    return [{"input_ids": part, "labels": part} for part in rows.split(64)]


def train(pieces: list[Batch], *, rho: float, steps: int, seed: int) -> GPT2LMHeadModel:
    """Train for ``steps`` steps of 32 windows; without SAM where ``rho`` is 0."""
    torch.manual_seed(seed)
    config = GPT2Config(
        vocab_size=128, n_positions=LENGTH, n_embd=64, n_layer=2, n_head=2,
        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    model = GPT2LMHeadModel(config)
    model.loss_type = "ForCausalLM"  # the default, which Transformers would warn about
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder, max_steps=steps, per_device_train_batch_size=32, learning_rate=3e-3, seed=seed,
            save_strategy="no", logging_strategy="no", report_to="none", disable_tqdm=True, use_cpu=True,
        )  # fmt: skip
        if rho:
            trainer: Trainer = SAMTrainer(model, arguments, train_dataset=pieces, rho=rho)
        else:
            trainer = Trainer(model, arguments, train_dataset=pieces)
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    return model


def main(steps: int = 120, seeds: Sequence[int] = (0, 1, 2), measured: int = 64, page: str = PAGE) -> None:
    """Train with and without SAM, and measure the loss of ``measured`` windows around each model."""
    pieces, held_out = windows()
    ways = {"AdamW": (0.0, steps), "AdamW, twice the steps": (0.0, 2 * steps), f"SAM, ρ = {RHO}": (RHO, steps)}
    entries: list[ModelEntry] = []
    logarithms: dict[str, list[float]] = {name: [] for name in ways}  # of λ1
    print(f"{'':24}{'seed':>5}{'training loss':>16}{'held-out loss':>16}{'λ1':>10}{'rise at ρ':>12}")
    for seed in seeds:
        for name, (rho, count) in ways.items():
            model = train(pieces, rho=rho, steps=count, seed=seed)
            objective = landscape.Objective(model, landscape.huggingface(), batches(pieces, measured))
            other = landscape.Objective(model, landscape.huggingface(), batches(held_out, measured))
            curvature = landscape.curvature(objective, k=1, tolerance=0.01)
            largest = float(curvature.pairs.values[0])
            gradient = objective.gradient()
            rise = objective.value(objective.params + RHO * gradient / gradient.norm()) - objective.value()
            print(f"{name:24}{seed:5}{objective.value():16.3f}{other.value():16.3f}{largest:10.2f}{rise:12.4f}")
            logarithms[name].append(math.log(largest))
            if seed == seeds[0]:
                plane = landscape.random_plane(objective.space, objective.params)
                surface = landscape.surface(objective, plane.x, plane.y, points=21, tolerance=0.01)
                entries.append(ModelEntry(name, surface, curvature))
    write_page(entries, page)
    for name in list(ways)[1:]:
        ratios = [a - b for a, b in zip(logarithms[name], logarithms["AdamW"], strict=True)]
        print(f"{name}: λ1 is {math.exp(statistics.mean(ratios)):.2f} times AdamW's", end="")
        print(f" (by seed {', '.join(f'{math.exp(ratio):.2f}' for ratio in ratios)})")
    print(page)


if __name__ == "__main__":
    main()
