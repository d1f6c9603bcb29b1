"""Settings: what is filled in, refused, and left out as unused."""

from dataclasses import fields, replace

import pytest

from landscape.training.batches.augmentation import OPERATORS as AUGMENT_OPERATORS
from landscape.training.config.methods import HEADS, LOSSES, METHODS, OPERATORS, SAM_TITLES
from landscape.training.config.training import SECTIONS, TrainingConfig
from landscape.training.losses.next_item import NEXT_ITEM
from landscape.training.optim.perturbations import VARIANTS


def test_every_name_that_can_be_asked_for_is_implemented():
    assert set(SAM_TITLES) == set(VARIANTS)
    assert set(LOSSES) == set(NEXT_ITEM)
    assert set(OPERATORS) == set(AUGMENT_OPERATORS)
    assert set(HEADS) <= {field.name for field in fields(TrainingConfig)}


def test_what_is_left_open_is_filled_in():
    assert TrainingConfig(method="samrec").sam == "sam"
    assert TrainingConfig(method="cl4srec").sam is None
    assert TrainingConfig(sam="asam").sam_every == 1
    assert TrainingConfig(sam="looksam").sam_every == 5
    assert TrainingConfig(sam="looksam", sam_every=2).sam_every == 2
    assert TrainingConfig(loss="sampled-softmax").negatives == 100
    assert TrainingConfig(loss="ce").negatives == 0
    assert TrainingConfig(loss="gbce").negatives == 256
    assert TrainingConfig(method="s3rec").pretrain_epochs == 150
    assert TrainingConfig(method="s3rec", pretrained="1234").pretrain_epochs is None


@pytest.mark.parametrize("method", METHODS)
def test_settings_are_read_back_from_what_is_kept_of_them(method):
    settings = TrainingConfig(method=method, seed=3, crop=0.5 if method == "cl4srec" else 0.6)
    assert TrainingConfig(**settings.settings_in_use()) == settings
    assert (
        TrainingConfig(**{name: value for name, value in settings.settings_in_use().items() if name != "sam"})
        == settings
    )


def test_only_settings_that_affect_the_run_are_stored():
    plain = TrainingConfig(method="sasrec").settings_in_use()
    assert plain["sam"] is None
    assert not {"rho", "aap", "crop", "pretrained", "gbce_t", "valid_users"} & set(plain)
    assert TrainingConfig(loss="gbce").settings_in_use()["gbce_t"] == 0.75
    assert TrainingConfig(valid_users=20).settings_in_use()["valid_users"] == 20
    assert {"rho", "sam_every"} <= set(TrainingConfig(method="samrec").settings_in_use())
    assert {"aap", "pretrained"} <= set(TrainingConfig(method="s3rec").settings_in_use())
    assert "crop" in TrainingConfig(method="cl4srec").settings_in_use()


def test_unused_options_are_named_with_their_section():
    given = ["lr", "rho", "crop", "aap", "pretrained"]
    assert "gbce" in TrainingConfig(loss="ce").unused_options(["gbce_t", "negatives"])["gbce_t"]
    assert TrainingConfig(loss="gbce").unused_options(["gbce_t", "negatives"]) == {}
    assert list(TrainingConfig(method="sasrec").unused_options(given)) == ["rho", "crop", "aap", "pretrained"]
    assert list(TrainingConfig(method="samrec").unused_options(given)) == ["crop", "aap", "pretrained"]
    assert list(TrainingConfig(method="s3rec").unused_options(given)) == ["rho", "crop"]
    assert list(TrainingConfig(method="cl4srec", sam="sam").unused_options(given)) == ["aap", "pretrained"]
    assert "cl4srec" in TrainingConfig(method="sasrec").unused_options(["crop"])["crop"]


def test_every_field_has_a_section_that_is_shown():
    assert {field.metadata["section"] for field in fields(TrainingConfig) if field.metadata} == set(SECTIONS)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lr": float("nan")}, "lr must be finite and above 0, got nan"),
        ({"lr": float("inf")}, "lr must be"),
        ({"lr_schedule": "step"}, "lr_schedule must be one of constant, linear, cosine, got 'step'"),
        ({"rho": -1.0}, "rho must be finite and at least 0, got -1"),
        ({"rho_schedule": "exponential"}, "rho_schedule must be one of"),
        ({"dropout": 1.0}, "dropout must be at least 0 and below 1, got 1.0"),
        ({"epochs": 0}, "epochs must be at least 1, got 0"),
        ({"train_fraction": 0.0}, "train_fraction must be at most 1 and above 0, got 0.0"),
        ({"method": "bert4rec"}, "method must be one of"),
        ({"sam": "adam"}, "sam must be one of sam, asam, fisher, looksam, got 'adam'"),
        ({"sam_every": 0}, "sam_every must be at least 1"),
        ({"loss": "bpr"}, "loss must be one of"),
        ({"loss": "sampled-softmax", "negatives": 0}, "needs at least 1 of --negatives"),
        ({"negatives": 5}, "the loss bce takes 1 negatives, got 5; other numbers go with --loss sampled-softmax"),
        ({"loss": "ce", "negatives": 1}, "the loss ce takes 0 negatives"),
        ({"loss": "gbce", "negatives": 0}, "gbce needs at least 1 of --negatives, got 0"),
        ({"loss": "gbce", "gbce_t": 1.5}, "gbce_t must be at least 0 and at most 1, got 1.5"),
        ({"loss": "gbce", "gbce_t": float("nan")}, "gbce_t must be at least 0 and at most 1, got nan"),
        ({"valid_users": 1}, "valid_users must be at least 2, got 1"),
        ({"pretrain_epochs": 0}, "pretrain_epochs must be at least 1"),
        ({"pretrain_mask": 1.5}, "pretrain_mask must be"),
        ({"sp": -0.5}, "sp must be"),
        ({"method": "s3rec", "pretrained": "12", "pretrain_epochs": 3}, "leave out --pretrain-epochs"),
        ({"temperature": 0.0}, "temperature must be"),
        ({"similarity": "euclid"}, "similarity must be one of dot, cosine"),
        ({"crop": 0.0}, "crop must be"),
        ({"mask": float("nan")}, "mask must be"),
        ({"operators": "crop,swap"}, "an operator must be one of crop, mask, reorder, got 'swap'"),
        ({"operators": "crop,Crop"}, "operators names one twice"),
        ({"operators": "crop"}, "two different operators are needed, got crop; or add --same-operator"),
        ({"operators": ""}, "an operator must be one of"),
    ],
)
def test_settings_out_of_range_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(TrainingConfig(method="sasrec", negatives=None), **({"negatives": None} | change))


def test_names_are_spelt_as_ours():
    settings = TrainingConfig(method="CL4SRec", sam="LookSAM", operators="Mask, crop", loss="CE")
    assert (settings.method, settings.sam, settings.operators, settings.loss) == (
        "cl4srec",
        "looksam",
        "mask,crop",
        "ce",
    )
