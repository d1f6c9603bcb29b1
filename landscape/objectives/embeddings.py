"""Options of embeddings under which their gradient is not the derivative of what they compute."""

from __future__ import annotations

from torch import nn

from landscape.objectives.parameter_space import ParamSpace

Switch = tuple[nn.Module, str, object, object]  # module, attribute, its own value, its value during an evaluation


def embedding_switches(model: nn.Module, space: ParamSpace) -> list[Switch]:
    """Return what is set during an evaluation, without changing the value of the loss.

    A sparse gradient cannot be differentiated again. The gradient of a row of padding is zero by definition, also where
    the row moves the loss: such a row is active, and gets its derivative.
    """
    names = {id(tensor): name for name, tensor in model.named_parameters()}
    switches: list[Switch] = []
    for module in model.modules():
        if not isinstance(module, nn.Embedding | nn.EmbeddingBag):
            continue
        if module.sparse:
            switches.append((module, "sparse", True, False))
        name, row = names.get(id(module.weight)), module.padding_idx
        if isinstance(module, nn.Embedding) and row is not None and name in space.names:
            assert name is not None
            if row in space.active_rows(name):
                switches.append((module, "padding_idx", row, None))
    return switches
