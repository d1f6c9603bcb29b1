"""All benchmarks by name, TASK/WAY, in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks import curvature, epochs, ours, peers
from benchmarks.support.setting import Setting

TASKS = {  # by the first part of a name
    "sasrec-epoch": "SASRec training epoch",
    "samrec-epoch": "SAMRec training epoch",
    "cl4srec-epoch": "CL4SRec training epoch",
    "s3rec-epoch": "S3Rec pre-training epoch",
    "steps": "one step of SASRec, and of other methods in turn with it",
    "ranking": "full ranking of all users",
    "ranking-many": "full ranking of all users among 128,000 items",
    "point": "one surface point, whole training set",
    "surface": "51×51 surface, error ≤ 1e-3 of its range",
    "product": "one Hessian-vector product, whole training set",
    "eigenvalue": "λmax to a relative residual of 1e-3",
    "eigenvalue-tenth": "λmax on a tenth of the users",
    "products": "one product with the Hessian on some users, and others in turn with it",
    "density": "spectral density on some users, 10 probes × 40 steps",
    "trace": "trace of the Hessian on some users, 60 products",
}

GROUPS: dict[str, dict[str, Callable[[Setting], dict[str, Any]]]] = {
    "training": {
        "sasrec-epoch/packed": epochs.sasrec,
        "sasrec-epoch/padded": epochs.sasrec_padded,
        "samrec-epoch/packed": epochs.samrec,
        "cl4srec-epoch/packed": epochs.cl4srec,
        "cl4srec-epoch/padded": epochs.cl4srec_padded,
        "s3rec-epoch/packed": epochs.s3rec,
        "s3rec-epoch/padded": epochs.s3rec_padded,
        "steps/packed": epochs.ratios,
    },
    "ranking": {
        "ranking/packed": ours.ranking,
        "ranking/padded": ours.ranking_padded,
        "ranking-many/packed": ours.ranking_of_many_items,
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
        "products/packed": curvature.products,
        "density/packed": curvature.density,
        "density/pyhessian": peers.pyhessian_density,
        "density/hessian-eigenthings": peers.eigenthings_density,
        "trace/packed": curvature.trace_of_hessian,
        "trace/pyhessian": peers.pyhessian_trace,
        "trace/hessian-eigenthings": peers.eigenthings_trace,
    },
}
BENCHMARKS = {name: function for group in GROUPS.values() for name, function in group.items()}
