"""A model's parameters as one flat vector, and back, and which of its coordinates are active in an analysis."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod

import torch
from torch import Tensor, nn

Model = nn.Module | Mapping[str, Tensor]  # a model, or its tensors by name
Rows = Mapping[str, Sequence[int] | Tensor]  # indices along dimension 0, by parameter


class ParamSpace:
    """The coordinates of a loss landscape: which parameters, in which order, and which entries of them are active.

    Rows of a table that nothing looks up (padding, unused items) never change a loss. They stay in the vector, so that
    it remains a plain concatenation, but are left out of directions, products and norms: see ``mask`` and ``project``.

    >>> space = ParamSpace(nn.Embedding(3, 2, padding_idx=0))
    >>> space
    ParamSpace(1 parameters, 6 coordinates, 4 active)
    >>> space.project(torch.ones(6))
    tensor([0., 0., 1., 1., 1., 1.])

    Args:
        model: A module, whose parameters that require a gradient are taken, or the tensors themselves by name. A
            parameter that a module uses under two names (tied weights) counts once, under its first name.
        include: Whether the parameter of this name belongs to the vector; None takes them all.
        exclude_rows: Inactive rows (indices along dimension 0) by parameter name, in addition to the ``padding_idx``
            rows of a module's embeddings, which are inactive in any case.

    Attributes:
        names: The parameters' names, in the order of the vector.
        shapes: Their shapes, in the same order.
        size: n, the length of the vector.
        active: The number of active coordinates.
        mask: (n,) bool, False where a coordinate is inactive; None where all are active.

    Raises:
        ValueError: No parameter is left, parameters differ in dtype or device or are no real floats, or an excluded
            row does not exist.
    """

    def __init__(
        self,
        model: Model,
        *,
        include: Callable[[str], bool] | None = None,
        exclude_rows: Rows | None = None,
    ) -> None:
        tensors = {name: tensor for name, tensor in _tensors(model).items() if include is None or include(name)}
        if not tensors:
            raise ValueError("no parameter is left to analyse; `include` rejects all that require a gradient")
        for what in ("dtype", "device"):
            present = sorted({str(getattr(tensor, what)) for tensor in tensors.values()})
            if len(present) > 1:
                raise ValueError(f"parameters differ in {what} ({', '.join(present)}); convert them to the same")
        for name, tensor in tensors.items():
            if not tensor.is_floating_point():
                raise ValueError(
                    f"the parameter {name!r} is {tensor.dtype}; parameters must be real floating-point numbers: keep "
                    "complex ones as their real and imaginary parts (torch.view_as_real), or leave them out"
                )
        self.names = tuple(tensors)
        self.shapes = tuple(tensor.shape for tensor in tensors.values())
        self._sizes = [prod(shape) for shape in self.shapes]
        self.size = sum(self._sizes)
        self.mask = self._mask(model, exclude_rows or {})
        self.active = self.size if self.mask is None else int(self.mask.sum())

    def _mask(self, model: Model, exclude_rows: Rows) -> Tensor | None:
        rows = _padding_rows(model)
        for name, excluded in exclude_rows.items():
            if name not in self.names and name not in _tensors(model):
                known = ", ".join(self.names)
                raise ValueError(f"exclude_rows names {name!r}, which is not a parameter; there are {known}")
            rows[name] = rows.get(name, []) + [int(row) for row in excluded]
        rows = {name: rows[name] for name in self.names if rows.get(name)}
        if not rows:
            return None
        mask = torch.ones(self.size, dtype=torch.bool)
        views = self.views(mask)
        for name, excluded in rows.items():
            count = len(views[name]) if views[name].ndim else 0
            if not all(-count <= row < count for row in excluded):
                raise ValueError(f"exclude_rows[{name!r}] names row {max(excluded)}; the parameter has {count} rows")
            views[name][excluded] = False
        return mask

    def params(self, model: Model) -> Tensor:
        """Return the vector (n,) of this model's parameters, as a copy without a gradient."""
        return self.flatten(_tensors(model, frozen=True))

    def flatten(self, tensors: Mapping[str, Tensor]) -> Tensor:
        """Concatenate the tensors of this space's names to (n,), without a gradient; other names are left out.

        Raises:
            ValueError: A tensor is missing or has another shape.
        """
        for name, shape in zip(self.names, self.shapes, strict=True):
            if name not in tensors:
                raise ValueError(f"the tensor {name!r} is missing; there are {', '.join(tensors)}")
            if tensors[name].shape != shape:
                raise ValueError(f"{name!r} has shape {tuple(tensors[name].shape)}; this space needs {tuple(shape)}")
        return torch.cat([tensors[name].detach().reshape(-1) for name in self.names])

    def views(self, vector: Tensor) -> dict[str, Tensor]:
        """Return the parameters by name, as views of the vector (n,): not copies, and differentiable."""
        if vector.shape != (self.size,):
            raise ValueError(f"a vector of shape {tuple(vector.shape)} does not fit; this space needs ({self.size},)")
        # One split: its backward is one concatenation, where slices would each make a full-size vector of zeros.
        pieces = torch.split(vector, self._sizes)
        return {name: piece.view(shape) for name, shape, piece in zip(self.names, self.shapes, pieces, strict=True)}

    def project(self, vector: Tensor) -> Tensor:
        """Return the vectors (…, n) with exact zeros at the inactive coordinates; the same tensor if there are none."""
        if self.mask is None:
            return vector
        if self.mask.device != vector.device:
            self.mask = self.mask.to(vector.device)
        return torch.where(self.mask, vector, 0)

    def active_rows(self, name: str) -> Tensor:
        """Return the rows (indices along dimension 0) of a parameter that have an active coordinate."""
        mask = torch.ones(self.size, dtype=torch.bool) if self.mask is None else self.mask.cpu()
        view = self.views(mask)[name]
        return torch.nonzero(view.reshape(len(view), -1).any(1)).flatten()

    def __repr__(self) -> str:
        return f"ParamSpace({len(self.names)} parameters, {self.size:,} coordinates, {self.active:,} active)"


def _tensors(model: Model, *, frozen: bool = False) -> dict[str, Tensor]:
    if isinstance(model, nn.Module):
        return {name: tensor for name, tensor in model.named_parameters() if frozen or tensor.requires_grad}
    return dict(model)


def _padding_rows(model: Model) -> dict[str, list[int]]:
    if not isinstance(model, nn.Module):
        return {}
    # By identity: a tied table is listed under the name of its first owner, which need not be the embedding.
    padded = {
        id(module.weight): module.padding_idx
        for module in model.modules()
        if isinstance(module, nn.Embedding | nn.EmbeddingBag) and module.padding_idx is not None
    }
    return {name: [padded[id(tensor)]] for name, tensor in model.named_parameters() if id(tensor) in padded}
