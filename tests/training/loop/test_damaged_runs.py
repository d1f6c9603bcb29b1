"""Files of a run that are damaged or of another run are refused with a reason, before training continues from them."""

import json
import shutil
from dataclasses import replace

import pytest
import torch

from landscape.training.checkpoints.plain_files import load_plain
from landscape.training.config.training import TrainingConfig
from landscape.training.loop.trainer import train
from tests.support.small import random_dataset, with_attributes

DATASET = with_attributes(random_dataset([3, 4, 5, 6, 7, 8, 9, 12] * 4))
SIZES = {"epochs": 2, "batch_size": 16, "max_length": 8, "width": 8, "layers": 1, "heads": 2}
ADAM = TrainingConfig(method="sasrec", **SIZES)
LOOKSAM = TrainingConfig(method="sasrec", sam="looksam", rho=0.1, **SIZES)
REMEDY = "; remove the folder to start the run again"


@pytest.fixture(scope="module", params=[ADAM, LOOKSAM], ids=["adam", "looksam"])
def finished(request, tmp_path_factory):
    """Settings, and the folder of a run of two epochs."""
    folder = tmp_path_factory.mktemp("run")
    train(DATASET, request.param, folder)
    return request.param, folder


def resume(finished, tmp_path, name, content):
    """Continue a copy of the run in which one file is another."""
    settings, folder = finished
    shutil.copytree(folder, tmp_path / "run")
    if isinstance(content, bytes):
        (tmp_path / "run" / name).write_bytes(content)
    else:
        torch.save(content, tmp_path / "run" / name)
    train(DATASET, settings, tmp_path / "run", resume=True)


def refused(finished, tmp_path, name, content, message, remedy=REMEDY):
    """Continue likewise, and check the refusal."""
    before = {path.name: path.read_bytes() for path in finished[1].iterdir() if path.name != name}
    with pytest.raises(ValueError, match=message) as raised:
        resume(finished, tmp_path, name, content)
    assert str(raised.value).startswith(str(tmp_path / "run" / name))
    assert str(raised.value).endswith(remedy)
    assert str(raised.value).isprintable()
    after = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir() if path.name != name}
    assert after == before


def changed(finished, change):
    """The content of last.pt with one change."""
    state = load_plain(finished[1] / "last.pt", "state")
    change(state)
    return state


def adam_of(state):
    """The part of a state that Adam writes."""
    return state["optimiser"].get("base", state["optimiser"])


STATES = {
    "no random": (lambda state: state.pop("random"), "it lacks random"),
    "a stage that is a list": (lambda state: state.update(stage=["trained"]), "stage is a list, not one of"),
    "another stage": (lambda state: state.update(stage="pretrained"), "the stage pretrained is none of this run's"),
    "no epochs": (lambda state: state.update(done=0), "done is 0, not a whole number from 1"),
    "more epochs": (lambda state: state.update(done=3), "done is 3, and history has 2 epochs"),
    "epochs as text": (lambda state: state.update(done="2"), "done is '2', not a whole number"),
    "a better best": (lambda state: state.update(best=0.99), "best is 0.99, which is not NDCG@20 of the epoch"),
    "a best epoch to come": (lambda state: state.update(best_epoch=7), "which is not NDCG@20 of the epoch 7"),
    "history of texts": (lambda state: state.update(history=["x"]), r"history\[0\] is 'x', not a dictionary"),
    "a history without losses": (lambda state: state["history"][1].pop("train_loss"), r"history\[1\] lacks train_loss"),
    "an epoch twice": (lambda state: state["history"][1].update(epoch=1), "after epoch 1 comes epoch 1"),
    "half weights": (
        lambda state: state["weights"].update({"norm.bias": torch.zeros(8).half()}),
        "weights.norm.bias is a tensor of float16",
    ),
    "a shorter table": (
        lambda state: state["weights"].update({"items.weight": torch.zeros(30, 8)}),
        r"items.weight has the shape \(30, 8\) instead of \(62, 8\)",
    ),
    "NaN weights": (
        lambda state: state["weights"]["norm.bias"].fill_(torch.nan),
        "weights of the model are not finite",
    ),
    "random numbers of floats": (lambda state: state.update(random=torch.zeros(9)), "random is a tensor of float32"),
    "a short random state": (
        lambda state: state.update(random=torch.zeros(9, dtype=torch.uint8)),
        "random is not the state of a random generator",
    ),
    "an optimiser that is a list": (lambda state: state.update(optimiser=[]), "optimiser is a list"),
    "moments of another shape": (
        lambda state: adam_of(state)["state"][0].update(exp_avg=torch.zeros(3)),
        r"state\[0\].exp_avg has the shape \(3,\) instead of \(62, 8\)",
    ),
    "moments that are negative": (
        lambda state: adam_of(state)["state"][0]["exp_avg_sq"].fill_(-1),
        r"state\[0\] has a negative square",
    ),
    "moments of no parameter": (
        lambda state: adam_of(state)["state"].update({99: adam_of(state)["state"][0]}),
        "state has the parameter 99",
    ),
    "moments that are missing": (lambda state: adam_of(state)["state"][0].pop("step"), r"state\[0\] lacks step"),
    "other options": (
        lambda state: adam_of(state)["param_groups"][0].update(betas=(0.5, 0.999)),
        "param_groups.betas is a tuple instead of",
    ),
    "a group of no parameters": (lambda state: adam_of(state)["param_groups"][0].pop("params"), "lacks params"),
}
SAM_STATES = {
    "another variant": (lambda state: state["optimiser"].update(variant="sam"), "variant is 'sam' instead of looksam"),
    "a negative step": (lambda state: state["optimiser"].update(steps=-1), "steps is -1, not a whole number from 0"),
    "fewer directions": (lambda state: state["optimiser"]["across"].pop(), "across has"),
    "a direction of NaN": (lambda state: state["optimiser"]["across"][0].fill_(torch.nan), "across.0. is not finite"),
    "no base": (lambda state: state["optimiser"].pop("base"), "optimiser lacks base"),
}


@pytest.mark.parametrize("case", STATES)
def test_a_state_that_no_run_has_is_refused(case, finished, tmp_path):
    change, message = STATES[case]
    refused(finished, tmp_path, "last.pt", changed(finished, change), message)


@pytest.mark.parametrize("finished", [LOOKSAM], indirect=True, ids=["looksam"])
@pytest.mark.parametrize("case", SAM_STATES)
def test_a_state_that_sam_never_has_is_refused(case, finished, tmp_path):
    change, message = SAM_STATES[case]
    refused(finished, tmp_path, "last.pt", changed(finished, change), message)


CONFIGS = {
    "a list": (b"[1]", "it is a list, not a dictionary"),
    "a text": (b'"x"', "it is 'x', not a dictionary"),
    "no JSON": (b"\x1b[31m", "Expecting value"),
    "no UTF-8": (b"\xff", "can't decode"),
    "brackets": (b"[" * 10**5, "its brackets are too deep"),
    "many digits": (b'{"seed": %s}' % (b"9" * 10**4), "Exceeds the limit"),
    "a name twice": (b'{"seed": 0, "seed": 0}', "it has 'seed' twice"),
    "a list inside": (b'{"seed": [0]}', "seed is a list, not a number, a text, true, false or nothing"),
}


@pytest.mark.parametrize("case", CONFIGS)
def test_a_config_that_is_none_is_refused(case, finished, tmp_path):
    content, message = CONFIGS[case]
    refused(finished, tmp_path, "config.json", content, message)


def test_a_setting_of_another_value_is_escaped(finished, tmp_path):
    config = {**json.loads((finished[1] / "config.json").read_text()), "loss": "\x1b[31m"}
    with pytest.raises(ValueError, match=r"loss was '\\x1b\[31m' and is 'bce'"):
        resume(finished, tmp_path, "config.json", json.dumps(config).encode())


def test_a_checkpoint_of_another_run_is_not_returned(finished, tmp_path):
    settings, _ = finished
    train(DATASET, replace(settings, seed=5, epochs=1), tmp_path / "other")
    content = (tmp_path / "other" / "checkpoint.pt").read_bytes()
    refused(finished, tmp_path, "checkpoint.pt", content, "it is not the checkpoint of this run's best epoch")


def test_a_history_that_is_damaged_is_written_again(finished, tmp_path):
    resume(finished, tmp_path, "history.csv", b"\xff")
    assert (tmp_path / "run" / "history.csv").read_bytes() == (finished[1] / "history.csv").read_bytes()
