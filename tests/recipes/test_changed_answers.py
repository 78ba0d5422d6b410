"""Changes after which a right answer is another one, or none: negation, labels that change places, own edits, one field alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from changed_rows import INFERENCE, SENTIMENT, changed, example
from hanka.errors import DataError
from hanka.recipes import RECIPES, negation_en, negation_ja
from hanka.recipes.counterfactual_labels import told
from hanka.recipes.edited import EditedParams, load_edits
from hanka.records import Example
from hanka.tasks import TASKS


def pair(premise: str, hypothesis: str, target: str, name: str = "p1", group: str = "") -> Example:
    return Example(name, {"input_1": premise, "input_2": hypothesis}, target, group)


# ---- negation


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A man is asleep.", "A man is not asleep."),
        ("The man isn't asleep.", "The man is asleep."),
        ("He can swim", "He cannot swim"),
        ("He cannot swim.", "He can swim."),
        ("She likes tea.", "She does not like tea."),
        ("A woman went home.", "A woman did not go home."),
        ("She has a car.", "She does not have a car."),
        ("They have left.", "They have not left."),
        ("It's raining.", "It's not raining."),
        ("The old can is red.", "The old can is not red."),
    ],
)
def test_an_english_statement_becomes_its_opposite(text: str, expected: str) -> None:
    assert negation_en.negated(text).text == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Some men are asleep.", negation_en.UNCLEAR_SCOPE),
        ("A boy is happy and sings.", negation_en.UNCLEAR_SCOPE),
        ("Is he there?", negation_en.NOT_ONE),
        ("He left, she stayed.", negation_en.NOT_ONE),
        ("The men play.", negation_en.NO_VERB),
        ("Not a soul is not here.", "a negation that cannot be undone"),
    ],
)
def test_what_could_mean_something_else_is_refused_with_a_reason(text: str, reason: str) -> None:
    assert (negation_en.negated(text).text, negation_en.negated(text).why) == (None, reason)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("男性が眠っている。", "男性が眠っていない。"),
        ("男性が眠っていない。", "男性が眠っている。"),
        ("これは犬です。", "これは犬ではありません。"),
        ("彼女は走りません。", "彼女は走ります。"),
        ("雨が降りました。", "雨が降りませんでした。"),
        ("料理がおもしろい。", "料理がおもしろくない。"),
        ("景色が美しかったです", "景色が美しくなかったです"),
        ("部屋がきれいです", "部屋がきれいではありません"),
        ("犬がいる", "犬がいない"),
        ("彼は勉強する。", "彼は勉強しない。"),
    ],
)
def test_a_japanese_statement_becomes_its_opposite(text: str, expected: str) -> None:
    assert negation_ja.negated(text).text == expected


@pytest.mark.parametrize(
    "text", ["誰もいない。", "眠いですか", "犬が走って、猫が寝ている。", "彼は話した。", "もったいない"]
)
def test_japanese_that_needs_more_than_an_ending_is_refused(text: str) -> None:
    found = negation_ja.negated(text)
    assert found.text is None
    assert found.why


def test_negating_a_hypothesis_turns_entailment_and_contradiction_around_and_leaves_neutral() -> None:
    rows = [
        pair("A man sleeps.", "A man is asleep.", label, name=f"p{place}")
        for place, label in enumerate(("entailment", "contradiction", "neutral"))
    ]
    found = changed("negation", [*rows, pair("x", "All men sleep.", "neutral", "left")], INFERENCE)
    assert [one.target for one in found.examples] == ["contradiction", "entailment", "neutral"]
    assert {one.fields["input_2"] for one in found.examples} == {"A man is not asleep."}
    assert {one.fields["input_1"] for one in found.examples} == {"A man sleeps."}
    assert dict(found.left_out) == {negation_en.UNCLEAR_SCOPE: ("left",)}


def test_where_no_rule_says_what_is_right_the_study_has_to() -> None:
    rows = [example("The film is good.", "positive", "a"), example("The film is bad.", "negative", "b")]
    with pytest.raises(
        DataError, match="negation changes what is right, and for task sentiment nothing says how: write `labels: "
    ):
        changed("negation", rows)
    found = changed("negation", rows, labels={"positive": "negative", "negative": None})
    assert [(one.id, one.target, one.fields["input"]) for one in found.examples] == [
        ("a", "negative", "The film is not good.")
    ]
    assert dict(found.left_out) == {"its label under negation is not known": ("b",)}
    with pytest.raises(DataError, match="'positve' is not a label of task sentiment: "):
        changed("negation", rows, labels={"positve": "negative"})


def test_a_premise_that_is_negated_has_no_rule() -> None:
    with pytest.raises(
        DataError, match="what follows when input_1 is negated is not known: negate input_2, or write `labels:`"
    ):
        changed("negation", [pair("It is so.", "It is so.", "entailment")], INFERENCE, field="input_1")


# ---- labels that change places


def test_two_labels_change_places_in_queries_and_demonstrations_and_texts_stay() -> None:
    rows = [example("fine", "positive", "a"), example("poor", "negative", "b")]
    found = changed("counterfactual_labels", rows)
    assert [(one.id, one.target, one.fields) for one in found.examples] == [
        ("a", "negative", {"input": "fine"}),
        ("b", "positive", {"input": "poor"}),
    ]
    recipe = RECIPES.get("counterfactual_labels")
    assert recipe.perturbs is not None
    params = recipe.params.model_validate({"of": "reviews"})
    assert [one.target for one in recipe.perturbs.shown(params, rows, SENTIMENT)] == ["negative", "positive"]
    assert recipe.perturbs.fewest_shots(params) == 1


def test_three_labels_move_on_by_one() -> None:
    rows = [pair("x", "y", label, label) for label in INFERENCE.labels]
    found = changed("counterfactual_labels", rows, INFERENCE)
    first, second, third = INFERENCE.labels
    assert {one.id: one.target for one in found.examples} == {first: second, second: third, third: first}


def test_a_label_that_keeps_its_meaning_is_left_out() -> None:
    rows = [pair("x", "y", label, label) for label in ("entailment", "contradiction", "neutral")]
    labels = {"entailment": "contradiction", "contradiction": "entailment"}
    found = changed("counterfactual_labels", rows, INFERENCE, labels=labels)
    assert {one.id: one.target for one in found.examples} == labels
    assert dict(found.left_out) == {"its label keeps its meaning": ("neutral",)}


def test_a_sentence_tells_what_the_words_mean_in_the_language_of_the_row() -> None:
    found = changed("counterfactual_labels", [example("A good film")], told="prompt")
    said = "In what follows, “negative” stands for “positive”, “positive” stands for “negative”."
    assert found.examples[0].fields["input"] == f"{said}\nA good film"
    assert (
        told({"良い": "悪い", "悪い": "良い"}, "この映画は良い")
        == "以下では、「良い」を「悪い」、「悪い」を「良い」とします。"
    )
    recipe = RECIPES.get("counterfactual_labels")
    assert recipe.perturbs is not None
    assert recipe.perturbs.fewest_shots(recipe.params.model_validate({"of": "x", "told": "prompt"})) == 0


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ({"positive": "negative"}, "'negative' would stand for two labels of task sentiment: let labels change places"),
        ({"positive": "positive"}, "no label of task sentiment changes: write "),
        ({"positive": "good"}, "'good' is not a label of task sentiment: "),
    ],
)
def test_what_is_no_exchange_of_labels_is_refused(labels: dict[str, str], said: str) -> None:
    with pytest.raises(DataError) as caught:
        changed("counterfactual_labels", [example("x")], labels=labels)
    assert said in str(caught.value)


def test_a_task_without_labels_has_none_to_exchange() -> None:
    with pytest.raises(DataError, match="task summary has no labels that could change places: name a classification"):
        changed("counterfactual_labels", [example("x")], TASKS.get("summary"))


# ---- one field alone


@pytest.mark.parametrize(("name", "rule"), [("hypothesis_only", "none"), ("premise_removed", "none")])
def test_the_premise_is_gone_and_the_target_stays(name: str, rule: str) -> None:
    recipe = RECIPES.get(name)
    assert recipe.perturbs is not None
    assert recipe.perturbs.expects == rule
    found = changed(name, [pair("A man sleeps.", "A man is awake.", "contradiction")], INFERENCE)
    assert [(dict(one.fields), one.target) for one in found.examples] == [
        ({"input_1": "", "input_2": "A man is awake."}, "contradiction")
    ]


def test_the_other_field_can_be_the_one_that_stays_or_goes() -> None:
    row = pair("A man sleeps.", "A man is awake.", "contradiction")
    (kept,) = changed("hypothesis_only", [row], INFERENCE, keep="input_1").examples
    (gone,) = changed("premise_removed", [row], INFERENCE, field="input_2").examples
    assert kept.fields == gone.fields == {"input_1": "A man sleeps.", "input_2": ""}


def test_the_premise_can_be_that_of_a_row_of_another_group() -> None:
    rows = [
        pair("one", "h1", "neutral", "a", "g1"),
        pair("two", "h2", "neutral", "b", "g1"),
        pair("three", "h3", "neutral", "c", "g2"),
    ]
    found = {one.id: one.fields for one in changed("premise_removed", rows, INFERENCE, by="another_row").examples}
    assert found["a"] == {"input_1": "three", "input_2": "h1"}
    assert found["b"] == {"input_1": "three", "input_2": "h2"}
    assert found["c"]["input_1"] in ("one", "two")


def test_rows_without_a_premise_or_without_another_one_are_left_out() -> None:
    rows = [pair(" ", "h", "neutral", "empty"), pair("p", "h", "neutral", "full")]
    assert dict(changed("premise_removed", rows, INFERENCE).left_out) == {"the text is empty as it is": ("empty",)}
    same = [pair("p", "h", "neutral", "a"), pair("p", "i", "neutral", "b"), pair("q", "j", "neutral", "c", "")]
    assert dict(changed("premise_removed", same, INFERENCE, by="another_row").left_out) == {}
    with pytest.raises(DataError, match="2 no other row has another text"):
        changed("premise_removed", same[:2], INFERENCE, by="another_row")


def test_a_task_of_one_field_has_nothing_left() -> None:
    with pytest.raises(DataError, match="task sentiment has 1 field, and without it nothing is left to ask"):
        changed("hypothesis_only", [example("x")])


# ---- own edits


EDITS = {"a": {"input": "A bad film", "output": "negative"}, "b": {"input": "A film to love"}}


def test_edits_bring_new_texts_and_where_they_say_so_new_answers() -> None:
    rows = [example("A good film", name="a"), example("A lovely film", name="b"), example("So so", name="c")]
    found = changed("edited", rows, edits=EDITS)
    assert [(one.id, one.fields["input"], one.target) for one in found.examples] == [
        ("a", "A bad film", "negative"),
        ("b", "A film to love", "positive"),
    ]
    assert dict(found.left_out) == {"has no edit": ("c",)}


def test_an_edit_of_a_row_that_is_there_but_not_asked_is_no_mistake_and_of_none_is_one() -> None:
    rows = [example("A good film", name="a")]
    assert len(changed("edited", rows, ids=["a", "b"], edits=EDITS).examples) == 1
    with pytest.raises(DataError, match="id 'b' of an edit is no row of reviews"):
        changed("edited", rows, edits=EDITS)


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        ({"text": "x"}, "the edit of 'a' has 'text', and task sentiment has no such field: "),
        ({"output": "good"}, "the edit of 'a' has output 'good': "),
    ],
)
def test_fields_and_answers_that_the_task_does_not_know_are_named(edit: dict[str, str], said: str) -> None:
    with pytest.raises(DataError) as caught:
        changed("edited", [example("x", name="a")], edits={"a": edit})
    assert said in str(caught.value)


def test_a_file_of_edits_becomes_part_of_the_parameters_and_empty_cells_stay_as_they_were(tmp_path: Path) -> None:
    (tmp_path / "edits.csv").write_text("id,input,output\n7,A bad film,negative\n8,,positive\n", encoding="utf-8")
    loaded = load_edits(EditedParams(of="x", file="edits.csv"), tmp_path)
    assert (loaded.file, loaded.edits) == (
        "",
        {"7": {"input": "A bad film", "output": "negative"}, "8": {"output": "positive"}},
    )


def test_columns_of_edits_can_be_called_as_in_the_data_set(tmp_path: Path) -> None:
    (tmp_path / "edits.csv").write_text("nr,text,tone\n7,A bad film,negative\n", encoding="utf-8")
    fields = {"input": "text", "output": "tone", "id": "nr"}
    loaded = load_edits(EditedParams(of="x", file="edits.csv", fields=fields), tmp_path)
    assert loaded.edits == {"7": {"input": "A bad film", "output": "negative"}}
    with pytest.raises(DataError, match=r"edits\.csv:2 has no column 'txt' for input: did you mean 'text'"):
        load_edits(EditedParams(of="x", file="edits.csv", fields=fields | {"input": "txt"}), tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id,input\n1,a\n1,b\n", "edits.csv:3: id '1' stands twice; keep one edit of a row"),
        ("name,input\n1,a\n", "edits.csv:2 has no `id`: say which row it was made from"),
    ],
)
def test_a_wrong_line_of_edits_is_named(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "edits.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        load_edits(EditedParams(of="x", file="edits.csv"), tmp_path)
    assert str(caught.value).endswith(said)


@pytest.mark.parametrize("given", [{}, {"file": "a.csv", "edits": EDITS}])
def test_edits_come_from_one_place(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="edits come from `file` or from `edits`"):
        EditedParams.model_validate({"of": "x", **given})
