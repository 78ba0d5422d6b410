"""What stands before a row: it trains and answers as PEFT's model alone does on the row alone, whatever stands beside it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from peft import PeftModel

from hanka.engines.contract import LabelAnswer
from hanka.engines.local import LocalEngine
from hanka.errors import UnitError
from hanka.prompting import Encoded, Query
from hanka.training.course import Course
from hanka.training.gradient import Gradient
from hanka.training.loop import train
from hanka.training.params import CourseParams
from hanka.tuners import TUNERS
from tiny_models import tiny_model
from tuner_ways import Way, base_of, fit, wrapped

BEFORE = ("prompt_tuning", "p_tuning", "prefix_tuning", "cartridge", "adaption_prompt")
ROWS = [Encoded([3, 4, 5 + at, 6, 7 + at, *([8] * at), 9], 3) for at in range(4)]
EVERY = pytest.mark.parametrize("name", BEFORE)


@EVERY
def test_the_gradient_of_rows_of_unequal_length_is_the_sum_of_their_own(name: str, tiny_folder: Path) -> None:
    loaded = wrapped(Way(TUNERS.get(name), {"num_virtual_tokens": 3}), base_of(tiny_folder))
    model = loaded.model.eval()
    free = {key: value for key, value in model.named_parameters() if value.requires_grad}
    Gradient(model).accumulate(ROWS, 512)
    found = {key: value.grad.clone() for key, value in free.items() if value.grad is not None}
    model.zero_grad()
    total = sum(len(row.ids) - row.start for row in ROWS)
    for row in ROWS:
        ids = torch.tensor([row.ids])
        logits = model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False).logits[0, -len(row.ids) :]
        wanted = torch.nn.functional.cross_entropy(logits[row.start - 1 : -1], ids[0, row.start :], reduction="sum")
        (wanted / total).backward()
    assert found.keys() == {key for key, value in free.items() if value.grad is not None}
    for key, value in found.items():
        torch.testing.assert_close(value, free[key].grad, rtol=1e-4, atol=1e-6)


@EVERY
def test_labels_score_as_in_pefts_model_alone(name: str, tiny_folder: Path, tmp_path: Path) -> None:
    way = Way(TUNERS.get(name), {"num_virtual_tokens": 3})
    loaded = wrapped(way, base_of(tiny_folder))
    fit(loaded)
    way.tuner.save(loaded, tmp_path)
    queries = [Query("", list(range(5, 5 + length)), ((9,), (11, 12))) for length in (4, 7, 12)]
    found = LocalEngine(way.tuner.load(base_of(tiny_folder), tmp_path), 512).score_labels(queries)
    theirs = PeftModel.from_pretrained(base_of(tiny_folder).model, str(tmp_path)).eval()
    for query, answer in zip(queries, found, strict=True):
        assert isinstance(answer, LabelAnswer)
        for label, said in zip(query.labels, answer.log_likelihoods, strict=True):
            ids = torch.tensor([[*query.ids, *label]])
            with torch.inference_mode():
                logs = theirs(input_ids=ids).logits[0, -len(label) - 1 : -1].log_softmax(-1)
            wanted = [logs[at, token].item() for at, token in enumerate(label)]
            assert said == pytest.approx(wanted, abs=1e-5)


def test_what_stands_before_a_row_takes_room_in_the_context(tiny_folder: Path) -> None:
    base = base_of(tiny_folder)
    n_all = base.context_length
    assert wrapped(Way(TUNERS.get("prompt_tuning"), {"num_virtual_tokens": 3}), base).context_length == n_all - 3


@pytest.mark.parametrize("name", ["prefix_tuning", "cartridge"])
def test_keys_and_values_before_rows_do_not_train_with_checkpointing(name: str, tmp_path: Path) -> None:
    tuner = TUNERS.get(name)
    model = tuner.wrap(tiny_model("llama"), tuner.params(), 0)
    settings = CourseParams(gradient_checkpointing=True)
    with pytest.raises(UnitError, match=f"{name} does not train with gradient_checkpointing"):
        train(Course(model, settings, ROWS, 0, tmp_path, lambda _what, _share: None))


@pytest.mark.parametrize("name", ["vera", "fourierft", "adaption_prompt"])
def test_a_type_that_the_model_refuses_is_one_line_naming_both(name: str) -> None:
    given = {"vera": {"target_modules": ["not_there"]}, "fourierft": {"n_frequency": 10**6}}.get(name, {})
    tuner, model = TUNERS.get(name), tiny_model("gpt_neox" if name == "adaption_prompt" else "llama")
    with pytest.raises(UnitError, match=f"{name} does not fit this model \\({model.config.model_type}\\)") as caught:
        tuner.wrap(model, tuner.own(given), 0)
    assert "\n" not in str(caught.value)


def test_what_is_not_its_base_at_the_start_is_said_in_japanese_too() -> None:
    from hanka.report.stored_words import in_japanese
    from tuner_ways import WAYS

    said = {way.params.at_start for way in WAYS} - {""}
    assert len(said) >= 12
    for one in said:
        assert in_japanese(f"untrained it is not its base: {one}").startswith("学習前の時点でベースと一致しません")
