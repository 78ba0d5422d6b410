from __future__ import annotations

from pathlib import Path

import pytest

from hanka.models.catalogue import ModelRef, find_model
from hanka.models.failures import explain_failure
from hanka.models.identity import model_identity, pin_revision

REF = ModelRef("owner/name", "hub", None, "owner/name")
COMMIT = "0123456789abcdef0123456789abcdef01234567"


class GatedRepoError(OSError):
    pass


class RepositoryNotFoundError(OSError):
    pass


class RevisionNotFoundError(OSError):
    pass


class ConnectError(Exception):
    pass


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (GatedRepoError("403"), "is gated: accept its licence on the hub, then log in with `hf auth login`"),
        (RepositoryNotFoundError("404"), "is not on the hub (or is private)"),
        (RevisionNotFoundError("404"), "has no revision 'main'"),
        (ConnectError("[Errno -2] Name or service not known"), "the hub cannot be reached"),
        (OSError("We couldn't connect to the hub\nin offline mode"), "the hub cannot be reached"),
        (OSError("no file named model.safetensors found"), "has no safetensors weights"),
        (ValueError("loading needs `trust_remote_code=True`"), "set base: {model: owner/name@<commit>"),
        (RuntimeError("something\nelse"), "cannot be loaded: something else"),
    ],
)
def test_a_failure_is_one_line_with_what_to_do(error: Exception, said: str) -> None:
    line = explain_failure(REF, error)
    assert said in line
    assert "owner/name" in line
    assert "\n" not in line


def test_a_branch_becomes_the_commit_in_the_local_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert pin_revision(REF, ask_hub=False) == REF
    note = tmp_path / "models--owner--name" / "refs" / "main"
    note.parent.mkdir(parents=True)
    note.write_text(COMMIT + "\n")
    pinned = pin_revision(REF, ask_hub=False)
    assert pinned.revision == COMMIT
    assert model_identity(pinned) != model_identity(REF)


def test_folders_and_pinned_commits_are_left_as_they_are(tiny_folder: Path) -> None:
    for name in (str(tiny_folder), f"owner/name@{COMMIT}", "smollm2-135m-instruct"):
        ref = find_model(name, tiny_folder)
        assert pin_revision(ref, ask_hub=True) == ref


def test_a_folders_identity_changes_with_its_weights(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"one")
    before = model_identity(find_model(str(tmp_path), tmp_path))
    assert before == model_identity(find_model(str(tmp_path), tmp_path))
    (tmp_path / "model.safetensors").write_bytes(b"two, longer")
    assert model_identity(find_model(str(tmp_path), tmp_path)) != before
