"""The heavy half of `emergence`: gathers what a run measured, predicts, and answers topic by topic.

None where no variant was fine-tuned from several models whose pretraining loss is measured, on three sizes or more. Takes some seconds a topic:
a posterior is drawn for every range of losses.
"""

from __future__ import annotations

from collections.abc import Sequence

from hanka.analysis.emergence.measured import Asked
from hanka.analysis.emergence.predicted import predict
from hanka.analysis.emergence.told import Topic as Told
from hanka.analysis.emergence.told import answer_of
from hanka.analysis.evidence import Evidence
from hanka.analysis.questions.contract import Answer, Column, Note
from hanka.analysis.questions.emergence.gathered import Gathered, gathered
from hanka.metrics import METRICS
from hanka.stats.emergence import LEAST_MODELS, LEAST_ROWS, LEAST_SIZES, NoSamplerError

MOST_TOPICS = 3
"Topics that are answered; the others are named."
FITS, LEAST_RESAMPLES = 10, 40
"Resamples of the study for which there is one of the law, because each is a fit of its own; and at least so many."
LOW_DATA = 5
"D0 where no demonstrations were asked; else as many rows as were shown."


def ask(evidence: Evidence) -> Answer | None:
    """Predict where few-shot performance leaves its base, for every entry that was fine-tuned from several models."""
    found = [one for one in gathered(evidence) if _can_be_fitted(one)]
    if not found:
        return None
    try:
        answers = [_answer(evidence, one) for one in found[:MOST_TOPICS]]
    except NoSamplerError as missing:
        return Answer(f"No prediction: {missing}", "予測できません。emcee が必要です（extra `laws`）。")
    notes = [_left_out(found[MOST_TOPICS:])] if found[MOST_TOPICS:] else []
    return _together([one.topic.label for one in found], answers, notes)


def _can_be_fitted(one: Gathered) -> bool:
    tuned = [value for value in one.measured if value.rows]
    return len({value.loss for value in tuned}) >= LEAST_MODELS and len({value.rows for value in tuned}) >= LEAST_SIZES


def _answer(evidence: Evidence, one: Gathered) -> Answer:
    low_data = max(LEAST_ROWS, one.shots or LOW_DATA)
    resamples = max(LEAST_RESAMPLES, int(evidence.plan["stats"]["resamples"]) // FITS)
    asked = Asked(low_data=low_data, unit=one.unit, seed=int(evidence.plan["seed"]), resamples=resamples)
    topic, metric = one.topic, METRICS.get(one.topic.metric)
    told = Told(
        f"{metric.display} on {topic.test} ({topic.label} on {topic.dataset}; loss on {one.text})",
        f"{topic.test} の{metric.display_ja or metric.display}（{topic.dataset} の {topic.label}、損失は {one.text}）",
    )
    answer = answer_of(predict(one.measured, asked), told)
    notes = (*answer.notes, *_notes(one, low_data))
    return Answer(answer.sentence_en, answer.sentence_ja, answer.columns, answer.rows, answer.curves, notes)


def _notes(one: Gathered, low_data: int) -> list[Note]:
    notes = []
    if one.shots:
        notes.append(
            Note(
                f"Few-shot values are those with {one.shots} demonstrations; the law is read at {low_data} rows.",
                f"例示つきの値は例示 {one.shots} 件のものです。則は {low_data} 件の位置で読みます。",
            )
        )
    if one.chance is not None:
        notes.append(
            Note(
                f"Guessing evenly is right in {one.chance:.3f}; the base is fitted, because a model at chance may say one label only.",
                f"均等な当てずっぽうの正解率は {one.chance:.3f} です。偶然水準のモデルは 1 つのラベルしか答えないこともあるため、ベースラインは推定しています。",
            )
        )
    if one.n_unknown:
        notes.append(
            Note(
                f"{one.n_unknown} fine-tuned values are not in the fit: the loss of what they start from was not measured on {one.text}.",
                f"出発点の損失が {one.text} で測定されていないため、ファインチューニング後の値 {one.n_unknown} 件は当てはめに入っていません。",
            )
        )
    return notes


def _left_out(rest: Sequence[Gathered]) -> Note:
    names = [f"{one.topic.label} on {one.topic.dataset}, {one.topic.test}" for one in rest]
    return Note(f"Not fitted here: {'; '.join(names)}.", f"ここでは当てはめていないもの：{'、'.join(names)}。")


def _together(labels: Sequence[str], answers: Sequence[Answer], notes: Sequence[Note]) -> Answer:
    """Join the answers of several topics: a table in which each row says its topic, unless there is one."""
    columns, rows = answers[0].columns, [row for one in answers for row in one.rows]
    if len(answers) > 1:
        columns = (Column("method"), *columns)
        rows = [(label, *row) for label, one in zip(labels, answers, strict=False) for row in one.rows]
    every = [note for one in answers for note in one.notes]
    return Answer(
        "\n".join(one.sentence_en for one in answers),
        "\n".join(one.sentence_ja for one in answers),
        columns,
        tuple(rows),
        tuple(curve for one in answers for curve in one.curves),
        tuple(dict.fromkeys((*every, *notes))),
    )
