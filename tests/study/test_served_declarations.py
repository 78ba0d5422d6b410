"""A served base that is declared wrongly ends in one line, which never repeats a key."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from hanka.errors import HankaError, StudyError
from hanka.study.resolve import load_study


def write(folder: Path, base: dict[str, Any], methods: list[str]) -> Path:
    study = {
        "name": "served", "base": [base], "data": {"source": "toy"}, "tasks": {"sentiment": {}}, "methods": methods,
        "train": {"sizes": [8]},
    }  # fmt: skip
    path = folder / "study.yaml"
    path.write_text(json.dumps(study), encoding="utf-8")
    return path


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no address": ({"served": "localhost:8000"}, "no address of a server"),
    "a secret in the address": ({"served": "http://me:pass@host/v1"}, "holds a name or password"),
    "a query": ({"served": "http://host/v1?api_key=abc"}, "something behind its path"),
    "a key itself": ({"server": {"key": "sk-abcdef"}}, "names an environment variable in capitals"),
    "scores of a chat": ({"server": {"api": "chat", "labels": "logprobs"}}, "a chat gives none"),
    "no place for labels": ({"server": {"labels": "parsed", "hint": "choose"}}, "has no place for the labels"),
    "a hint for scores": ({"server": {"hint": "{labels}"}}, "labels that are scored need no hint"),
    "no model": ({"model": ""}, "no model is given"),
    "quantised": ({"load": "nf4"}, "weights that are loaded here"),
    "no such reference": ({"reference": "huge"}, "'huge' is no base of the study"),
    "its own reference": ({"reference": "big"}, "its own reference"),
    "the same as nothing": ({"server": {"same_as": "huge"}}, "'huge' is no base whose weights are loaded here"),
    "unknown key": ({"server": {"apis": "chat"}}, "did you mean 'api'"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_declaration_is_one_line(name: str, tmp_path: Path) -> None:
    change, expected = WRONG[name]
    base = {"served": "http://127.0.0.1:9/v1", "model": "tiny", "name": "big"} | change
    path = write(tmp_path, base, ["base"])
    with pytest.raises(StudyError, match=re.escape(expected)) as caught:
        load_study(path)
    assert "\n" not in str(caught.value)
    assert "sk-abcdef" not in str(caught.value)


def test_training_a_served_base_is_refused_in_one_line(tmp_path: Path) -> None:
    path = write(tmp_path, {"served": "http://127.0.0.1:9/v1", "model": "tiny"}, ["base", "sft"])
    with pytest.raises(
        HankaError, match="sft adapts bases of kind wheel, hub, folder, gguf, fresh, and the study has none"
    ):
        load_study(path)
