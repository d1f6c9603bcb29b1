"""The loss at many points of a plane: several in one pass on a GPU, as many as fit into its memory."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor, func

from landscape.objectives.batch_evaluation import BatchEvaluation
from landscape.objectives.loss_terms import Batch
from landscape.results import Floats


class PlaneEvaluation(BatchEvaluation[Batch]):
    """A loss over fixed batches at points θ₀ + C·D."""

    def along(self, directions: Tensor, coefficients: Tensor | Floats, params: Tensor | None = None) -> Floats:
        """Return the loss at θ₀ + C·D, each point computed afresh from θ₀.

        Args:
            directions: D (m, n).
            coefficients: C (k, m), one point a row.
            params: Another θ₀ (n,).

        Returns:
            (k,) float64.
        """
        return self.combine(self._totals(directions, coefficients, params)).cpu().numpy()

    def along_parts(
        self, directions: Tensor, coefficients: Tensor | Floats, params: Tensor | None = None
    ) -> tuple[Floats, dict[str, Floats]]:
        """Return the loss (k,) as ``along`` does, and from the same passes the parts' means (k,) as ``parts`` does."""
        totals = self._totals(directions, coefficients, params)
        means = (totals / self.total_counts).T.cpu().numpy()  # (P, k)
        return self.combine(totals).cpu().numpy(), dict(zip(self.part_names, means, strict=True))

    def point(self, directions: Tensor, coefficients: Tensor | Floats, params: Tensor | None = None) -> Tensor:
        """Return the parameters (n,) at one point θ₀ + c·D, for c (m,) and D (m, n)."""
        return torch.addmv(self.checked(params), directions.T, self._coefficients(coefficients))

    def _totals(self, directions: Tensor, coefficients: Tensor | Floats, params: Tensor | None) -> Tensor:
        """Return sums over the batches of all processes (k, P), for as many points at once as fit into the memory."""
        _ = self.total_counts
        start, points = self.checked(params), self._coefficients(coefficients)
        totals: list[Tensor] = []
        done = 0
        while done < len(points):
            chunk = points[done : done + self.points_at_once]
            try:
                totals.append(self._at_once(start, directions, chunk))
            except torch.cuda.OutOfMemoryError:
                if self.points_at_once == 1:
                    raise
                self.points_at_once //= 2
                torch.cuda.empty_cache()
                continue
            done += len(chunk)
        return self.processes.summed(torch.cat(totals)) if totals else torch.zeros_like(self.total_counts)[None][:0]

    def _at_once(self, start: Tensor, directions: Tensor, points: Tensor) -> Tensor:
        if self.vmap and len(points) > 1:
            try:
                return self._vmapped(torch.addmm(start, points, directions))
            except torch.cuda.OutOfMemoryError:
                raise
            except RuntimeError as problem:
                if not self.falls_back:
                    raise
                warnings.warn(f"vmap does not take this loss, points are evaluated one by one: {problem}", stacklevel=4)
                self.vmap = False
        thetas = (torch.addmv(start, directions.T, point) for point in points)
        return torch.stack([self.sums(theta).sum(0) for theta in thetas])

    def _vmapped(self, thetas: Tensor) -> Tensor:
        """Return sums over all batches (k, P) at points (k, n): batches outside, points inside."""
        totals = torch.zeros(len(thetas), self.counts.shape[1], dtype=torch.float64, device=self.device)
        with self.mode(), torch.no_grad():
            for index in range(len(self.batches)):
                totals += func.vmap(lambda theta, index=index: torch.stack(self.terms(theta, index)[0]))(thetas)
        return totals

    def _coefficients(self, coefficients: Tensor | Floats) -> Tensor:
        return torch.as_tensor(coefficients, dtype=self.params.dtype, device=self.device)
