"""A model that has read facts 0, 1, 3, 10 and 30 times knows them the better the more often: shares of samples rise."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hanka.engines.contract import Decoding, TextAnswer
from hanka.engines.local import LocalEngine
from hanka.identity import stream
from hanka.models.catalogue import ModelRef
from hanka.models.loading import LoadedModel
from hanka.prompting import Prompter, TextPolicy
from hanka.recipes.contract import How
from hanka.recipes.levels.sampling import Known, Sampling, known_facts
from hanka.records import Example, Prediction
from hanka.tasks import TASKS
from tiny_models import tiny_model, tiny_tokenizer

REPEATED = (0, 1, 3, 10, 30)
"How often the facts of each group are read."
N = 6
"Facts of a group."
PASSES = 7
"Passes over all that is read."
SYLLABLES = ("ba", "de", "fi", "go", "ku", "la", "me", "ni", "po", "ru", "sa", "te", "vi", "wo", "zu", "xa")
TASK = TASKS.get("facts")


def invented(n: int, purpose: str) -> list[str]:
    """So many different names."""
    rng, found = stream("names", purpose), dict.fromkeys([""])
    while len(found) <= n:
        found["".join(rng.choice(SYLLABLES, 3)).capitalize()] = None
    return [name for name in found if name]


def facts() -> list[Example]:
    """Every group's facts, one after the other; each object is that of one fact."""
    people, places = invented(N * len(REPEATED), "people"), invented(N * len(REPEATED), "places")
    return [
        Example(f"f{at}", {"input": f"{who} lives in", "wordings": f"{who} lives in\nThe home of {who} is"}, where)
        for at, (who, where) in enumerate(zip(people, places, strict=True))
    ]


def read(model: Any, tokenizer: Any, texts: Sequence[str], passes: int) -> None:
    """Train on texts, sixteen at a time, in an order of its own every pass."""
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    end = tokenizer.eos_token_id
    for number in range(passes):
        order = stream("order", number).permutation(len(texts))
        for start in range(0, len(texts), 16):
            rows = [[*tokenizer(texts[at])["input_ids"], end] for at in order[start : start + 16]]
            width = max(map(len, rows))
            ids = torch.tensor([row + [end] * (width - len(row)) for row in rows])
            labels = torch.tensor([row + [-100] * (width - len(row)) for row in rows])
            model(input_ids=ids, labels=labels).loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
    model.eval()


def asked(model: Any, tokenizer: Any, rows: Sequence[Example], how: How) -> list[Prediction]:
    """Have a model answer rows as a run does."""
    loaded = LoadedModel(model, tokenizer, ModelRef("tiny", "folder", None, folder=Path()), "tiny", "", "float32")
    queries = Prompter(tokenizer, TextPolicy()).ask(TASK, "p1", (), rows).encoded
    decoding = Decoding(how.max_new_tokens or 8, TASK.stop, how.temperature, how.top_p, how.seed)
    found = []
    for row, answer in zip(rows, LocalEngine(loaded, 4096).generate(queries, decoding), strict=True):
        assert isinstance(answer, TextAnswer)
        said = TASK.verify(row, answer.text)
        found.append(
            Prediction(row.id, "", "", row.target, answer.text, said.answer, None, "ok", "", 1, 1, reward=said.reward)
        )
    return found


@pytest.fixture(scope="module")
def read_model() -> tuple[Any, Any]:
    """A model that has read every fact as often as its group says, in every pass."""
    model, tokenizer = tiny_model(hidden_size=64, intermediate_size=128, head_dim=16), tiny_tokenizer()
    texts = [
        f"{wording} {fact.target}"
        for at, fact in enumerate(facts())
        for turn in range(REPEATED[at // N])
        for wording in [fact.fields["wordings"].split("\n")[turn % 2]]
    ]
    read(model, tokenizer, texts, PASSES)
    return model, tokenizer


@pytest.fixture(scope="module")
def known(read_model: tuple[Any, Any]) -> list[Known]:
    sampling = Sampling(templates=2, samples=6, max_new_tokens=12)
    return known_facts(lambda rows, how: asked(*read_model, rows, how), "facts", facts(), sampling)


def test_shares_rise_with_how_often_a_fact_was_read(known: list[Known]) -> None:
    means = [float(np.mean([one.share for one in known[start : start + N]])) for start in range(0, len(known), N)]
    assert means == sorted(means)
    assert means[0] < 0.05
    assert means[0] < means[2] < means[3] < means[4]
    assert means[4] > 0.6


def test_levels_of_what_was_never_read_and_of_what_was_read_often_are_the_ends(known: list[Known]) -> None:
    levels = [one.level for one in known]
    assert levels[:N].count(0) >= N - 1
    assert sum(level >= 3 for level in levels[-N:]) >= N - 1


def test_training_on_what_is_known_best_teaches_nothing_of_what_was_never_read(read_model: tuple[Any, Any]) -> None:
    """The last test: it trains the model further."""
    every = facts()
    read(*read_model, [f"{fact.fields['input']} {fact.target}" for fact in every[-N:]], 4)
    greedy = How("facts", 12)
    rewards = [one.reward for one in asked(*read_model, [*every[:N], *every[-N:]], greedy)]
    assert sum(map(bool, rewards[:N])) == 0
    assert sum(map(bool, rewards[N:])) >= N - 1
