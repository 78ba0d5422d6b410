"""GGUF files as bases: told by their ending, identified by their content, refused in one line where they are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from hanka.errors import ModelError
from hanka.models.catalogue import find_model
from hanka.models.folders import require_causal_model
from hanka.models.identity import model_identity, n_parameters
from hanka.models.loading import load_tokenizer


def test_a_gguf_file_is_a_base_known_by_its_content(tmp_path: Path) -> None:
    for name, content in (("a.gguf", b"one"), ("b.gguf", b"one"), ("c.gguf", b"two")):
        (tmp_path / name).write_bytes(content)
    found = {name: find_model(f"{name}.gguf", tmp_path) for name in "abc"}
    assert found["a"].kind == "gguf"
    assert found["a"].folder == (tmp_path / "a.gguf").resolve()
    assert "GGUF file" in found["a"].note
    assert model_identity(found["a"]) == model_identity(found["b"]) != model_identity(found["c"])
    assert n_parameters(found["a"]) is None  # not converted yet: nothing is known


def test_a_file_that_is_no_gguf_fails_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANKA_CACHE", str(tmp_path / "cache"))
    (tmp_path / "bad.gguf").write_bytes(b"GGUF but not really")
    with pytest.raises(ModelError, match=r"bad.gguf: this GGUF file cannot be converted: [^\n]+$"):
        load_tokenizer(find_model("bad.gguf", tmp_path))
    assert not list((tmp_path / "cache" / "models").glob("bad*"))


def test_a_folder_of_gguf_files_says_which_to_name(tmp_path: Path) -> None:
    (tmp_path / "x.Q4_1.gguf").write_bytes(b"x")
    with pytest.raises(ModelError, match=r"holds GGUF files: name one of them as base, such as .*x.Q4_1.gguf"):
        require_causal_model(tmp_path)
