from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanka.errors import DataError
from hanka.prompting import (
    Prompter,
    Query,
    TextPolicy,
    colliding_labels,
    require_distinct_first_tokens,
    shared_prefix,
)
from hanka.records import Built, Example
from hanka.tasks import TASKS
from hanka.tasks.base import Task
from tiny_models import tiny_tokenizer

TOKENIZER = tiny_tokenizer()
SENTIMENT = TASKS.get("sentiment")
INFERENCE = TASKS.get("inference")


def example(text: str, target: str = "positive") -> Example:
    return Example(text, {"input": text, "input_1": text, "input_2": text + "!", "answer": "x"}, target)


def prompter(**policy: str) -> Prompter:
    return Prompter(TOKENIZER, TextPolicy(**policy))  # type: ignore[arg-type]


def test_prompts_and_demonstrations_are_rendered_as_published() -> None:
    prefix, (query,) = prompter().render(SENTIMENT, "p1", [example("Good.")], [example("Bad?")])
    assert prefix == "### Input:\nGood.\n### Sentiment:positive\n\n"
    assert query == "### Input:\nBad?\n### Sentiment:"


@given(st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=4))
@settings(max_examples=60)
def test_training_and_scoring_see_the_same_ids_before_the_answer(texts: list[str]) -> None:
    asked = prompter()
    rows = [example(text, "neutral") for text in texts]
    for task, prompt in ((INFERENCE, "p1"), (INFERENCE, "p2")):
        prefix, queries = asked.render(task, prompt, [example("a demo", "neutral")], rows)
        trained = asked.training_rows([prefix] * len(rows), queries, [row.target for row in rows])
        scored = asked.label_queries(task, prefix, queries, 1)
        for row, query in zip(trained, scored, strict=True):
            label = task.labels.index("neutral")
            assert row.ids == [*query.ids, *query.labels[label], TOKENIZER.eos_token_id]
            assert row.start >= len(query.ids)


def test_context_and_label_ids_spell_the_text() -> None:
    _, queries = prompter().render(INFERENCE, "p2", [], [example("It rains.")])
    (query,) = prompter().label_queries(INFERENCE, "", queries, 0)
    for label, ids in zip(INFERENCE.labels, query.labels, strict=True):
        assert TOKENIZER.decode([*query.ids, *ids]) == queries[0] + label


def test_a_prompt_that_ends_in_a_space_leaves_the_space_to_the_answer() -> None:
    _, queries = prompter().render(INFERENCE, "p2", [], [example("It rains.")])
    assert queries[0].endswith("is ")
    (query,) = prompter().text_queries(INFERENCE, "", queries, 0)
    assert TOKENIZER.decode(query.ids).endswith("is")


def test_labels_that_begin_alike_are_refused_in_first_token_mode() -> None:
    clash = Task("clash", "classification", {"p1": "{input}\nLabel:"}, ("accuracy",), ("zzqa", "zzqb"))
    _, texts = prompter().render(clash, "p1", [], [example("x")])
    queries = prompter().label_queries(clash, "", texts, 0)
    assert colliding_labels(queries, clash.labels) == [("zzqa", "zzqb")]
    with pytest.raises(DataError, match="'zzqa' and 'zzqb' begin with the same token"):
        require_distinct_first_tokens(queries, clash.labels, "task clash")


def test_an_answer_ends_in_eos_or_in_what_stands_behind_one_that_is_shown() -> None:
    _, texts = prompter().render(SENTIMENT, "p1", [], [example("x")])
    (query,) = prompter().label_queries(SENTIMENT, "", texts, 0)
    assert TOKENIZER.eos_token_id in query.ends
    assert {TOKENIZER.decode([one]) for one in query.ends} == {"</s>", "\n", "\n\n"} or len(query.ends) == 2
    for one in set(query.ends) - {TOKENIZER.eos_token_id}:
        assert TOKENIZER.decode([one]).strip() == ""


@pytest.mark.parametrize("policy", [{"eos": False}, {"protocol": "paper"}, {"ends": False}])
def test_labels_are_scored_alone_where_no_end_is_trained_or_none_was_published(policy: dict[str, str]) -> None:
    _, texts = prompter().render(SENTIMENT, "p1", [], [example("x")])
    assert prompter(**policy).label_queries(SENTIMENT, "", texts, 0)[0].ends == ()


@pytest.mark.parametrize(("policy", "expected"), [("model", 0), ("always", 1), ("never", 0)])
def test_bos_stands_once_or_not_at_all_in_training_zero_shot_and_few_shot(policy: str, expected: int) -> None:
    asked = prompter(bos=policy)
    prefix, queries = asked.render(SENTIMENT, "p1", [example("demo")], [example("text")])
    (trained,) = asked.training_rows([""], queries, ["positive"])
    (zero,) = asked.label_queries(SENTIMENT, "", queries, 0)
    (few,) = asked.label_queries(SENTIMENT, prefix, queries, 1)
    for ids in (trained.ids, zero.ids, few.ids):
        assert ids.count(TOKENIZER.bos_token_id) == expected


def test_the_paper_protocol_keeps_the_published_bos() -> None:
    asked = prompter(bos="always", protocol="paper")
    prefix, queries = asked.render(SENTIMENT, "p1", [example("demo")], [example("text")])
    bos = TOKENIZER.bos_token_id
    assert asked.label_queries(SENTIMENT, "", queries, 0)[0].ids.count(bos) == 1
    assert asked.label_queries(SENTIMENT, prefix, queries, 2)[0].ids.count(bos) == 0
    assert asked.text_queries(TASKS.get("summary"), "", queries, 0)[0].ids.count(bos) == 2
    assert asked.text_queries(TASKS.get("summary"), prefix, queries, 2)[0].ids.count(bos) == 1


def test_a_merged_boundary_belongs_to_the_answer_and_is_swallowed_as_published() -> None:
    ours, published = prompter(), prompter(protocol="paper")
    context, target = "Sentim", "ent"
    (row,) = ours.training_rows([""], [context], [target])
    alone = ours.prompt_lengths([context])[0]
    assert row.start < alone
    assert TOKENIZER.decode(row.ids[row.start : -1]).endswith(target)
    assert published.training_rows([""], [context], [target])[0].start > row.start


def test_the_template_hash_changes_with_whatever_changes_the_text() -> None:
    base = prompter().template_hash(SENTIMENT, "p1")
    assert base == prompter().template_hash(SENTIMENT, "p1")
    others = {
        prompter().template_hash(SENTIMENT, "p2"),
        prompter(bos="always").template_hash(SENTIMENT, "p1"),
        prompter(protocol="paper").template_hash(SENTIMENT, "p1"),
        prompter().template_hash(INFERENCE, "p1"),
    }
    assert len(others) == 4
    assert base not in others


def test_braces_in_the_data_stay_as_they_are() -> None:
    _, (query,) = prompter().render(SENTIMENT, "p1", [], [example("{input} {x} {{")])
    assert query == "### Input:\n{input} {x} {{\n### Sentiment:"


@given(st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=8), min_size=1, max_size=6))
def test_the_shared_prefix_is_a_prefix_of_all_and_leaves_a_token_of_each(contexts: list[list[int]]) -> None:
    n_shared = shared_prefix(contexts)
    assert all(context[:n_shared] == contexts[0][:n_shared] for context in contexts)
    assert all(n_shared < len(context) for context in contexts)


def test_chat_template_is_refused_where_the_tokenizer_has_none() -> None:
    with pytest.raises(DataError, match="no chat template"):
        prompter(template="chat")


def test_chat_turns_hold_demonstrations_and_query() -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = (
        "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}</{{ m['role'] }}>{% endfor %}"
        "{% if add_generation_prompt %}<assistant>{% endif %}"
    )
    asked = Prompter(tokenizer, TextPolicy(template="chat"))
    prefix, (query,) = asked.render(SENTIMENT, "p1", [example("demo")], [example("text")])
    assert prefix.count("<assistant>positive</assistant>") == 1
    assert query.endswith("</user><assistant>")
    assert Query("", [1], ()).labels == ()


def test_the_paper_protocol_scores_every_prompt_set_with_the_label_ids_of_p1() -> None:
    rows = [example("It rains.", "neutral")]
    p1, p2 = (prompter(protocol="paper").ask(INFERENCE, prompt, (), rows).encoded[0] for prompt in ("p1", "p2"))
    own = prompter().ask(INFERENCE, "p2", (), rows).encoded[0]
    assert p2.labels == p1.labels != own.labels


CHANGES_EARLIER_TURNS = (
    "{% for m in messages %}<{{ m['role'] }}{% if loop.last %} last{% endif %}>{{ m['content'] }}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)


def chat_prompter(template: str) -> Prompter:
    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = template
    return Prompter(tokenizer, TextPolicy(template="chat"))


def test_a_chat_template_that_changes_earlier_turns_can_be_asked_at_zero_shots() -> None:
    asked = chat_prompter(CHANGES_EARLIER_TURNS)
    found = asked.ask(SENTIMENT, "p1", (), [example("text")])
    assert found.queries == ["<user last>### Input:\ntext\n### Sentiment:<assistant>"]
    assert found.template_hash == asked.template_hash(SENTIMENT, "p1")


def test_the_template_hash_of_a_chat_asks_for_no_demonstration_and_changes_with_the_template() -> None:
    no_assistant = (
        "{% for m in messages %}{% if m['role'] != 'user' %}{{ raise_exception('user turns only') }}{% endif %}"
    )
    alone = chat_prompter(no_assistant + "<user>{{ m['content'] }}{% endfor %}").template_hash(SENTIMENT, "p1")
    others = {
        chat_prompter(CHANGES_EARLIER_TURNS).template_hash(SENTIMENT, "p1"),
        chat_prompter(CHANGES_EARLIER_TURNS.replace("<{{", "</assistant><{{")).template_hash(SENTIMENT, "p1"),
        chat_prompter(CHANGES_EARLIER_TURNS).template_hash(SENTIMENT, "p2"),
    }
    assert len(others | {alone}) == 4


def stands(*texts: str, **inserted: str) -> Built:
    return Built(tuple(example(text) for text in texts), inserted)


def plain(text: str) -> str:
    return f"### Input:\n{text}\n### Sentiment:"


def test_what_all_queries_share_is_the_prefix_and_the_rest_stands_in_the_query() -> None:
    rows = [example("one"), example("two")]
    built = [stands("a", "b"), stands("a", "c", "d", passages="P!")]
    prefix, queries = prompter().render(SENTIMENT, "p1", [example("z")], rows, built)
    shown = {text: plain(text) + "positive\n\n" for text in "zabcd"}
    assert prefix == shown["z"] + shown["a"]
    assert queries == [shown["b"] + plain("one"), shown["c"] + shown["d"] + "P!" + plain("two")]


def test_text_inserted_before_every_query_alike_is_shared_and_other_text_is_not() -> None:
    rows = [example("one"), example("two")]
    alike = prompter().render(SENTIMENT, "p1", (), rows, [stands("a", note="N ")] * 2)
    assert alike == (plain("a") + "positive\n\nN ", [plain("one"), plain("two")])
    different = prompter().render(SENTIMENT, "p1", (), rows, [stands(note="N "), stands(note="M ")])
    assert different == ("", ["N " + plain("one"), "M " + plain("two")])


DEMONSTRATIONS = st.lists(st.sampled_from("abc"), max_size=3)


@given(st.lists(st.tuples(DEMONSTRATIONS, st.sampled_from(["", "x "])), min_size=1, max_size=4))
@settings(max_examples=60)
def test_sharing_changes_no_text(plans: list[tuple[list[str], str]]) -> None:
    rows = [example(f"query {place}") for place in range(len(plans))]
    built = [stands(*texts, note=note) for texts, note in plans]
    chat = chat_prompter("{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}{% endfor %}")
    for asked in (prompter(), chat):
        prefix, queries = asked.render(SENTIMENT, "p1", (), rows, built)
        alone = [asked.render(SENTIMENT, "p1", (), [row], [one]) for row, one in zip(rows, built, strict=True)]
        assert [prefix + query for query in queries] == [before + query for before, (query,) in alone]


def test_per_query_contexts_that_agree_render_as_shared_demonstrations_do() -> None:
    rows, shown = [example("one"), example("two")], [example("a"), example("b")]
    for asked in (prompter(), prompter(protocol="paper", bos="always")):
        shared = asked.ask(SENTIMENT, "p1", shown, rows)
        assert asked.ask(SENTIMENT, "p1", (), rows, [Built(tuple(shown), {})] * 2) == shared
        assert asked.ask(SENTIMENT, "p1", (), rows, [Built((), {})] * 2) == asked.ask(SENTIMENT, "p1", (), rows)


def test_inserted_text_goes_into_the_user_turn_of_a_chat() -> None:
    asked = chat_prompter("{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}{% endfor %}")
    prefix, queries = asked.render(SENTIMENT, "p1", (), [example("one")] * 2, [stands("a", p="P! ")] * 2)
    assert prefix == "<user>" + plain("a") + "<assistant>positive"
    assert queries == ["<user>P! " + plain("one") + "<assistant>"] * 2


def test_a_chat_template_that_changes_earlier_turns_shares_nothing() -> None:
    prefix, (query,) = chat_prompter(CHANGES_EARLIER_TURNS).render(SENTIMENT, "p1", [example("a")], [example("one")])
    assert prefix == ""
    assert query == "<user>" + plain("a") + "<assistant>positive<user last>" + plain("one") + "<assistant>"


def test_every_query_needs_what_stands_before_it() -> None:
    with pytest.raises(ValueError, match="argument"):
        prompter().render(SENTIMENT, "p1", (), [example("one"), example("two")], [stands("a")])


@pytest.mark.parametrize(("policy", "start"), [("always", TOKENIZER.bos_token_id), ("never", TOKENIZER.eos_token_id)])
def test_a_scored_text_is_the_one_continuation_of_a_start_token(policy: str, start: int) -> None:
    asked = prompter(bos=policy)
    texts = [Example("a", {}, "It rains."), Example("b", {}, "So be it,\n\nthen.")]
    found = asked.ask(TASKS.get("text"), "p1", (), texts)
    assert (found.prefix, found.queries) == ("", ["", ""])
    for text, query in zip(texts, found.encoded, strict=True):
        (ids,) = query.labels
        assert query.ids == [start]
        assert TOKENIZER.decode(list(ids)) == text.target
    (row,) = asked.training_rows([""], [""], [texts[0].target])
    assert row.start == (1 if policy == "always" else 0)
    assert tuple(row.ids[row.start : -1]) == found.encoded[0].labels[0]


def test_a_text_cannot_be_scored_without_a_token_to_begin_after() -> None:
    class Bare:
        bos_token_id = eos_token_id = bos_token = None
        __call__ = staticmethod(TOKENIZER)

    with pytest.raises(DataError, match="neither BOS nor EOS"):
        Prompter(Bare(), TextPolicy()).ask(TASKS.get("text"), "p1", (), [Example("a", {}, "x")])  # type: ignore[arg-type]


def test_chat_templates_that_differ_only_in_demonstrations_hash_apart() -> None:
    turn = "{% if m['role'] == 'user' %}<user>{{ m['content'] }}{% else %}BEFORE{{ m['content'] }}{% endif %}"
    template = "{% for m in messages %}" + turn + "{% endfor %}"
    hashes = {chat_prompter(template.replace("BEFORE", word)).template_hash(SENTIMENT, "p1") for word in ("", "<a>")}
    assert len(hashes) == 2


def test_the_paper_protocol_takes_label_ids_behind_what_stands_before_each_query() -> None:
    # Behind p1 with its demonstrations the labels begin where they do behind the shared demonstrations of p1.
    asked, shown, rows = prompter(protocol="paper"), [example("a", "neutral")], [example("It rains."), example("Sun.")]
    built = [Built((shown[0],), {}), Built((), {"note": "It is a note: "})]
    ours = asked.ask(INFERENCE, "p2", (), rows, built).encoded
    p1 = asked.render(INFERENCE, "p1", (), rows, built)[1]
    expected = asked.label_queries(INFERENCE, "", p1, 1)
    assert [one.labels for one in ours] == [one.labels for one in expected]
