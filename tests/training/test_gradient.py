"""The packed, shared gradient against the plain one: same loss, same gradient, in float64, for several families."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch

from hanka.prompting import Encoded
from hanka.training import head
from hanka.training.batching import micro_batches, pad, shareable, supervised
from hanka.training.gradient import OWN_PASS, Gradient, padded_logits
from hanka.tuners import TUNERS
from tiny_models import tiny_model

FAMILIES: dict[str, dict[str, Any]] = {
    "llama": {},
    "mistral": {"sliding_window": None},
    "mistral-sliding": {"sliding_window": 8},
    "qwen3": {},
    "gpt2": {},
    "gemma3_text": {"sliding_window": 8, "layer_types": ["sliding_attention", "full_attention"]},
}
EVERY = pytest.mark.parametrize("family", FAMILIES)
PEFT = pytest.mark.parametrize("peft", ["none", "lora"])
N_SHARED = OWN_PASS + 6
FLOAT64 = {"atol": 1e-12, "rtol": 1e-8}
"Sums in another order differ by about 1e-16."
ROUNDED = {"atol": 2e-8, "rtol": 1e-5}
"RMSNorm in transformers rounds to float32 even in a float64 model; gradients here are about 1e-3."


def rows(n_shared: int = N_SHARED, n_rows: int = 7) -> list[Encoded]:
    """Rows that share their beginning; own parts and targets of several lengths."""
    generator = torch.Generator().manual_seed(1)
    shared = torch.randint(2, 400, (n_shared,), generator=generator).tolist()
    made = []
    for index in range(n_rows):
        own = torch.randint(2, 400, (5 + 4 * (index % 4),), generator=generator).tolist()
        ids = [*shared, 2 + index, *own]
        made.append(Encoded(ids, len(ids) - 1 - index % 3))
    return made


def model_of(family: str, peft: str = "none", **changes: Any) -> Any:
    model = tiny_model(family.split("-")[0], **(FAMILIES[family] | changes))
    targets = ["c_attn", "c_fc"] if family == "gpt2" else "all-linear"
    tuner = TUNERS.get(peft)
    model = tuner.wrap(model, tuner.own({"r": 4, "target_modules": targets}), 0)
    for name, value in model.named_parameters():
        if "lora_B" in name:  # else the gradient of every A is zero
            torch.nn.init.normal_(value, std=0.1, generator=torch.Generator().manual_seed(len(name)))
    return model.double()


def gradients(model: Any) -> dict[str, torch.Tensor]:
    return {name: value.grad.clone() for name, value in model.named_parameters() if value.grad is not None}


def plain(model: Any, batch: Sequence[Encoded]) -> tuple[float, dict[str, torch.Tensor]]:
    """One unpadded row at a time, the library's shifted loss over all logits, summed."""
    model.zero_grad()
    n_targets, total = sum(map(supervised, batch)), 0.0
    for row in batch:
        labels = torch.tensor([row.ids])
        labels[:, : row.start] = -100
        logits = model(input_ids=torch.tensor([row.ids]), use_cache=False).logits[0, :-1]
        loss = torch.nn.functional.cross_entropy(logits, labels[0, 1:], ignore_index=-100, reduction="sum") / n_targets
        loss.backward()
        total += loss.item()
    return total, gradients(model)


def packed(model: Any, batch: Sequence[Encoded], budget: int) -> tuple[float, dict[str, torch.Tensor], Gradient]:
    model.zero_grad()
    gradient = Gradient(model)
    model.train()
    loss = gradient.accumulate(batch, budget)
    model.eval()
    return loss, gradients(model), gradient


def assert_equal(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor], family: str = "llama") -> None:
    assert found.keys() == expected.keys()
    tolerance = FLOAT64 if family == "gpt2" else ROUNDED
    for name, value in found.items():
        torch.testing.assert_close(value, expected[name], **tolerance, msg=lambda text, name=name: f"{name}: {text}")


@EVERY
@PEFT
@pytest.mark.parametrize("checkpointing", [False, True], ids=["", "checkpointing"])
def test_loss_and_gradient_are_the_plain_ones_whatever_the_micro_batches(
    family: str, peft: str, checkpointing: bool
) -> None:
    """Budgets: all rows in one pass with what they share; two and seven micro-batches behind a pass of its own."""
    model, batch = model_of(family, peft), rows()
    loss, expected = plain(model, batch)
    if checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        model.enable_input_require_grads()
    for budget in (10_000, 64, 8):
        found, slopes, gradient = packed(model, batch, budget)
        assert gradient.notes == ()
        assert found == pytest.approx(loss, abs=1e-7)
        assert_equal(slopes, expected, family)
        assert gradient.n_forwarded == N_SHARED + sum(len(row.ids) - N_SHARED for row in batch)


@pytest.mark.parametrize("n_shared", [0, 12])
def test_short_and_absent_prefixes(n_shared: int) -> None:
    model, batch = model_of("llama"), rows(n_shared)
    loss, expected = plain(model, batch)
    for budget in (10_000, 40, 8):
        found, slopes, _ = packed(model, batch, budget)
        assert found == pytest.approx(loss, abs=1e-7)
        assert_equal(slopes, expected)


@PEFT
def test_half_precision_by_autocast_is_the_plain_gradient_but_for_rounding(peft: str) -> None:
    model, batch = model_of("llama", peft).float(), rows()
    loss, exact = plain(model, batch)
    for budget in (4096, 40):
        model.zero_grad()
        found = Gradient(model, lambda: torch.autocast("cpu", torch.bfloat16)).accumulate(batch, budget)
        assert found == pytest.approx(loss, rel=2**-8), "bfloat16 keeps eight bits"
        gap = sum((one - exact[name]).norm() ** 2 for name, one in gradients(model).items()) ** 0.5
        assert gap <= 0.03 * sum(one.norm() ** 2 for one in exact.values()) ** 0.5  # a few roundings of 2**-8 on top


@PEFT
def test_equal_rows_and_rows_that_end_where_others_go_on(peft: str) -> None:
    """What predicts a supervised token is never shared, even where its text is."""
    first = rows()[0]
    batch = [first, first, Encoded(first.ids[:40], 38), Encoded(first.ids[:40], 5)]
    assert shareable(batch) == 4
    model = model_of("llama", peft)
    loss, expected = plain(model, batch)
    found, slopes, _ = packed(model, batch, 10_000)
    assert found == pytest.approx(loss, abs=1e-7)
    assert_equal(slopes, expected)


@pytest.mark.parametrize("family", ["llama", "gemma3_text"])
def test_padded_rows_have_the_plain_gradient_too(family: str) -> None:
    model, batch = model_of(family), rows(0)
    loss, expected = plain(model, batch)
    for budget in (10_000, 40):
        model.zero_grad()
        total = 0.0
        for cut in micro_batches(batch, budget, padded=True):
            logits = padded_logits(model, pad(cut), torch.device("cpu"))
            wanted = torch.tensor([token for row in cut for token in row.ids[max(row.start, 1) :]])
            part = torch.nn.functional.cross_entropy(logits, wanted, reduction="sum") / sum(map(supervised, batch))
            part.backward()
            total += part.item()
        assert total == pytest.approx(loss, abs=1e-7)
        assert_equal(gradients(model), expected)


def test_a_model_that_takes_no_packed_rows_is_padded_and_says_so() -> None:
    model = model_of("llama", rope_parameters={"rope_type": "dynamic", "factor": 2.0, "rope_theta": 10_000.0})
    loss, expected = plain(model, rows(6))
    found, slopes, gradient = packed(model, rows(6), 40)
    (note,) = gradient.notes
    assert "rows are padded" in note
    assert "rotary embedding" in note
    assert found == pytest.approx(loss, abs=1e-7)
    assert_equal(slopes, expected)


@pytest.mark.parametrize("where", ["attention", "lora"])
def test_dropout_is_drawn_for_every_row_so_nothing_is_shared(where: str) -> None:
    model = tiny_model("llama", attention_dropout=0.1 if where == "attention" else 0.0)
    lora = TUNERS.get("lora")
    gradient = Gradient(lora.wrap(model, lora.own({"r": 4, "dropout": 0.1 if where == "lora" else 0.0}), 0))
    assert "dropout" in gradient.notes[0]
    gradient.accumulate(rows(), 10_000)
    assert gradient.n_forwarded == sum(len(row.ids) for row in rows())


@PEFT
@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_the_head_in_chunks_is_the_head_at_once(family: str, peft: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, batch = model_of(family, peft), rows()
    loss, expected = plain(model, batch)
    monkeypatch.setattr(head, "CHUNK", 3)
    found, slopes, gradient = packed(model, batch, 64)
    assert gradient.head is not None
    assert found == pytest.approx(loss, abs=1e-7)
    assert_equal(slopes, expected, family)


def test_a_head_that_is_more_than_a_matrix_is_left_whole() -> None:
    model = tiny_model("gemma2", final_logit_softcapping=0.5, attn_logit_softcapping=None).double()
    assert head.find_head(model) is None
    assert head.find_head(tiny_model("llama")) is not None


def test_micro_batches_keep_every_row_and_the_budget() -> None:
    batch = rows()
    for budget in (8, 64, 10_000):
        cuts = micro_batches(batch, budget, N_SHARED)
        assert sorted(row.ids for cut in cuts for row in cut) == sorted(row.ids for row in batch)
        for cut in cuts:
            assert len(cut) == 1 or sum(len(row.ids) - N_SHARED for row in cut) <= budget
    for cut in micro_batches(batch, 200, padded=True):
        assert len(cut) == 1 or len(cut) * max(len(row.ids) for row in cut) <= 200


@PEFT
@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_half_precision_by_autocast_meets_shared_prefixes(family: str, peft: str) -> None:
    """Float32 weights: rotary embeddings leave queries and keys in float32, values come in bfloat16."""
    model, batch = model_of(family, peft).float(), rows()
    loss, expected = plain(model, batch)
    for budget in (10_000, 64):  # what is shared goes first into the same pass, then into one of its own
        model.zero_grad()
        gradient = Gradient(model, lambda: torch.autocast("cpu", torch.bfloat16))
        assert gradient.notes == ()
        assert gradient.accumulate(batch, budget) == pytest.approx(loss, rel=3e-3)
        for name, value in gradients(model).items():
            assert (value - expected[name]).norm() < 0.05 * expected[name].norm(), name


def n_forwarded(model: Any, batch: Sequence[Encoded], budget: int) -> int:
    return packed(model, batch, budget)[2].n_forwarded


def test_what_is_shared_has_a_pass_of_its_own_from_own_pass_tokens_on() -> None:
    """One token fewer, and every micro-batch repeats it: counted in tokens that pass the model."""
    model = model_of("llama")
    for n_shared in (OWN_PASS - 1, OWN_PASS):
        batch = rows(n_shared)
        own = sum(len(row.ids) - n_shared for row in batch)
        assert n_forwarded(model, batch, 10_000) == n_shared + own
        n_passes = len(micro_batches(batch, max(1, 80 - n_shared), n_shared))
        assert n_passes > 1
        assert n_forwarded(model, batch, 80) == own + n_shared * (1 if n_shared == OWN_PASS else n_passes)


def test_passes_that_repeat_what_is_shared_leave_room_for_it() -> None:
    """Shared and own tokens of a pass together keep the budget; behind a pass of its own, own tokens alone do."""
    model, batch = model_of("llama"), rows(40)
    counted: list[int] = []
    gradient = Gradient(model)
    run = gradient._hidden_or_logits
    gradient._hidden_or_logits = lambda passed, at: (  # type: ignore[method-assign]
        counted.append(passed.input_ids.shape[1]),
        run(passed, at),
    )[1]
    gradient.accumulate(batch, 70)
    own = sum(len(row.ids) - 40 for row in batch)
    assert counted == [40 + sum(len(row.ids) - 40 for row in cut) for cut in micro_batches(batch, 30, 40)]
    assert max(counted) <= 70
    counted.clear()
    batch = rows(N_SHARED)
    gradient.accumulate(batch, 40)
    assert counted == [
        N_SHARED,
        *(sum(len(row.ids) - N_SHARED for row in cut) for cut in micro_batches(batch, 40, N_SHARED)),
    ]
    assert sum(counted) == N_SHARED + own


def test_two_rows_share_already() -> None:
    batch = rows()[:2]
    assert n_forwarded(model_of("llama"), batch, 10_000) == sum(len(row.ids) for row in batch) - N_SHARED


def test_a_single_row_shares_nothing_with_itself() -> None:
    model, batch = model_of("llama"), rows()[:1]
    loss, expected = plain(model, batch)
    found, slopes, gradient = packed(model, batch, 8)
    assert gradient.n_forwarded == len(batch[0].ids)
    assert found == pytest.approx(loss, abs=1e-7)
    assert_equal(slopes, expected)


def test_a_row_supervised_from_its_first_token_has_the_plain_gradient() -> None:
    """Nothing predicts the first token, so start 0 is start 1; packed and padded."""
    batch = [Encoded([5, 6, 7, 8], 0), Encoded([9, 10, 11], 1)]
    for changes in ({}, {"rope_parameters": {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 10_000.0}}):
        model = model_of("llama", **changes)
        loss, expected = plain(model, batch)
        found, slopes, _ = packed(model, batch, 100)
        assert found == pytest.approx(loss, abs=1e-7)
        assert_equal(slopes, expected)


def test_looking_leaves_gradients_counts_and_mode_alone() -> None:
    for model in (model_of("llama", attention_dropout=0.3), model_of("gpt2", attn_pdrop=0.3)):
        batch = rows(10)
        loss, _ = plain(model, batch)
        model.zero_grad()
        model.train()
        gradient = Gradient(model)
        for budget in (10_000, 30, 1):
            assert gradient.mean_cross_entropy([*batch, Encoded([1, 2], 2)], budget) == pytest.approx(loss, abs=1e-7)
        assert model.training
        assert gradient.n_forwarded == 0
        assert gradients(model) == {}
