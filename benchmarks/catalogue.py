"""All benchmarks by name, TASK/WAY, in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks import ours, peers
from benchmarks.setting import Setting

TASKS = {  # by the first part of a name
    "sasrec-epoch": "SASRec training epoch",
    "samrec-epoch": "SAMRec training epoch",
    "ranking": "full ranking of all users",
    "point": "one surface point, whole training set",
    "surface": "51×51 surface, error ≤ 1e-3 of its range",
    "product": "one Hessian-vector product, whole training set",
    "eigenvalue": "λmax to a relative residual of 1e-3",
    "eigenvalue-tenth": "λmax on a tenth of the users",
}

GROUPS: dict[str, dict[str, Callable[[Setting], dict[str, Any]]]] = {
    "training": {
        "sasrec-epoch/packed": ours.sasrec_epoch,
        "sasrec-epoch/padded": ours.sasrec_epoch_padded,
        "samrec-epoch/packed": ours.samrec_epoch,
    },
    "ranking": {
        "ranking/packed": ours.ranking,
        "ranking/padded": ours.ranking_padded,
    },
    "surface": {
        "point/packed": ours.point,
        "point/padded": ours.point_padded,
        "surface/packed": ours.whole_surface,
        "surface/loss-landscapes": peers.loss_landscapes_surface,
    },
    "curvature": {
        "product/packed": ours.product,
        "product/padded": ours.product_padded,
        "product/pyhessian": peers.pyhessian_product,
        "product/hessian-eigenthings": peers.eigenthings_product,
        "eigenvalue/packed": ours.eigenvalue,
        "eigenvalue-tenth/packed": ours.eigenvalue_of_a_tenth,
        "eigenvalue-tenth/pyhessian": peers.pyhessian_eigenvalue,
        "eigenvalue-tenth/hessian-eigenthings": peers.eigenthings_eigenvalue,
    },
}
BENCHMARKS = {name: function for group in GROUPS.values() for name, function in group.items()}
