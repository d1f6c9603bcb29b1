"""A model's parameters as one flat vector, and back, and which of its coordinates are active in an analysis."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from math import prod

import torch
from torch import Tensor, nn

from landscape.parameters.wrappers import refuse_sharded, unwrapped
from landscape.processes import ALONE, Processes
from landscape.results.display.tables import NotebookDisplay, Row, Table

Model = nn.Module | Mapping[str, Tensor]  # a model, or its tensors by name
Rows = Mapping[str, Sequence[int] | Tensor]  # indices along dimension 0, by parameter


class ParamSpace(NotebookDisplay):
    """The coordinates of a loss landscape: which parameters, in which order, and which entries of them are active.

    Rows of a table that nothing looks up (padding, unused items) never change a loss. They stay in the vector, so that
    it remains a plain concatenation, but are left out of directions, products and norms: see ``mask`` and ``project``.

    >>> space = ParamSpace(nn.Embedding(3, 2, padding_idx=0))
    >>> space
    ParamSpace(1 parameters, 6 coordinates, 4 active)
    >>> space.project(torch.ones(6))
    tensor([0., 0., 1., 1., 1., 1.])

    The vector is float32 where parameters have fewer bits, and float64 where one is: a step along a direction would
    otherwise be lost in the rounding of bfloat16. The model gets each parameter in its own dtype: see ``tensors``.

    Args:
        model: A module, whose parameters that require a gradient are taken, or the tensors themselves by name. A
            parameter that a module uses under two names (tied weights) counts once, under its first name. Of a model
            in DistributedDataParallel, DataParallel or torch.compile, the names are those without the wrapper.
        include: Whether the parameter of this name belongs to the vector; None takes them all.
        exclude_rows: Inactive rows (indices along dimension 0) by parameter name.
        exclude_padding: Whether the ``padding_idx`` rows of a module's embeddings are inactive as well. Rows of a
            table that another module uses, too, are not: a tied output layer moves them. An ``Objective`` that makes
            its own space looks at the gradient instead.

    Attributes:
        names: The parameters' names, in the order of the vector.
        shapes: Their shapes, in the same order.
        dtypes: Their dtypes, in the same order.
        dtype: That of the vector.
        size: n, the length of the vector.
        total: The number of coordinates of all processes, where each has a slice of the vector; n otherwise.
        active: The number of active coordinates, of all processes likewise.
        processes: Those that have slices of the vector; this one alone otherwise.
        mask: (n,) bool, False where a coordinate is inactive; None where all are active.

    Raises:
        ValueError: No parameter is left, the model is sharded over processes, parameters are on several devices or are
            no real floats, or an excluded row does not exist.
    """

    processes: Processes = ALONE

    def __init__(
        self,
        model: Model,
        *,
        include: Callable[[str], bool] | None = None,
        exclude_rows: Rows | None = None,
        exclude_padding: bool = True,
    ) -> None:
        known = _tensors(model)
        if not known:
            raise ValueError(
                "no parameter requires a gradient, so none is left to analyse; call model.requires_grad_(True), or "
                "pass space=ParamSpace(dict(model.named_parameters()))"
            )
        tensors = {name: tensor for name, tensor in known.items() if include is None or include(name)}
        if not tensors:
            raise ValueError(
                "no parameter is left to analyse; `include` rejects all that require a gradient: " + ", ".join(known)
            )
        refuse_sharded(model, tensors.values())
        devices = sorted({str(tensor.device) for tensor in tensors.values()})
        if len(devices) > 1:
            raise ValueError(f"parameters are on several devices ({', '.join(devices)}); move them to the same")
        for name, tensor in tensors.items():
            if not tensor.is_floating_point():
                raise ValueError(
                    f"the parameter {name!r} is {tensor.dtype}; parameters must be real floating-point numbers: keep "
                    "complex ones as their real and imaginary parts (torch.view_as_real), or leave them out"
                )
        self.names = tuple(tensors)
        self.shapes = tuple(tensor.shape for tensor in tensors.values())
        self.dtypes = tuple(tensor.dtype for tensor in tensors.values())
        self.dtype = _vector_dtype(self.dtypes)
        self._sizes = [prod(shape) for shape in self.shapes]
        self.size = self.total = sum(self._sizes)
        self.mask = self._mask(model, exclude_rows or {}, padding_rows(model) if exclude_padding else {})
        self.active = self.size if self.mask is None else int(self.mask.sum())

    def _mask(self, model: Model, exclude_rows: Rows, padding: Rows) -> Tensor | None:
        rows = {name: [*map(int, indices)] for name, indices in padding.items()}
        for name, excluded in exclude_rows.items():
            if name not in self.names and name not in _tensors(model):
                known = ", ".join(self.names)
                raise ValueError(f"exclude_rows names {name!r}, which is not a parameter; there are {known}")
            rows[name] = rows.get(name, []) + torch.as_tensor(excluded, dtype=torch.int64).tolist()
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

    @property
    def resolution(self) -> float:
        """The spacing of the coarsest parameters' numbers near 1."""
        return max(torch.finfo(dtype).eps for dtype in self.dtypes)

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
        pieces = [tensors[name].detach().reshape(-1) for name in self.names]
        return torch.cat(pieces).to(_vector_dtype(piece.dtype for piece in pieces))

    def whole_shape(self, name: str) -> torch.Size:
        """Return the shape of a whole parameter, of which this process's vector may have some rows alone."""
        return self.shapes[self.names.index(name)]

    def own_rows(self, name: str, tensor: Tensor) -> Tensor:
        """Return the rows of a whole parameter that this process's vector has."""
        return tensor

    def views(self, vector: Tensor) -> dict[str, Tensor]:
        """Return the parameters by name, as views of the vector (n,): not copies, and differentiable."""
        if vector.shape != (self.size,):
            raise ValueError(f"a vector of shape {tuple(vector.shape)} does not fit; this space needs ({self.size},)")
        # One split: its backward is one concatenation, where slices would each make a full-size vector of zeros.
        pieces = torch.split(vector, self._sizes)
        return {name: piece.view(shape) for name, shape, piece in zip(self.names, self.shapes, pieces, strict=True)}

    def tensors(self, vector: Tensor) -> dict[str, Tensor]:
        """Return what the model gets for its parameters: the views of the vector (n,), each in its parameter's dtype.

        Parameters of the vector's own precision are views, others are rounded; all are differentiable.
        """
        views = self.views(vector)
        return {
            name: view if dtype == self.dtype else view.to(dtype)
            for (name, view), dtype in zip(views.items(), self.dtypes, strict=True)
        }

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

    def table(self) -> Table:
        """Return a row for each parameter: shape, coordinates, and how many of these are active."""
        mask = torch.ones(self.size, dtype=torch.bool) if self.mask is None else self.mask
        rows: list[Row] = [
            (name, " × ".join(map(str, view.shape)), view.numel(), int(view.sum()))
            for name, view in self.views(mask).items()
        ]
        return Table("Parameters", ("", "shape", "coordinates", "active"), rows)

    def __repr__(self) -> str:
        return f"ParamSpace({len(self.names)} parameters, {self.total:,} coordinates, {self.active:,} active)"


def padding_rows(model: Model) -> dict[str, list[int]]:
    """Return the ``padding_idx`` rows of a module's embeddings, by the name of the table.

    Tables that another module uses, too, as an output layer does, are left out; tensors by name have none.
    """
    if not isinstance(model, nn.Module):
        return {}
    model = unwrapped(model)
    padding: dict[int, set[int | None]] = {}  # by the tensor's identity, what each of its owners has; None for no row
    for module in model.modules():
        for tensor in module.parameters(recurse=False):
            row = module.padding_idx if isinstance(module, nn.Embedding | nn.EmbeddingBag) else None
            padding.setdefault(id(tensor), set()).add(row)
    rows = {name: padding.get(id(tensor), set()) for name, tensor in model.named_parameters()}
    return {
        name: sorted(row for row in owners if row is not None)
        for name, owners in rows.items()
        if owners and None not in owners
    }


def _vector_dtype(dtypes: Iterable[torch.dtype]) -> torch.dtype:
    """Return the dtype of a vector of numbers of these dtypes: at least float32."""
    return reduce(torch.promote_types, dtypes, torch.float32)


def _tensors(model: Model, *, frozen: bool = False) -> dict[str, Tensor]:
    if isinstance(model, nn.Module):
        named = unwrapped(model).named_parameters()
        return {name: tensor for name, tensor in named if frozen or tensor.requires_grad}
    return dict(model)
