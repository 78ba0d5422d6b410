"""The Japanese tasks: what a demonstration looks like as a whole, and what is read from answers as people write them."""

import pytest

from hanka.records import Example
from hanka.tasks import TASKS, Task

JAPANESE = [TASKS.get(name) for name in ("inference-ja", "similarity-ja", "reading-ja", "choice-ja")]


@pytest.mark.parametrize("task", JAPANESE, ids=lambda task: task.name)
def test_an_answer_follows_the_colon_and_no_prompt_holds_what_separates_demonstrations(task: Task) -> None:
    for template in task.prompts.values():
        assert template.endswith("：")
        assert "\n\n" not in template


@pytest.mark.parametrize(
    ("written", "right"),
    [("2.4", 1.0), ("２．４", 1.0), ("2.4点", 1.0), ("3.0", 0.0), ("近いです", 0.0), ("2.4\n\n二つ", 1.0)],
)
def test_a_similarity_is_read_as_a_number(written: str, right: float) -> None:
    row = Example("a", {"input_1": "犬が走る。", "input_2": "犬が駆ける。"}, "2.4")
    assert TASKS.get("similarity-ja").verify(row, written).reward == right


def test_a_written_answer_is_one_line() -> None:
    row = Example("a", {"input": "塔は北にある。", "question": "塔はどこか。"}, "北")
    assert TASKS.get("reading-ja").verify(row, "北\n質問：次は何か。").reward == 1.0


def test_a_choice_is_asked_with_all_its_answers_numbered() -> None:
    row = Example("a", {"input": "白いものは？", **{f"choice_{n}": f"物{n}" for n in range(1, 6)}}, "3")
    for prompt in ("p1", "p2"):
        text = TASKS.get("choice-ja").render(row, prompt)
        assert [text.index(f"物{n}") for n in range(1, 6)] == sorted(text.index(f"物{n}") for n in range(1, 6))
        assert all(f"{n}. 物{n}" in text or f"（{n}）物{n}" in text for n in range(1, 6))
