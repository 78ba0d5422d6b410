"""Features of texts: a frozen sentence encoder, and terms weighted by what the training rows hold.

Sentence: the mean of the last hidden states over a text's tokens, scaled to length 1 (as all-MiniLM-L6-v2 was made);
texts of like length go through the network together, sorted, at most `BATCH_TOKENS` tokens at a time.
Terms: scikit-learn's TfidfVectorizer: lower case, words of two or more letters or digits and pairs of them, raw
counts, idf = ln((1 + n) / (1 + df)) + 1, length 1. Text without spaces (Japanese) is one word to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hanka.errors import ModelError, UnitError, how_to_install
from hanka.models.catalogue import ModelRef
from hanka.models.encoder import ENCODERS, Features, LoadedEncoder, encoder_folder
from hanka.store.cache import atomic_path
from hanka.store.folder import read_json_or_none, write_json

if TYPE_CHECKING:
    import torch

BATCH_TOKENS = 8192
"Tokens, padding included, of a pass of a sentence encoder."
TERMS, WEIGHTS = "terms.json", "terms.safetensors"
VECTORIZER: dict[str, Any] = {"ngram_range": (1, 2), "lowercase": True, "norm": "l2", "smooth_idf": True}


def load_encoder(ref: ModelRef) -> LoadedEncoder:
    """Load an encoder onto the best device. Raises ModelError or DownloadError in one line."""
    entry = ENCODERS.get(ref.encoder)
    if entry.kind == "terms":
        return TermEncoder(ref)
    return SentenceEncoder(ref, encoder_folder(entry), entry.max_tokens)


class SentenceEncoder(LoadedEncoder):
    """A frozen network of the BERT kind."""

    def __init__(self, ref: ModelRef, folder: Path, max_tokens: int) -> None:
        super().__init__(ref)
        try:
            import torch
            from tokenizers import Tokenizer
            from transformers import AutoModel
        except ImportError as error:
            raise ModelError(f"this encoder needs {error.name}, which is missing: {how_to_install('local')}") from None
        from hanka.models.loading import pick_device, quiet

        with quiet():
            model = AutoModel.from_pretrained(folder, dtype=torch.float32, use_safetensors=True, local_files_only=True)
        self.model: Any = model.to(pick_device()).eval().requires_grad_(False)
        self._words = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._words.no_padding()  # what a publisher put there pads every text to one length
        self._words.enable_truncation(max_tokens)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        device: torch.device = next(self.model.parameters()).device
        return device

    def features(self, texts: Sequence[str]) -> Features:
        """Return (texts, width) float32, each row of length 1."""
        import numpy as np

        rows = [tuple(one.ids) for one in self._words.encode_batch(list(texts))]
        order = sorted(set(rows), key=lambda row: (len(row), row))
        found: dict[tuple[int, ...], np.ndarray[Any, np.dtype[np.float32]]] = {}
        start = 0
        while start < len(order):
            stop = start + 1
            while stop < len(order) and (stop + 1 - start) * len(order[stop]) <= BATCH_TOKENS:
                stop += 1
            found.update(zip(order[start:stop], self._pass(order[start:stop]), strict=True))
            start = stop
        width = int(self.model.config.hidden_size)
        return np.stack([found[row] for row in rows]) if rows else np.zeros((0, width), dtype=np.float32)

    def _pass(self, rows: Sequence[tuple[int, ...]]) -> Any:
        """Return the features of rows of token ids, padded to the longest."""
        import torch

        width = max(map(len, rows))
        ids = torch.tensor([[*row, *[0] * (width - len(row))] for row in rows], device=self.device)
        seen = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows], device=self.device)
        with torch.inference_mode():
            states = self.model(input_ids=ids, attention_mask=seen).last_hidden_state
            mean = (states * seen[..., None]).sum(1) / seen.sum(1, keepdim=True)
            return torch.nn.functional.normalize(mean, dim=1).cpu().numpy()


class TermEncoder(LoadedEncoder):
    """Terms, weighted; knows nothing before it is fitted."""

    def __init__(self, ref: ModelRef, vectorizer: Any = None) -> None:
        super().__init__(ref)
        self._vectorizer = vectorizer

    @property
    def device(self) -> torch.device:
        """The processor."""
        import torch

        return torch.device("cpu")

    def fitted(self, texts: Sequence[str]) -> TermEncoder:
        """Return an encoder that knows the terms of these texts. Raises UnitError where they hold no word."""
        vectorizer = _vectorizer(None)
        try:
            vectorizer.fit(list(texts))
        except ValueError:
            raise UnitError(f"tfidf: {len(texts)} training texts hold no word of two letters or digits") from None
        return TermEncoder(self.ref, vectorizer)

    def features(self, texts: Sequence[str]) -> Features:
        """Return sparse (texts, terms) float32, each row of length 1, or 0 where no term is known."""
        if self._vectorizer is None:
            raise ModelError("tfidf has no terms before it is fitted to training texts")
        found: Features = self._vectorizer.transform(list(texts))
        return found

    def save(self, folder: Path) -> None:
        """Save terms and their weights."""
        import numpy as np
        from safetensors.numpy import save_file

        terms = sorted(self._vectorizer.vocabulary_, key=self._vectorizer.vocabulary_.__getitem__)
        with atomic_path(folder / WEIGHTS) as path:
            save_file({"idf": np.asarray(self._vectorizer.idf_, dtype=np.float32)}, path)
        write_json(folder / TERMS, {"terms": terms})

    def restored(self, folder: Path) -> TermEncoder:
        """Return the encoder that was saved. Raises ModelError for damaged files."""
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        said = read_json_or_none(folder / TERMS)
        try:
            weights = load_file(folder / WEIGHTS)["idf"]
        except (OSError, SafetensorError, KeyError) as error:
            raise ModelError(f"{folder / WEIGHTS} cannot be read: {error}") from error
        if not isinstance(said, dict) or len(said.get("terms", ())) != len(weights):
            raise ModelError(f"{folder / TERMS} does not hold a term for each of {len(weights)} weights")
        vectorizer = _vectorizer({term: index for index, term in enumerate(said["terms"])})
        vectorizer.idf_ = weights
        return TermEncoder(self.ref, vectorizer)


def _vectorizer(vocabulary: dict[str, int] | None) -> Any:
    import numpy as np

    try:
        from sklearn.feature_extraction.text import TfidfVectorizer
    except ImportError:
        raise ModelError(f"tfidf needs scikit-learn: {how_to_install('encoders')}") from None
    return TfidfVectorizer(vocabulary=vocabulary, dtype=np.float32, **VECTORIZER)
