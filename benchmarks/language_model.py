"""One question in several libraries: the top five Hessian eigenvalues of a GPT-2 over batches with padding.

``python -m benchmarks.language_model`` prints a table; libraries that are not installed are left out. Each function
is what a user writes; its lines are counted. The truth is dense, in double precision.
"""

from __future__ import annotations

import importlib
import inspect
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

Batch = dict[str, Tensor]
TOP = 5


def problem(attention: str) -> tuple[Any, list[Batch]]:
    """Return a GPT-2 of 16,000 parameters, trained a little, and three batches with different numbers of tokens."""
    try:
        importlib.import_module("torchvision")
    except (ImportError, RuntimeError):  # built for another torch, which Transformers does not survive
        sys.modules["torchvision"] = None  # type: ignore[assignment]
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=64, n_positions=24, n_embd=32, n_layer=1, n_head=2, attn_implementation=attention, resid_pdrop=0,
        embd_pdrop=0, attn_pdrop=0,
    )  # fmt: skip
    model, batches = GPT2LMHeadModel(config), []
    for rows in (16, 16, 5):
        lengths = torch.randint(4, 25, (rows, 1))
        ids = torch.randint(64, (rows, 24)).cummax(1).values
        mask = (torch.arange(24) < lengths).long()
        batches.append({"input_ids": ids, "attention_mask": mask, "labels": ids.masked_fill(mask == 0, -100)})
    optimiser = torch.optim.AdamW(model.parameters(), 3e-3)
    for _ in range(20):
        for batch in batches:
            optimiser.zero_grad()
            model(**batch).loss.backward()
            optimiser.step()
    return model.eval(), batches


def truth(model: nn.Module, batches: Sequence[Batch]) -> np.ndarray:
    """Return the largest eigenvalues of the dense Hessian of the mean over all tokens."""
    model = model.double()
    names = dict(model.named_parameters())
    theta = torch.cat([tensor.detach().reshape(-1) for tensor in names.values()]).requires_grad_()
    pieces = theta.split([tensor.numel() for tensor in names.values()])
    views = {name: piece.view_as(names[name]) for name, piece in zip(names, pieces, strict=True)}
    total, count = torch.zeros(()).double(), 0
    for batch in batches:
        inputs = {name: tensor for name, tensor in batch.items() if name != "labels"}
        logits = torch.func.functional_call(model, views, kwargs=inputs).logits
        labels = batch["labels"][:, 1:]
        total = total + F.cross_entropy(logits[:, :-1].flatten(0, 1), labels.flatten(), reduction="sum")
        count += int((labels != -100).sum())
    (gradient,) = torch.autograd.grad(total / count, theta, create_graph=True)

    def product(v: np.ndarray) -> np.ndarray:
        return torch.autograd.grad(gradient, theta, torch.from_numpy(v).double(), retain_graph=True)[0].numpy()

    from scipy.sparse.linalg import LinearOperator, eigsh

    H = LinearOperator((len(theta), len(theta)), matvec=product, dtype=float)
    return np.sort(eigsh(H, k=TOP, which="LA", tol=1e-12, return_eigenvectors=False))[::-1]


def ours(model: nn.Module, batches: Sequence[Batch]) -> Any:
    """This library."""
    import landscape

    objective = landscape.Objective(model, landscape.huggingface(), batches)
    return landscape.top_eigenpairs(landscape.HessianOperator(objective), k=5).values


def hessian_eigenthings(model: nn.Module, batches: Sequence[Batch]) -> Any:
    """hessian-eigenthings: a mean over batches, each with equal weight."""
    from hessian_eigenthings import HessianOperator, hf_lm_loss, lanczos

    operator = HessianOperator(model, batches, hf_lm_loss())
    return lanczos(operator, k=5, max_iter=40, which="LA", seed=0).eigenvalues


def curvlinops(model: nn.Module, batches: Sequence[Batch]) -> Any:
    """curvlinops: inputs and targets apart, and SciPy's solver."""
    from curvlinops import HessianLinearOperator
    from scipy.sparse.linalg import eigsh

    class Logits(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, batch: Batch) -> Tensor:
            logits = self.model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
            shifted: Tensor = logits[:, :-1].flatten(0, 1)
            return shifted

    wrapped = Logits()
    parameters = [p for p in wrapped.parameters() if p.requires_grad]
    pairs = [(batch, batch["labels"][:, 1:].flatten()) for batch in batches]
    operator = HessianLinearOperator(
        wrapped, nn.CrossEntropyLoss(), parameters, pairs, batch_size_fn=lambda batch: batch["input_ids"].numel()
    )
    return eigsh(operator.to_scipy(), k=5, which="LA", return_eigenvectors=False)


def nngeom(model: nn.Module, batches: Sequence[Batch]) -> Any:
    """nngeom: one batch, which here is all of them."""
    from nngeom import Model
    from nngeom.curvature import hessian_spectrum

    joined = {name: torch.cat([batch[name] for batch in batches]) for name in batches[0]}
    wrapped = Model(model, loss_fn=lambda m, batch: m(**batch).loss)
    return hessian_spectrum(wrapped, joined, k=5, trace=False, seed=0).eigenvalues


LIBRARIES: tuple[Callable[..., Any], ...] = (ours, hessian_eigenthings, curvlinops, nngeom)


def lines(function: Callable[..., Any]) -> int:
    """Return the number of lines of a function's body, without its docstring and blank lines."""
    source = [line for line in inspect.getsource(function).splitlines() if line.strip()]
    return len(source) - 2


def main() -> None:
    """Print the table."""
    values = truth(*problem("eager"))
    print(f"dense, in double precision: {np.round(values, 4)}\n")
    print("| library | lines | attention | λ1 | error of λ1 | error of λ5 | seconds |\n|---|---|---|---|---|---|---|")
    for function in LIBRARIES:
        for attention in ("sdpa", "eager"):
            model, batches = problem(attention)
            started = time.perf_counter()
            try:
                found = np.sort(np.array([float(value) for value in function(model, batches)]))[::-1][:TOP]
            except ImportError:
                print(f"| {function.__name__} | not installed |")
                break
            except Exception as error:
                reason = str(error).splitlines()[0][:60]
                print(f"| {function.__name__} | {lines(function)} | {attention} | {type(error).__name__}: {reason} |")
                continue
            errors = np.abs(found / values[: len(found)] - 1)
            print(
                f"| {function.__name__} | {lines(function)} | {attention} | {found[0]:.4f} | {errors[0]:.1e} | "
                f"{errors[-1]:.1e} | {time.perf_counter() - started:.1f} |"
            )
            break


if __name__ == "__main__":
    main()
