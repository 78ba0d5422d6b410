"""Every key of a study file knows its line, and whatever stands anywhere is right or one line that names it."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from hanka.errors import HankaError, StudyError
from hanka.plan import build_plan
from hanka.records import RELATIONS
from hanka.study.resolve import resolve
from hanka.study.source import Key, parse_source
from own_studies import study_of

NAME = st.from_regex(r"[a-z][a-z0-9_]{0,7}", fullmatch=True).filter(
    lambda name: name not in ("y", "n", "on", "no", "off", "yes", "null", "true", "false")
)
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x85"), max_size=12)
"Without U+0085, which PyYAML's writer does not escape and its reader takes for a line break."
LEAF = st.one_of(st.integers(), st.booleans(), st.none(), TEXT, st.floats(allow_nan=False))
TREE = st.recursive(
    LEAF, lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(NAME, inner, max_size=4)), max_leaves=15
)
MAPS = st.dictionaries(NAME, TREE, min_size=1, max_size=5)


def keys_of(value: Any, key: Key = ()) -> Iterator[Key]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for part, item in inside:
        yield (*key, part)
        yield from keys_of(item, (*key, part))


def without_aliases(values: Any) -> str:
    class Plain(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

    return yaml.dump(values, Dumper=Plain, sort_keys=False, allow_unicode=True)


@given(MAPS, st.integers(0, 3))
@settings(max_examples=60)
def test_every_key_knows_its_line(values: dict[str, Any], blank: int) -> None:
    text = "\n" * blank + "# a comment\n" + without_aliases(values)
    source = parse_source(text, Path("s.yaml"))
    lines = re.split("[\n\x85\u2028\u2029]", text)
    assert source.values == values
    assert {key for key in source.lines if key} == set(keys_of(values))
    for key in keys_of(values):
        if isinstance(key[-1], str):
            assert re.match(rf"[\s-]*{key[-1]}:", lines[source.lines[key] - 1]), key
    above = [source.lines[key] for key in keys_of(values)]
    assert above == sorted(above)


@given(MAPS, st.lists(NAME, max_size=3))
@settings(max_examples=60)
def test_an_error_names_the_nearest_line_there_is(values: dict[str, Any], deeper: list[str]) -> None:
    source = parse_source(without_aliases(values), Path("s.yaml"))
    for key in keys_of(values):
        asked = (*key, *(f"{part}-not-there" for part in deeper))
        assert str(source.error(asked, "wrong")) == f"s.yaml:{source.lines[key]}: {'.'.join(map(str, asked))}: wrong"


def test_aliases_and_merges_keep_their_lines() -> None:
    text = "common: &common\n  r: 8\nmethods:\n  - sft:\n      <<: *common\n      peft: lora\n  - other: *common\n"
    source = parse_source(text, Path("s.yaml"))
    assert source.values["methods"] == [{"sft": {"r": 8, "peft": "lora"}}, {"other": {"r": 8}}]
    assert source.line(("methods", 0, "sft", "peft")) == 6
    assert source.line(("methods", 0, "sft", "r")) == 4
    assert source.line(("methods", 1, "other", "r")) == 7


# ---- nothing but StudyErrors

JUNK: list[Any] = [
    *(
        None,
        True,
        0,
        -1,
        2.5,
        float("inf"),
        10**30,
        "",
        " ",
        "abc",
        "../x",
        "p1",
        "hub:x",
        "x" * 300,
        "~nobody-of-this-name/x",
        "a\0b",
        "yes",
        "base",
        "日本",
        "x" * 100,
    ),
    *([], {}, [[]], [{}], {"a": 1}, [1], ["a", "a"], ["shop"], {"classification": {}}, {"sft": {}}, {1: 2}, "{input}"),
]
MAILTONE = {
    "kind": "classification",
    "labels": ["good", "bad"],
    "prompt": "{input}",
    "train": "mails",
    "in_domain": ["mails"],
}
FULL: dict[str, Any] = {
    "name": "smallest",
    "data": {"source": "toy"},
    "base": [
        {"model": "smollm2-135m-instruct"},
        {
            "fresh": {
                "tokenizer": "smollm2-135m-instruct",
                "hidden_size": 16,
                "intermediate_size": 32,
                "num_hidden_layers": 2,
                "num_attention_heads": 2,
            },
            "seed": 1,
            "name": "small",
        },
        {"encoder": "tfidf"},
    ],
    "datasets": {
        "mails": {
            "task": "mailtone",
            "train": "mails.csv",
            "test": "mails-test.csv",
            "fields": {"input": "text", "output": "tone"},
            "labels": {"good": "good", "unclear": None},
            "unknown": 0.1,
        },
        "one": {
            "task": "mailtone",
            "train": "mails.csv",
            "split": {"test": 0.2, "validation": 0.1, "seed": 1},
            "fields": {"input": "text", "output": "tone"},
        },
        "mix": {"recipe": {"concat": {"of": {"shop": 0.5, "mails": 0.5}}}},
        "facts": {"passages": "facts.jsonl"},
    },
    "tasks": {"sentiment": {"train": "shop", "in_domain": ["shop"], "out_of_domain": ["film"]}, "mailtone": MAILTONE},
    "methods": [
        "base",
        {"sft": {"r": 8, "target_modules": "all-linear"}},
        {"fticl": {"name": "f", "shots": {"classification": 1}}},
        {"sft": {"name": "mixed", "on": ["mix"], "bases": ["small"], "asking": {"shots": [0], "contexts": ["drawn"]}}},
        {"sft": {"name": "second", "start": {"of": "sft"}, "objective": "kl_base", "beta": 0.5}},
        {"interpolate": {"of": "sft", "weight": 0.5}},
        {"proxy": {"expert": {"of": "sft", "base": "small"}, "bases": "smollm2-135m-instruct"}},
        {"classifier": {"C": 1.0}},
    ],
    "tokens": {"bos": "model"},
    "train": {"sizes": [8], "epochs": 1, "learning_rate": 1e-3},
    "eval": {
        "shots": {"classification": [0, 1]},
        "prompts": ["p1"],
        "limit": 5,
        "cross_task_sizes": [8],
        "contexts": ["drawn", {"retrieve": {"passages": "facts", "k": 1}}],
    },
    "probes": ["weight_distance"],
    "seeds": [0],
}
PLACES = list(keys_of(FULL))


def mistake(values: dict[str, Any], path: Path) -> HankaError | None:
    """What is said of a study; None if it is right."""
    try:
        build_plan(resolve(parse_source(without_aliases(values), path)))
    except HankaError as error:
        return error
    return None


@given(st.sampled_from(PLACES), st.sampled_from(JUNK))
@settings(max_examples=120)
def test_whatever_stands_anywhere_is_right_or_one_line_with_a_line_number(place: Key, junk: Any) -> None:
    values = copy.deepcopy(FULL)
    target: Any = values
    for part in place[:-1]:
        target = target[part]
    target[place[-1]] = junk
    path = Path(__file__).parent / "wrong/data/study.yaml"
    error = mistake(values, path)
    if error is not None:
        assert isinstance(error, StudyError)
        assert re.match(rf"{re.escape(str(path))}:\d+: .+: .", str(error)), error
        assert "\n" not in str(error)


def test_the_full_study_of_the_test_above_is_right() -> None:
    study = study_of(FULL, Path(__file__).parent / "wrong/data")
    assert build_plan(study).cells
    assert set(study.prompts(study.tasks["sentiment"].task, RELATIONS[0])) == {"p1"}
