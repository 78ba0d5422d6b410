"""What a run shows of knowledge and of texts: with passages and without, answers in the context, entropy, the nearest base, live traffic."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hanka.advise.bases import bases, entry_of
from hanka.advise.books import books
from hanka.advise.focus import Focus
from hanka.advise.serving import serving
from hanka.advise.texts import bits, entropy, stands_in
from hanka.advise.traffic import live_traffic
from hanka.errors import DataError
from hanka.records import Prediction
from hanka.store.folder import RunFolder, read_json, write_json, write_predictions
from planted_runs import N, Planted

STUDY = {"eval": {"contexts": ["drawn", {"retrieve": {"passages": "wiki"}}]}}


def answered(place: int, right: bool, prompt: str = "q", target: str = "Paris", n_tokens: int = 10) -> Prediction:
    said = target if right else "elsewhere"
    return Prediction(f"s{place}", prompt, "0" * 64, target, said, said, None, "ok", "", n_tokens, 2, float(right))


def focus(run: Planted, task: str) -> Focus:
    evidence = run.evidence()
    evidence.plan["contexts"][:] = ["drawn", "retrieve"]
    return Focus(evidence, (task,), STUDY)


def rewrite(run: Planted, context: str, predictions: list[Prediction]) -> None:
    cell = next(one for one in run.cells if one["context"] == context)
    write_predictions(RunFolder(run.path).cell(cell["id"]), predictions, [""] * len(predictions))


@pytest.fixture
def quiz(tmp_path: Path) -> Planted:
    """A question task asked without passages (10 of 40 right) and with them (38 right, the answer shown 30 times)."""
    run = Planted(tmp_path, trained_tasks=())
    run.add("base", {"quiz": range(10)}, relation="in_domain", said=["x"] * N)
    run.add("base", {"quiz": range(38)}, relation="in_domain", context="retrieve", said=["x"] * N)
    rewrite(run, "drawn", [answered(n, n < 10) for n in range(N)])
    rewrite(
        run, "retrieve", [answered(n, n < 38, f"It is {'Paris' if n < 30 else 'a town'}. Where {n}?") for n in range(N)]
    )
    return run


def test_open_and_closed_books_are_compared_row_by_row(quiz: Planted) -> None:
    found = books(focus(quiz, "question"))
    assert found["open_book_gain"].value == pytest.approx(28 / N)
    assert found["open_book_gain"].n == N
    assert found["open_book_gain"].low is not None
    assert found["open_book_gain"].low > 0.5
    assert found["closed_book_accuracy"].value == pytest.approx(10 / N)
    assert found["contradicted_share"].value == pytest.approx(30 / N)
    assert found["answer_in_context"].value == pytest.approx(30 / N), "of the prompts with passages"


def test_without_passages_only_the_prompt_itself_is_looked_into(tmp_path: Path) -> None:
    run = Planted(tmp_path, trained_tasks=())
    run.add("base", {"quiz": range(10)}, relation="in_domain", said=["x"] * N)
    rewrite(run, "drawn", [answered(n, True, f"Paris is old. Which town {n}?") for n in range(N)])
    found = books(focus(run, "question"))
    assert list(found) == ["answer_in_context"]
    assert found["answer_in_context"].value == 1.0


@pytest.mark.parametrize(
    ("answer", "text", "wanted"),
    [
        ("Paris", "It was PARIS, then.", True), ("no", "nobody knows", False), ("New York", "in new york city", True),
        ("York New", "in new york city", False), ("", "anything", False), ("東京", "首都は東京です", True),
    ],
)  # fmt: skip
def test_an_answer_stands_in_a_text_by_whole_words(answer: str, text: str, wanted: bool) -> None:
    assert stands_in(answer, text) is wanted


def test_bits_of_a_text_are_those_of_its_words() -> None:
    assert bits("yes") == 0.0
    assert bits("") == 0.0
    assert bits("a b a b") == 1.0
    assert bits(" ".join(f"w{n}" for n in range(16))) == 4.0


def test_entropy_travels_with_an_interval_and_n() -> None:
    found = entropy(["a b", "a b c d"] * 10, 0.95, "news")["reference_entropy"]
    assert (found.value, found.n) == (1.5, 20)
    assert found.low is not None
    assert found.low < 1.5
    assert entropy(["a b"] * 3, 0.95, "news")["reference_entropy"].ends is None
    assert entropy([], 0.95, "news") == {}


def test_a_base_is_known_by_its_alias_its_hub_id_or_its_name_in_the_study() -> None:
    study = {"base": [{"model": "HuggingFaceTB/SmolLM2-1.7B@main", "name": "mine"}, "pythia-410m"]}
    assert entry_of(study, "mine").name == "smollm2-1.7b"
    assert entry_of(study, "pythia-410m").name == "pythia-410m"
    assert entry_of({"base": "owner/unheard-of"}, "owner/unheard-of") is None


def test_the_nearest_base_is_ahead_by_the_least_difference(tmp_path: Path) -> None:
    run = Planted(tmp_path, trained_tasks=())
    for base in ("near", "far", "farther"):
        run.add("base", {"story": range(N)}, relation="in_domain", base=base, said=["x"] * N)
    evidence = run.evidence()
    evidence.plan["tasks"]["tale"] = {"kind": "likelihood", "labels": [], "metrics": ["bits_per_byte"]}
    nats = {"near": 1.0, "far": 1.5, "farther": 3.0}
    for cell in evidence.cells.values():
        per_token = nats[cell.variant["base"]]
        rows = [
            Prediction(
                f"s{n}", "", "0" * 64, "abcd", None, None, None, "ok", "", 4, 0, None, (-per_token - n / 1000,) * 4
            )
            for n in range(N)
        ]
        write_predictions(evidence.folder.cell(cell.cell["id"]), rows, [""] * N)
    found = bases(Focus(evidence, ("sentiment",), {}))["closest_base_gap"]
    assert found.value == pytest.approx(0.5 / 0.693147, rel=1e-4), "half a nat per byte, in bits, to the runner-up"
    assert found.about.startswith("near, ")
    assert found.low is not None
    assert found.low > 0


def test_a_thousand_requests_cost_their_tokens_at_the_price_of_the_study(tmp_path: Path) -> None:
    run = Planted(tmp_path, trained_tasks=())
    run.add("base", {"home": range(20)})
    rewrite(run, "drawn", [answered(n, True, n_tokens=10 if n % 2 else 30) for n in range(N)])
    cell = RunFolder(tmp_path).cell(run.cells[0]["id"]) / "cell.json"
    write_json(cell, read_json(cell) | {"asked": {"n_read": 1600, "n_written": 80}})
    evidence = run.evidence()
    evidence.plan["prices"] = {"tiny": {"input": 2.0, "output": 10.0, "currency": "USD"}}  # type: ignore[index]
    found = serving(Focus(evidence, ("sentiment",), {}))["cost_per_1000"]
    assert found.value == pytest.approx((1600 * 2 + 80 * 10) / 1e6 / N * 1000)
    assert found.n == N
    assert found.low is not None
    assert found.low < found.value < (found.high or 0)


# ---- live traffic


def written(folder: Path, rows: list[dict[str, object]]) -> Path:
    path = folder / "live.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_live_text_of_another_kind_is_told_apart_and_of_the_same_kind_is_not(tmp_path: Path) -> None:
    same = [f"the film number {n} was good and long" for n in range(60)]
    other = [f"judgment {n} of the court in appeal" for n in range(60)]
    far = live_traffic(written(tmp_path, [{"prompt": text} for text in other]), same, 0, 0.95)
    assert far.inputs["domain_auc"].value > 0.95
    assert far.inputs["domain_auc"].low is not None
    assert far.inputs["domain_auc"].low > 0.75
    near = live_traffic(written(tmp_path, [{"prompt": text} for text in same]), same, 0, 0.95)
    assert near.inputs["domain_auc"].value < 0.75


def test_the_words_of_a_prompt_are_no_difference_from_raw_requests(tmp_path: Path) -> None:
    raw = [f"{n} films, good and long, {n % 7}" for n in range(60)]
    asked = [f"Is this review positive or negative?\n{text}\nAnswer with one word:" for text in raw]
    for live in (raw, asked):
        found = live_traffic(written(tmp_path, [{"prompt": text} for text in live]), asked, 0, 0.95)
        assert found.inputs["domain_auc"].value < 0.75


def test_a_label_that_is_missing_or_has_no_text_is_not_counted(tmp_path: Path) -> None:
    rows = [{"prompt": "x", "label": label} for label in (float("nan"), " ", None, "", "good", 0)]
    found = live_traffic(written(tmp_path, [*rows, {"label": "good"}]), [], 0, 0.95)
    assert (found.inputs["n_live_labelled"].value, found.inputs["n_live_labelled"].n) == (2.0, 6)


def test_a_row_that_is_asked_in_two_ways_is_one_row_of_evidence(tmp_path: Path) -> None:
    width = []
    for n_prompts in (1, 2):
        run = Planted(tmp_path / str(n_prompts), trained_tasks=())
        for k in range(n_prompts):
            run.add(
                "base",
                {"quiz": range(10)},
                relation="in_domain",
                said=["x"] * N,
                context="retrieve",
                prompt=f"p{k + 1}",
            )
            rewritten = [answered(n, True, f"{'Paris' if n < 20 else 'a town'} {n}, way {k}") for n in range(N)]
            write_predictions(RunFolder(run.path).cell(run.cells[-1]["id"]), rewritten, [""] * N)
        found = books(focus(run, "question"))["answer_in_context"]
        assert found.low is not None
        assert found.high is not None
        width.append(found.high - found.low)
    assert width[1] == pytest.approx(width[0])


def test_turns_labels_and_rows_without_text_are_counted(tmp_path: Path) -> None:
    several: dict[str, object] = {
        "messages": [{"role": role, "content": "hm"} for role in ("user", "assistant", "user")]
    }
    one: dict[str, object] = {"messages": [{"role": "user", "content": "hm"}]}
    rows: list[dict[str, object]] = [*[several] * 30, *[one] * 10, {"prompt": "x", "label": "good"}, {"prompt": ""}]
    found = live_traffic(written(tmp_path, rows), [], 0, 0.95)
    assert found.inputs["multi_turn_share"].value == pytest.approx(0.75)
    assert found.inputs["n_live_labelled"].value == 1.0
    assert "domain_auc" not in found.inputs
    assert found.notes == (f"{tmp_path / 'live.jsonl'}: 1 of 42 rows have no text and are left out",)


def test_too_few_texts_are_said_to_be_too_few(tmp_path: Path) -> None:
    found = live_traffic(written(tmp_path, [{"prompt": "a"}] * 50), ["b"] * 50, 0, 0.95)
    assert "domain_auc" not in found.inputs
    assert "1 live and 1 training texts that differ are too few" in found.notes[0]


def test_a_file_without_text_or_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no row has a text under prompt, text, input or messages"):
        live_traffic(written(tmp_path, [{"query": "x"}]), [], 0, 0.95)
    with pytest.raises(DataError, match="no such file"):
        live_traffic(tmp_path / "none.jsonl", [], 0, 0.95)
