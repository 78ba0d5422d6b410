"""The emergence law of a planted run: what belongs to which model, what is held out, what is said in both languages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emergence_laws import Known
from hanka.analysis.emergence import predicted as module
from hanka.analysis.emergence.measured import Asked, Measurement
from hanka.analysis.emergence.predicted import predict
from hanka.analysis.emergence.told import Topic, answer_of
from hanka.analysis.evidence import Evidence
from hanka.analysis.questions import QUESTIONS
from hanka.analysis.questions.emergence.gathered import gathered
from hanka.stats.emergence import Outcome, Points, Settings, outcome, posterior
from hanka.stats.emergence.law import NOT_LEFT
from hanka.store.folder import RunFolder, read_json, write_json
from planted_runs import Planted, rows_of

SIZES, STEPS = (32, 128, 512), (10, 20, 40, 80, 120, 160)
LOSS = dict(zip(STEPS, (2.5, 2.3, 2.1, 2.0, 1.9, 1.75), strict=True))
N = 400
TRUE = Known(k=0.06, c=1.7, slope=0.9, base=0.5)


def expected(loss: float, rows: int) -> float:
    return TRUE.base + TRUE.slope * max(0.0, TRUE.elbow(rows) - loss)


def planted_at(folder: Path, shots: int = 4) -> Planted:
    """A fresh model that was trained on plain text and kept at six steps, tuned from each on three sizes."""
    run = Planted(folder / "run")
    run.add("base", {"plain": []}, nats=9.0)
    first = run.add(
        "pretrained", {"plain": []}, nats=1.7, rows="text", train_task="text", train_dataset="corpus", train_size=800,
        base_kind="fresh",
    )  # fmt: skip
    run.trained(first, n_tokens=160_000, steps=160)
    made = read_json(RunFolder(run.path).variant(first) / "variant.json")
    write_json(RunFolder(run.path).variant(first) / "variant.json", made | {"n_trained_parameters": 1000})
    for step, loss in LOSS.items():
        at = {
            "method": "interpolate", "params": {"weight": 1.0}, "parents": [first], "parent_steps": [step], "train_task": "text",
            "train_dataset": "corpus", "train_size": 800, "rows": "",
        }  # fmt: skip
        right = range(round(N * expected(loss, shots)))
        run.add(f"at@{step}", {"plain": []}, nats=loss, **at)
        run.add(f"at@{step}", {"home": right}, shots=shots, n=N, relation="cross_task", **at)
        for size in SIZES:
            tuned = {"train_size": size, "rows": f"{size} rows", "parents": [first], "parent_steps": [step], "n": N}
            run.add(f"tuned@{step}", {"home": range(round(N * expected(loss, size)))}, **tuned)
    return run


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    """The planted run, for those that only read it."""
    return planted_at(tmp_path_factory.mktemp("planted")).evidence()


@pytest.fixture
def only_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what takes longest: the fits to parts, most resamples, long chains; all have tests of their own."""

    def first(found: Any, asked: Settings, form: Any = None) -> Iterator[Any]:
        yield outcome("all", found, asked._replace(resamples=4), form, with_bootstrap=True)

    monkeypatch.setattr(module, "outcomes", first)
    for name, value in (("BLOCK", 240), ("LEAST_TIMES", 8.0), ("WORST_RHAT", 1.2)):
        monkeypatch.setattr(posterior, name, value)


def test_values_are_put_to_the_model_they_start_from_with_its_loss_and_compute(evidence: Evidence) -> None:
    (found,) = gathered(evidence)
    assert (found.topic.label, found.topic.test, found.topic.metric) == ("tuned", "home", "accuracy")
    assert (found.unit, found.text, found.shots, found.chance, found.n_unknown) == ("nats", "plain", 4, 0.5, 0)
    tuned = {(one.loss, one.rows): one.performance for one in found.measured if one.rows}
    assert len(tuned) == len(STEPS) * len(SIZES)
    for step, loss in LOSS.items():
        for size in SIZES:
            assert tuned[loss, size] == pytest.approx(round(N * expected(loss, size)) / N), (step, size)
    few = {one.loss: one for one in found.measured if not one.rows}
    assert sorted(few) == sorted(LOSS.values())
    # 6 · 1,000 weights · 1,000 tokens a step
    assert few[LOSS[40]].flops == pytest.approx(6 * 1000 * 40_000)
    assert {one.n for one in found.measured} == {N}


def test_without_the_checkpoints_loss_their_values_are_counted_not_used(tmp_path: Path) -> None:
    run = planted_at(tmp_path)
    unmeasured = {one["id"] for one in run.variants if one["label"] in ("at@10", "at@20")}
    run.cells = [cell for cell in run.cells if cell["variant_id"] not in unmeasured]
    (found,) = gathered(run.evidence())
    assert found.n_unknown == 2 * len(SIZES)
    assert {one.loss for one in found.measured} == {LOSS[step] for step in STEPS[2:]}


def test_a_planted_law_is_predicted_and_said_in_both_languages(evidence: Evidence, only_all: None) -> None:
    answer = QUESTIONS.get("emergence").ask(evidence)
    assert answer is not None
    row = next(one for one in rows_of(answer) if one["emergence_fit"] == "all")
    assert row["emergence_elbow"].low < TRUE.elbow(4) < row["emergence_elbow"].high
    assert row["emergence_elbow"].n == row["emergence_points"]
    assert (
        "few-shot performance (the law at 4 rows) is predicted to leave its base at a pretraining loss of"
        in answer.sentence_en
    )
    assert "例示つきの成績（則の 4 件での値）がベースラインから立ち上がる事前学習損失の予測は" in answer.sentence_ja
    assert any("reconstructed" in note.message_en for note in answer.notes)
    assert any("4 demonstrations" in note.message_en for note in answer.notes)
    first, second = answer.curves
    assert {point.group for point in first.points} == {"D = 32", "D = 128", "D = 512", "emergence_few_shot"}
    assert {point.group for point in second.band} >= {"emergence_posterior"}


def test_the_order_of_the_cells_changes_no_number(evidence: Evidence, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is fitted is the same to the last bit and in the same order; all else follows from it and the seed."""
    fitted: list[list[list[float]]] = []

    def flat(name: str, found: Points, *rest: Any, **named: Any) -> Outcome:
        fitted.append(
            [one.tolist() for one in (found.loss, found.performance, found.rows, found.model, found.variance)]
        )
        return Outcome(name, found, why=NOT_LEFT)

    monkeypatch.setattr(module, "outcome", flat)
    monkeypatch.setattr(module, "outcomes", lambda found, asked: [flat("all", found)])
    backward = replace(evidence, cells=dict(reversed(evidence.cells.items())))
    one, other = QUESTIONS.get("emergence").ask(evidence), QUESTIONS.get("emergence").ask(backward)
    assert one is not None
    assert other is not None
    assert one.as_json() == other.as_json()
    assert len(fitted) == 4
    assert fitted[:2] == fitted[2:]


def test_too_few_sizes_or_models_are_no_law(tmp_path: Path) -> None:
    run = planted_at(tmp_path / "sizes")
    few = {one["id"] for one in run.variants if one["label"].startswith("tuned") and one["train_size"] == 512}
    run.cells = [cell for cell in run.cells if cell["variant_id"] not in few]
    assert QUESTIONS.get("emergence").ask(run.evidence()) is None
    run = planted_at(tmp_path / "models")
    few = {one["id"] for one in run.variants if one["label"].endswith(("@10", "@20", "@40"))}
    run.cells = [cell for cell in run.cells if cell["variant_id"] not in few]
    assert QUESTIONS.get("emergence").ask(run.evidence()) is None


# ---- what is predicted, and held against it


def measured(noise: float = 0.004, few: bool = True) -> list[Measurement]:
    """Eight models of a known law; compute doubles from one to the next."""
    rng, known, found = np.random.default_rng(6), Known(), []
    for place, loss in enumerate(np.linspace(2.4, 1.7, 8)):
        flops = 1e18 * 2.0**place
        for rows in (32, 128, 512, *([0] if few else [])):
            value = known.base + known.slope * max(0.0, known.elbow(rows or 5) - loss) + noise * rng.standard_normal()
            found.append(Measurement(f"m{place}", float(loss), float(value), rows, 0, flops))
    return found


def test_models_beyond_the_few_shot_elbow_are_held_out_and_the_error_is_said(only_all: None) -> None:
    """The elbow lies at 1.83: the model at 1.7 and that at 1.8 are beyond it."""
    found = predict(measured(), Asked(chance=0.25))
    assert {round(one.loss, 6) for one in found.measured if one.is_held_out} == {1.7, 1.8}
    assert (found.has_left, found.beyond) == (True, 0)
    assert found.main.found.loss.min() == pytest.approx(1.9)
    assert found.missed is not None
    assert (found.missed.n, found.missed.n_models) == (6, 2)
    assert found.missed.rmse < 0.05
    assert found.error is not None
    assert found.error.low < 0 < found.error.high
    # From the model at 1.9 on, 0.1 of loss is a doubling; the few-shot elbow at 1.83 is 0.7 of one ahead.
    assert found.ahead is not None
    assert found.ahead[0].times == pytest.approx(2 ** ((1.9 - found.main.posterior.middle) / 0.1), rel=1e-6)  # type: ignore[union-attr]
    said = answer_of(found, Topic("a", "あ")).sentence_en
    assert "On 2 held-out models (n = 6 values)" in said
    assert "which does not show the law to be wrong" in said
    assert "times the training compute" in said


def test_where_few_shot_has_not_left_its_base_nothing_is_held_against_the_law(only_all: None) -> None:
    rng = np.random.default_rng(1)
    weak = [one if one.rows else replace(one, performance=0.25 + 0.004 * rng.standard_normal()) for one in measured()]
    found = predict(weak, Asked(chance=0.25))
    assert not found.has_left
    assert found.error is None
    assert not any(one.is_held_out for one in found.measured)
    assert "is not shown to have left its base (n = 8)" in answer_of(found, Topic("a", "あ")).sentence_en


def test_where_no_loss_may_be_low_enough_it_is_said(only_all: None) -> None:
    """The law of few rows at a loss below 0: more compute is no answer, and no number of times is said."""
    found = predict(measured(), Asked(chance=0.25))
    posterior = found.main.posterior
    assert posterior is not None
    sunk = np.concatenate([np.zeros(600), np.full(400, 1.2)])
    never = replace(found, fits=(replace(found.main, posterior=replace(posterior, elbows=sunk)), *found.fits[1:]))
    lines = answer_of(never, Topic("a", "あ"))
    assert "in 60% of the posterior it never leaves its base, whatever the loss" in lines.sentence_en
    assert "事後分布の 60% では" in lines.sentence_ja
    assert "times the training compute" not in lines.sentence_en
    assert "never leaves" not in answer_of(found, Topic("a", "あ")).sentence_en


def test_what_has_no_answer_is_said_with_its_reason_and_without_a_number(only_all: None) -> None:
    rng = np.random.default_rng(1)
    flat = [replace(one, performance=0.25 + 0.004 * rng.standard_normal()) for one in measured(few=False)]
    answer = answer_of(predict(flat, Asked()), Topic("a", "あ"))
    assert answer.sentence_en.splitlines()[0] == "a: no prediction. Performance is not shown to leave its base."
    assert (
        answer.sentence_ja.splitlines()[0]
        == "あ：予測はできません。成績がベースラインから立ち上がっているとは言えません。"
    )
    (row,) = rows_of(answer)
    assert row["emergence_why"] == "why_not_left"
    assert row["emergence_elbow"] is None


def test_a_curve_alone_is_held_against_the_models_that_are_named(only_all: None) -> None:
    """Values go on along the line that the weaker models show; several values of a model go together."""
    rng = np.random.default_rng(2)
    values = [
        Measurement(f"m{place % 6}", float(loss), 0.25 + 0.3 * max(0.0, 2.4 - float(loss)) + 0.004 * rng.standard_normal(), 0, is_held_out=loss < 1.6)
        for place, loss in enumerate(np.linspace(3.0, 1.2, 36))
    ]  # fmt: skip
    found = predict(values, Asked())
    assert not found.is_law
    assert found.missed is not None
    assert (found.missed.n, found.missed.rmse < 0.02) == (8, True)
    assert found.missed.covered >= 0.6
    assert "by the bootstrap over 6 models, whose values go together" in answer_of(found, Topic("a", "あ")).sentence_en
