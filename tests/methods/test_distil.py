"""Students: nothing is learnt where nothing is shown, only the adapter learns, answers are the same tokens on both sides."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from hanka.errors import UnitError
from hanka.methods import METHODS
from hanka.methods.contract import Adaptation, Adapted, AdaptRequest, TrainingData, TrainingPart, TrainParams
from hanka.methods.distil.params import DistilParams
from hanka.methods.distil.taught import answer_of, require_room, teacher_rows, text_before
from hanka.methods.supervised.rows import Source, encode_training
from hanka.models.catalogue import ModelRef
from hanka.models.loading import LoadedModel
from hanka.prompting import Encoded, Prompter, TextPolicy
from hanka.records import Example
from hanka.tasks import TASKS
from hanka.training.objectives.kl_teacher import KL_TEACHER, KlTeacherParams
from hanka.training.teacher import told_by
from hanka.tuners import TUNERS
from tiny_models import tiny_model, tiny_tokenizer

TOKENIZER = tiny_tokenizer()
TASK, TEXT = TASKS.get("closed-book"), TASKS.get("text")
COLOURS = ("red", "blue", "green", "dark blue", "a red that is nearly brown, as in 1950")


def example(at: int, document: str | None = None) -> Example:
    text = f"The flag of town {at} is {COLOURS[at % 5]}." if document is None else document
    return Example(
        f"r{at}", {"document": text, "question": f"What colour has town {at}?"}, COLOURS[at % 5], f"d{at // 2}"
    )


ROWS = tuple(example(at) for at in range(8))


def loaded(seed: int = 0, **changes: Any) -> LoadedModel:
    ref = ModelRef(f"tiny-{seed}", "folder", None, folder=Path())
    return LoadedModel(tiny_model(seed=seed, **changes), TOKENIZER, ref, "", "", "float32")


def asked(rows: tuple[Example, ...], folder: Path, model: LoadedModel, **changes: Any) -> AdaptRequest:
    """A request to distil; changes: of the method's own parameters, of `train`, or of the request."""
    own = {name: changes.pop(name) for name in list(changes) if name in DistilParams.model_fields}
    train = {"epochs": 2, "learning_rate": 1e-2, "batch_size": 4, "objective": "kl_teacher"}
    train |= {name: changes.pop(name) for name in list(changes) if name in TrainParams.model_fields}
    tuner = TUNERS.get(changes.pop("peft", "lora"))
    adaptation = Adaptation(
        DistilParams(**own), TextPolicy(), TrainParams(**train), tuner, tuner.params(), KL_TEACHER, KlTeacherParams()
    )
    data = TrainingData((TrainingPart(TASK, rows), *changes.pop("more", ())))
    folder.mkdir(parents=True, exist_ok=True)
    return AdaptRequest(model, data, adaptation, 0, folder, lambda _what, _share: None, **changes)


def distilled(*args: Any, **changes: Any) -> Adapted:
    return METHODS.get("distil").adapt(asked(*args, **changes))


def test_with_an_empty_document_the_loss_is_zero_and_no_parameter_moves(tmp_path: Path) -> None:
    found = distilled(tuple(example(at, "") for at in range(8)), tmp_path, loaded())
    assert found.record["loss_first"] == found.record["loss_last"] == 0.0
    assert found.record["change"]["n_moved"] == 0
    assert found.record["change"]["n_tensors"] > 0
    assert found.record["taught"]["document_gives"]["value"] == pytest.approx(0.0, abs=1e-4)
    assert any("not shown to give the teacher anything" in note for note in found.record["notes"])


def test_with_a_document_the_loss_falls_and_only_the_adapter_moves(tmp_path: Path) -> None:
    model = loaded()
    before = {name: value.detach().clone() for name, value in model.model.named_parameters()}
    found = distilled(ROWS, tmp_path, model, epochs=6)
    assert 0 < found.record["loss_last"] < found.record["loss_first"]
    assert found.record["change"]["n_moved"] == found.record["change"]["n_tensors"] > 0
    after = {
        name.replace(".base_layer", "").replace("base_model.model.", ""): value
        for name, value in model.model.named_parameters()
    }
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    assert found.n_trained_parameters == sum(
        value.numel() for name, value in model.model.named_parameters() if "lora_" in name
    )


def test_only_adapter_gradients_are_not_zero() -> None:
    from hanka.training.gradient import Gradient

    model, prompter = tiny_model(), Prompter(TOKENIZER, TextPolicy())
    params, tuner = DistilParams(), TUNERS.get("lora")
    found = encode_training(prompter, TrainingData((TrainingPart(TASK, ROWS),)), Adaptation(params, TextPolicy()), 0)
    told = told_by(model, teacher_rows(prompter, found.sources, found.rows, params, "p1"), 64, 2.0, 512)
    rows = [row._replace(soft=one.soft) for row, one in zip(found.rows, told, strict=True)]
    wrapped = tuner.wrap(model, tuner.params(), 0)
    loss = Gradient(wrapped, loss=lambda targets: KL_TEACHER.loss(targets, KlTeacherParams())).accumulate(rows, 512)
    assert loss > 0
    having = {name for name, value in wrapped.named_parameters() if value.grad is not None and bool(value.grad.any())}
    assert having
    assert all("lora_" in name for name in having)


@pytest.mark.parametrize("template", ["p1", "p2"])
def test_the_answer_is_read_back_from_the_mask_on_both_sides_of_every_row(template: str) -> None:
    prompter, params = Prompter(TOKENIZER, TextPolicy()), DistilParams()
    adaptation = Adaptation(params, TextPolicy(), TrainParams(prompt=template))
    found = encode_training(prompter, TrainingData((TrainingPart(TASK, ROWS),)), adaptation, 0)
    taught = teacher_rows(prompter, found.sources, found.rows, params, template)
    assert len(taught) == len(ROWS)
    for row, own, teacher in zip(ROWS, found.rows, taught, strict=True):
        assert TOKENIZER.decode(answer_of(own)) == TOKENIZER.decode(answer_of(teacher)) == row.target + "</s>"
        assert answer_of(own) == answer_of(teacher)
        read = TOKENIZER.decode(teacher.ids[: teacher.start])
        assert row.fields["document"] in read
        assert row.fields["question"] in read
        assert row.fields["document"] not in TOKENIZER.decode(own.ids)


def test_the_teacher_reads_what_task_reading_asks_letter_for_letter() -> None:
    prompter, params = Prompter(TOKENIZER, TextPolicy()), DistilParams()
    found = encode_training(prompter, TrainingData((TrainingPart(TASK, ROWS),)), Adaptation(params, TextPolicy()), 0)
    taught = teacher_rows(prompter, found.sources, found.rows, params, "p1")
    reading = TASKS.get("reading")
    for row, teacher in zip(ROWS, taught, strict=True):
        (expected,) = prompter.training_rows([""], [reading.render(row, "p1")], [row.target])
        assert teacher == expected


def test_an_answer_that_becomes_other_tokens_behind_the_text_is_an_error_that_names_the_row() -> None:
    class Joining(Prompter):
        """Reads otherwise behind a text, as a tokenizer that merges over the border would."""

        def training_rows(self, prefixes: Any, queries: Any, targets: Any) -> list[Encoded]:
            rows = super().training_rows(prefixes, queries, targets)
            return [
                row._replace(start=row.start + 1) if "flag" in text else row
                for row, text in zip(rows, queries, strict=True)
            ]

    prompter, params = Joining(TOKENIZER, TextPolicy()), DistilParams()
    found = encode_training(prompter, TrainingData((TrainingPart(TASK, ROWS),)), Adaptation(params, TextPolicy()), 0)
    with pytest.raises(UnitError, match="row r0: its answer is the tokens"):
        teacher_rows(prompter, found.sources, found.rows, params, "p1")


def test_a_document_that_does_not_fit_the_teacher_is_a_failure_and_never_cut(tmp_path: Path) -> None:
    long = (*ROWS[:7], example(7, "The flag is red. " * 60))
    with pytest.raises(
        UnitError, match=r"1 of 8 rows do not fit the teacher.*row r7 takes \d+ tokens, and at most 256 are read"
    ):
        distilled(long, tmp_path, loaded(), teacher_length=256)
    with pytest.raises(UnitError, match="at most 128 are read"):  # the context of the model itself
        distilled(long, tmp_path, loaded(max_position_embeddings=128))


def test_a_question_is_never_dropped_however_long_the_document() -> None:
    prompter, params = Prompter(TOKENIZER, TextPolicy()), DistilParams()
    rows = (example(0, "word " * 3000),)
    found = encode_training(prompter, TrainingData((TrainingPart(TASK, rows),)), Adaptation(params, TextPolicy()), 0)
    (taught,) = teacher_rows(prompter, found.sources, found.rows, params, "p1")
    assert rows[0].fields["question"] in TOKENIZER.decode(taught.ids)
    with pytest.raises(UnitError, match="do not fit the teacher"):
        require_room([taught], found.sources, 2048)


def test_rows_without_the_field_are_held_to_what_the_model_said_before(tmp_path: Path) -> None:
    texts = TrainingPart(TEXT, tuple(Example(f"t{at}", {}, f"A plain text number {at}.") for at in range(4)))
    found = distilled(ROWS, tmp_path / "a", loaded(), more=(texts,))
    assert found.record["taught"]["rows_held"] == 4
    assert found.record["taught"]["document_gives"]["n"] == 8
    with pytest.raises(UnitError, match="no row has the fields of"):
        distilled(ROWS, tmp_path / "b", loaded(), before="{passage}\n")


def test_another_teacher_is_heard_and_has_to_spell_alike(tmp_path: Path) -> None:
    from contextlib import nullcontext

    student, teacher = loaded(0), loaded(7)
    lent: list[int] = []

    def lend(at: int) -> Any:
        lent.append(at)
        return nullcontext(teacher)

    own = distilled(ROWS, tmp_path / "own", loaded(0), epochs=1)
    other = distilled(ROWS, tmp_path / "other", student, epochs=1, teacher={"of": "big"}, parents=((),), lend=lend)
    assert lent == [0]
    assert other.record["loss_first"] != own.record["loss_first"]
    vocabulary = replace(teacher, tokenizer=_other_vocabulary())
    with pytest.raises(UnitError, match="tiny-7 has another vocabulary than tiny-0"):
        distilled(
            ROWS,
            tmp_path / "c",
            loaded(0),
            teacher={"of": "big"},
            parents=((),),
            lend=lambda at: nullcontext(vocabulary),
        )


def _other_vocabulary() -> Any:
    tokenizer = tiny_tokenizer()
    tokenizer.add_tokens(["<another>"])
    return tokenizer


def test_what_a_teacher_reads_of_a_row() -> None:
    source = Source(TASK, ROWS[0], "")
    assert text_before(source, DistilParams()) == ROWS[0].fields["document"] + "\n\n"
    assert text_before(source, DistilParams(before="{document} {nothing}")) is None
    assert text_before(Source(TASK, example(0, " "), ""), DistilParams()) == ""
    braces = example(0, "{question}")
    assert text_before(Source(TASK, braces, ""), DistilParams()) == "{question}\n\n"


def test_a_template_without_a_place_is_refused() -> None:
    with pytest.raises(ValueError, match="has no place for a field"):
        DistilParams(before="Read this first.")
