"""Losses of small random Transformers against the models' own, and their matrices against dense ones."""

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.autograd.functional import hessian, jacobian
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel

from landscape import FisherOperator, GaussNewtonOperator, HessianOperator, Objective, huggingface, surface
from tests.support.transformers_library import transformers as library

transformers = library()
pytestmark = pytest.mark.slow  # the library's import alone takes seconds

V, ROWS, LENGTH = 11, 5, 6
BERT = {
    "vocab_size": V,
    "hidden_size": 4,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 6,
    "max_position_embeddings": 8,
}
LLAMA = {**BERT, "num_key_value_heads": 1, "head_dim": 2}
DISTILBERT = {"vocab_size": V, "dim": 4, "n_layers": 1, "n_heads": 2, "hidden_dim": 6, "max_position_embeddings": 8}
BART = {
    "vocab_size": V,
    "d_model": 4,
    "max_position_embeddings": 8,
    **{f"{side}_{what}": size for side in ("encoder", "decoder") for what, size in (("layers", 1), ("ffn_dim", 6))},
    **{f"{side}_attention_heads": 2 for side in ("encoder", "decoder")},
}
T5 = {
    "vocab_size": V,
    "d_model": 4,
    "d_kv": 2,
    "d_ff": 6,
    "num_layers": 1,
    "num_heads": 2,
    "decoder_start_token_id": 0,
    "relative_attention_num_buckets": 4,
}


def built(name: str, config: str, **options) -> nn.Module:
    torch.manual_seed(0)
    model = getattr(transformers, name)(getattr(transformers, config)(**options))
    with torch.no_grad():  # larger than the initial 0.02, so that nothing is nearly zero
        for parameter in model.parameters():
            parameter += 0.2 * torch.randn(parameter.shape)
    return model.eval()


def gpt2() -> nn.Module:
    return built("GPT2LMHeadModel", "GPT2Config", vocab_size=V, n_embd=4, n_layer=1, n_head=2, n_positions=8)


def llama(tied: bool) -> nn.Module:
    return built("LlamaForCausalLM", "LlamaConfig", tie_word_embeddings=tied, pad_token_id=0, **LLAMA)


def bert(head: str, **options) -> nn.Module:
    return built(f"BertFor{head}", "BertConfig", **BERT, **options)


def distilbert(**options) -> nn.Module:
    return built("DistilBertForSequenceClassification", "DistilBertConfig", **DISTILBERT, **options)


def texts(labels: str) -> list[dict[str, Tensor]]:
    """Batches of different sizes, with padding of different lengths and labels of the given kind."""
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(1, V, (ROWS, LENGTH), generator=generator)
    lengths = torch.tensor([6, 3, 4, 6, 2])[:, None]
    there = torch.arange(LENGTH) < lengths
    ids = ids * there
    of = {
        "tokens": torch.where(there, ids, -100),
        "masked": ids.masked_fill(torch.rand(ids.shape, generator=generator) < 0.6, -100),
        "tags": torch.randint(3, ids.shape, generator=generator).masked_fill(~there, -100),
        "class": torch.tensor([0, 2, 1, 1, 0]),
        "classes": torch.randint(2, (ROWS, 3), generator=generator).float(),
        "number": torch.randn(ROWS, generator=generator),
        "numbers": torch.randn(ROWS, 3, generator=generator),
    }[labels]
    batch = {"input_ids": ids, "attention_mask": there.long(), "labels": of}
    return [{key: value[rows] for key, value in batch.items()} for rows in (slice(0, 2), slice(2, 5))]


CASES = {
    "gpt2": (gpt2, "tokens"),
    "llama, tied": (lambda: llama(True), "tokens"),
    "llama, untied": (lambda: llama(False), "tokens"),
    "bert, masked": (lambda: bert("MaskedLM"), "masked"),
    "bert, tags": (lambda: bert("TokenClassification", num_labels=3), "tags"),
    "bert, one label": (lambda: bert("SequenceClassification", num_labels=3), "class"),
    "bert, several labels": (lambda: bert("SequenceClassification", num_labels=3), "classes"),
    "distilbert, regression": (lambda: distilbert(num_labels=1), "number"),
    "distilbert, several numbers": (lambda: distilbert(num_labels=3, problem_type="regression"), "numbers"),
    "bart": (lambda: built("BartForConditionalGeneration", "BartConfig", **BART), "tokens"),
    "t5": (lambda: built("T5ForConditionalGeneration", "T5Config", **T5), "tokens"),
}


def terms_of(batch: dict[str, Tensor], name: str) -> int:
    """How many terms the model's own mean is over."""
    labels = batch["labels"]
    if labels.is_floating_point():
        return labels.numel()
    return int((labels[:, 1:] if name.startswith(("gpt2", "llama")) else labels).ne(-100).sum())


@pytest.fixture(params=CASES)
def case(request):
    make, labels = CASES[request.param]
    return request.param, make(), texts(labels)


def test_the_loss_is_the_models_own_times_its_terms(case):
    name, model, batches = case
    objective = Objective(model, huggingface(), batches)
    _, sums, counts = objective.by_batch()
    expected = [terms_of(batch, name) for batch in batches]
    assert counts[:, 0].tolist() == expected
    own = [model(**batch).loss.item() * number for batch, number in zip(batches, expected, strict=True)]
    np.testing.assert_allclose(sums[:, 0], own, rtol=1e-5)


def reference(model: nn.Module) -> nn.Module:
    """A copy without ``padding_idx``, whose rows get no gradient from torch even where they move a tied score."""
    copied = copy.deepcopy(model)
    for module in copied.modules():
        if isinstance(module, nn.Embedding):
            module.padding_idx = None
    return copied


def at(model: nn.Module, objective: Objective, theta: Tensor, batch) -> Tensor:
    """The model's result for a batch at θ; tied weights follow."""
    return functional_call(model, objective.space.views(theta), (), batch)


def test_products_are_those_of_dense_matrices(case):
    """The loss is written by the model itself, with its default attention."""
    name, model, batches = case
    model.double()
    batches = [{k: v.double() if v.is_floating_point() else v for k, v in batch.items()} for batch in batches]
    objective = Objective(model, huggingface(), batches)
    theta, own, total = objective.params, reference(model), sum(terms_of(batch, name) for batch in batches)
    v = torch.randn(len(theta), generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    v = objective.space.project(v)

    def rows(theta: Tensor) -> Tensor:
        """The sums of each row's terms."""
        singles = [{key: value[i : i + 1] for key, value in batch.items()} for batch in batches
                   for i in range(len(batch["labels"]))]  # fmt: skip
        return torch.stack([at(own, objective, theta, each).loss * terms_of(each, name) for each in singles])

    with sdpa_kernel(SDPBackend.MATH):
        leaf = theta.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(rows(leaf).sum() / total, leaf, create_graph=True)
        (product,) = torch.autograd.grad(gradient, leaf, v)
        J = jacobian(rows, theta)
    # Logits are cast to float32 by some models' own loss.
    close = {"rtol": 1e-4, "atol": 1e-5}
    torch.testing.assert_close(HessianOperator(objective) @ v, objective.space.project(product), **close)
    torch.testing.assert_close(FisherOperator(objective) @ v, objective.space.project(J.T @ (J @ v)) / total, **close)


def test_gauss_newton_is_that_of_the_logits(case):
    name, model, batches = case
    model.double()
    batches = [{k: v.double() if v.is_floating_point() else v for k, v in batch.items()} for batch in batches]
    loss = huggingface()
    objective = Objective(model, loss, batches)
    theta, own, total = objective.params, reference(model), sum(terms_of(batch, name) for batch in batches)
    v = torch.randn(len(theta), generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    v, expected = objective.space.project(v), torch.zeros_like(theta)
    single = name.startswith(("llama", "t5"))  # their norms are computed in float32
    close = {"rtol": 1e-4, "atol": 1e-5} if single else {"rtol": 1e-8, "atol": 1e-10}
    with sdpa_kernel(SDPBackend.MATH):
        for batch in batches:
            logits = at(own, objective, theta, batch).logits.detach()
            J = jacobian(lambda t, batch=batch: at(own, objective, t, batch).logits.flatten(), theta)
            kind = type(loss.outputs(model, batch))
            middle = hessian(
                lambda z, b=batch, s=logits.shape, k=kind: k(z.view(s)).terms(b["labels"])[0].sum(), logits.flatten()
            )
            expected += J.T @ (middle @ (J @ v)) / total
    for retain in (2**30, 0):  # by differentiating twice, and in forward mode
        found = GaussNewtonOperator(objective, retain=retain) @ v
        torch.testing.assert_close(found, objective.space.project(expected), **close)


def test_a_surface_and_the_models_configuration_is_left_as_it_was():
    model, batches = distilbert(num_labels=1), texts("number")
    objective = Objective(model, huggingface(), batches)
    found = surface(objective, torch.ones_like(objective.params), points=5, grid=True)
    assert np.isfinite(found.loss).all()
    assert model.config.problem_type is None


def test_batches_of_a_tokenizer():
    batches = texts("tokens")
    model = gpt2()
    encoded = [transformers.BatchEncoding(batch) for batch in batches]
    assert Objective(model, huggingface(), encoded).value() == Objective(model, huggingface(), batches).value()


def test_a_subclass_and_a_task_given_by_hand():
    class Mine(transformers.GPT2LMHeadModel):
        pass

    class Wrapped(nn.Module):
        def __init__(self, model: nn.Module) -> None:
            super().__init__()
            self.inside = model

        def forward(self, input_ids, attention_mask):
            return self.inside(input_ids=input_ids, attention_mask=attention_mask)

    model, batches = gpt2(), texts("tokens")
    expected = Objective(model, huggingface(), batches).value()
    mine = Mine(model.config).eval()
    mine.load_state_dict(model.state_dict())
    assert Objective(mine, huggingface(), batches).value() == expected
    with pytest.raises(
        ValueError, match=r"loss of Wrapped is not known .* huggingface\(task=...\) .*causal-lm, masked"
    ):
        Objective(Wrapped(model), huggingface(), batches).value()
    assert Objective(Wrapped(model), huggingface("causal-lm"), batches).value() == expected


def test_a_loss_that_is_not_the_models_own_is_refused():
    """Another task than that of the model, and terms that a model adds to its loss."""
    model, batches = gpt2(), texts("tokens")
    with pytest.raises(ValueError, match=r"own loss of GPT2LMHeadModel is .* where masked-lm gives .*task="):
        Objective(model, huggingface("masked-lm"), batches).value()
    with pytest.raises(ValueError, match="task must be one of causal-lm, .*, got 'causal'"):
        huggingface("causal")


def test_labels_are_never_guessed():
    model, batches = gpt2(), texts("tokens")
    for batch in batches:
        del batch["labels"]
    with pytest.raises(ValueError, match=r"with 'labels'.*the keys 'input_ids', 'attention_mask'.*masked_fill\("):
        Objective(model, huggingface(), batches).value()
    for batch in batches:
        batch["labels"] = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
    assert Objective(model, huggingface(), batches).value() == Objective(gpt2(), huggingface(), texts("tokens")).value()


def test_labels_that_do_not_fit_are_refused():
    batches = texts("class")
    with pytest.raises(ValueError, match=r"labels \(2,\) do not fit logits \(2, 6, 11\)"):
        Objective(gpt2(), huggingface(), batches).value()


def test_a_batch_without_labels_that_count_adds_nothing():
    model, batches = gpt2(), texts("tokens")
    empty = {**batches[0], "labels": torch.full_like(batches[0]["labels"], -100)}
    objective = Objective(model, huggingface(), [batches[0], empty])
    assert objective.value() == Objective(model, huggingface(), batches[:1]).value()
    assert Objective(model, huggingface(), [empty, batches[0]]).value() == objective.value()


def test_a_causal_model_that_does_not_shift():
    """BART's decoder is named a causal model, and compares labels with the outputs in their own places."""
    model, batches = built("BartForCausalLM", "BartConfig", **BART), texts("tokens")
    with pytest.raises(ValueError, match="own loss of BartForCausalLM is .* where causal-lm gives"):
        Objective(model, huggingface(), batches).value()
    sums = Objective(model, huggingface("masked-lm"), batches).by_batch().sums
    assert sums[0, 0] == pytest.approx(model(**batches[0]).loss.item() * 9, rel=1e-5)


def test_what_a_model_adds_to_its_loss_is_seen():
    sizes = {**LLAMA, "hidden_size": 16, "intermediate_size": 16, "head_dim": 8, "num_local_experts": 2}
    plain, added = (
        built("MixtralForCausalLM", "MixtralConfig", output_router_logits=on, **sizes) for on in (False, True)
    )
    batches = texts("tokens")
    assert Objective(plain, huggingface(), batches).value() > 0
    with pytest.raises(ValueError, match="own loss of MixtralForCausalLM .* switch off what the model adds"):
        Objective(added, huggingface(), batches).value()


def test_several_points_at_once(case):
    """In ``torch.func.vmap``, as on a GPU."""
    _, model, batches = case
    objectives = [Objective(model, huggingface(), batches, vmap=vmap) for vmap in (False, True)]
    directions = torch.ones_like(objectives[0].params)[None]
    one_by_one, at_once = (each.along(directions, torch.tensor([[0.0], [0.3]])) for each in objectives)
    np.testing.assert_allclose(at_once, one_by_one, rtol=1e-5)


def test_half_precision():
    """Terms are computed in float32, from logits in bfloat16."""
    batches = texts("tokens")
    value = Objective(gpt2().bfloat16(), huggingface(), batches).value()
    assert value == pytest.approx(Objective(gpt2(), huggingface(), batches).value(), rel=3e-3)


@pytest.mark.filterwarnings("ignore")  # of peft, in the words of its own
def test_an_adapter_of_peft():
    """At its start it adds nothing; its parameters alone are θ."""
    peft = pytest.importorskip("peft", reason="adapters of peft are tested with it")
    config = peft.LoraConfig(task_type="CAUSAL_LM", r=2, target_modules=["c_attn"])
    objective = Objective(peft.get_peft_model(gpt2(), config), huggingface(), texts("tokens"))
    assert objective.space.size == 2 * 4 + 2 * 12
    assert objective.value() == Objective(gpt2(), huggingface(), texts("tokens")).value()
    assert (GaussNewtonOperator(objective) @ torch.ones(objective.space.size)).any()


def test_in_training_mode_masks_differ_from_those_of_the_models_own_loss():
    model, batches = gpt2(), texts("tokens")
    evaluated = Objective(model, huggingface(), batches).value()
    trained = Objective(model, huggingface(), batches, training_mode_seed=3)
    assert trained.value() == trained.value() != evaluated
