"""The names that options and checkpoints use, and what the methods among them stand for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Method:
    """How a method differs from SASRec, whose network all of them end in."""

    title: str
    pretrained: bool = False  # by S3Rec's four losses, before
    contrastive: bool = False  # with CL4SRec's loss added
    sam: str | None = None  # sharpness-aware unless told otherwise


METHODS = {
    "sasrec": Method("SASRec"),
    "s3rec": Method("S3Rec", pretrained=True),
    "cl4srec": Method("CL4SRec", contrastive=True),
    "samrec": Method("SAMRec", sam="sam"),
}

SAM_TITLES = {"sam": "SAM", "asam": "ASAM", "fisher": "FisherSAM", "looksam": "LookSAM"}
LOSSES = {"bce": 1, "ce": 0, "sampled-softmax": 100}  # with the usual number of negatives a target
SIMILARITIES = ("dot", "cosine")
OPERATORS = ("crop", "mask", "reorder")
HEADS = ("aap", "mip", "map", "sp")  # S3Rec's losses, and the parts of the others':
RECOMMENDATION, CONTRASTIVE = "recommendation", "contrastive"

PRETRAINED, TRAINED = "pretrained", "trained"  # the stage that a checkpoint is at the end of
