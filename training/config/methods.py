"""The methods, and the names that options and checkpoints use.

To add a method: an entry in ``METHODS``; its loss in training/losses and, if it trains on other batches than those of
a listed stage, a stage in training/loop/stages.py; its options as a section of ``TrainingConfig``.
"""

from __future__ import annotations

from dataclasses import dataclass

HEADS = ("aap", "mip", "map", "sp")  # S3Rec's losses, and the parts of the others':
RECOMMENDATION, CONTRASTIVE = "recommendation", "contrastive"

PRETRAINED, TRAINED = "pretrained", "trained"  # the stage that a checkpoint is at the end of


@dataclass(frozen=True)
class Method:
    """How a method differs from SASRec, whose network all of them end in."""

    title: str
    stages: tuple[str, ...] = (RECOMMENDATION,)  # keys of STAGES in training/loop/stages.py, in their order
    sam: str | None = None  # the default of --sam


METHODS = {
    "sasrec": Method("SASRec"),
    "s3rec": Method("S3Rec", stages=(PRETRAINED, RECOMMENDATION)),  # pre-trained by four losses
    "cl4srec": Method("CL4SRec", stages=(CONTRASTIVE,)),  # a contrastive loss is added
    "samrec": Method("SAMRec", sam="sam"),
}

SAM_TITLES = {"sam": "SAM", "asam": "ASAM", "fisher": "FisherSAM", "looksam": "LookSAM"}
LOSSES = {"bce": 1, "ce": 0, "sampled-softmax": 100, "gbce": 256}  # with the usual number of negatives for each target
SAMPLED_LOSSES = ("sampled-softmax", "gbce")  # those that take any number of negatives
SIMILARITIES = ("dot", "cosine")
OPERATORS = ("crop", "mask", "reorder")
