"""A toy of prompt distillation: a model of random weights that copies an attribute from its context is taught 50 new entities without it.

Tokens: entities, attributes, one that begins a document, one that begins a question. Before: [document, entity, attribute, question,
entity] → attribute, entity and attribute drawn anew for every row, so that only the context tells the answer. Then 50 of
them, whose facts are new to it, have one attribute each. *teacher*: the model with the document, closed-book afterwards is [question, entity] → attribute. Both
students begin there, with LoRA of the same first weights, the same rows and steps: one by KL from the teacher, one by cross-entropy on
the teacher's most probable answers. Accuracies over all 50, Wilson intervals; several seeds.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

N_KNOWN, N_NEW, N_ATTRIBUTES = 200, 50, 10
DOCUMENT, QUESTION = 0, 1
ATTRIBUTE, ENTITY = 2, 2 + N_ATTRIBUTES
SEEDS = (0, 1, 2)


def taught(quick: bool = False) -> dict[str, Any]:
    """Teach both students for several seeds (child process); quick: fewer steps and one seed."""
    found = [_one(seed, 60 if quick else 600, 3 if quick else 30) for seed in (SEEDS[:1] if quick else SEEDS)]
    names = ("teacher with the document", "before, closed book", "distilled, closed book", "tuned, closed book")
    accuracy = {name: _pooled([one[name] for one in found]) for name in names}
    return {
        "accuracy": accuracy,
        "by_seed": found,
        "n_entities": N_NEW,
        "n_attributes": N_ATTRIBUTES,
        "chance": 1 / N_ATTRIBUTES,
    }


def _pooled(right: list[int]) -> dict[str, Any]:
    from hanka.stats import wilson_interval

    n = N_NEW * len(right)
    ends = wilson_interval(sum(right), n)
    return {"value": sum(right) / n, "low": ends.low, "high": ends.high, "n": n, "seeds": len(right)}


def _one(seed: int, n_steps: int, epochs: int) -> dict[str, int]:
    """Return how many of the new entities each has right, for one seed."""
    from hanka.identity import stream
    from hanka.prompting import Encoded
    from hanka.training.objectives import OBJECTIVES
    from hanka.training.objectives.kl_teacher import KlTeacherParams
    from hanka.training.teacher import told_by

    rng = stream(seed, "toy")
    base = _copying(seed, n_steps)
    entities = [ENTITY + N_KNOWN + at for at in range(N_NEW)]
    answers = [ATTRIBUTE + int(one) for one in rng.integers(0, N_ATTRIBUTES, N_NEW)]
    shown = [[DOCUMENT, entity, answer, QUESTION, entity] for entity, answer in zip(entities, answers, strict=True)]
    asked = [[QUESTION, entity] for entity in entities]
    said = _answers(base, shown)
    student = [Encoded([*ids, answer], len(ids)) for ids, answer in zip(asked, said, strict=True)]
    teacher = [Encoded([*ids, answer], len(ids)) for ids, answer in zip(shown, said, strict=True)]
    told = told_by(base, teacher, 64, 2.0, 1024)
    softened = [row._replace(soft=one.soft) for row, one in zip(student, told, strict=True)]
    found = {
        "teacher with the document": _right(said, answers),
        "before, closed book": _right(_answers(base, asked), answers),
    }
    for name, rows, objective in (("distilled", softened, "kl_teacher"), ("tuned", student, "cross_entropy")):
        model = _adapted(_copy(base), seed)
        params = KlTeacherParams() if objective == "kl_teacher" else OBJECTIVES.get(objective).params()
        _train(model, rows, seed, epochs, 5e-3, (objective, params))
        found[f"{name}, closed book"] = _right(_answers(model, asked), answers)
    return found


def _copying(seed: int, n_steps: int) -> Any:
    """Train a model of random weights to copy the attribute of the entity that is asked for out of its context."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from hanka.identity import stream
    from hanka.prompting import Encoded

    torch.manual_seed(seed)
    n_tokens = ENTITY + N_KNOWN + N_NEW
    config = LlamaConfig(
        vocab_size=n_tokens, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=4,
        max_position_embeddings=64, tie_word_embeddings=False, bos_token_id=None, eos_token_id=None, pad_token_id=None,
    )  # fmt: skip
    model, rng = LlamaForCausalLM(config), stream(seed, "toy", "before")
    rows = []
    for _ in range(
        64 * n_steps
    ):  # the new entities stand in documents, too, each time with another attribute: their tokens are no strangers
        entity, attribute = (
            ENTITY + int(rng.integers(0, N_KNOWN + N_NEW)),
            ATTRIBUTE + int(rng.integers(0, N_ATTRIBUTES)),
        )
        ids = [DOCUMENT, entity, attribute, QUESTION, entity] if rng.random() < 0.8 else [QUESTION, entity]
        rows.append(Encoded([*ids, attribute], len(ids)))
    _train(model, rows, seed, 1, 3e-3, None, batch_size=64)
    return model.requires_grad_(False).eval()


def _copy(model: Any) -> Any:
    import copy

    return copy.deepcopy(model)


def _adapted(model: Any, seed: int) -> Any:
    from hanka.tuners import TUNERS

    lora = TUNERS.get("lora")
    return lora.wrap(model, lora.params(), seed)


def _train(model: Any, rows: Any, seed: int, epochs: int, rate: float, how: Any, batch_size: int = 10) -> None:
    from hanka.training.loop import Course, train
    from hanka.training.objectives import OBJECTIVES
    from hanka.training.params import CourseParams

    settings = CourseParams(
        epochs=epochs, learning_rate=rate, batch_size=batch_size, warmup_ratio=0.05, checkpoint_seconds=1e6
    )
    with tempfile.TemporaryDirectory(prefix="hanka-bench-") as folder:
        course = Course(model, settings, rows, seed, Path(folder), lambda _what, _share: None)
        if how is not None:
            name, params = how
            course = replace(
                course,
                settings=settings.model_copy(update={"objective": name}),
                objective=OBJECTIVES.get(name),
                objective_params=params,
            )
        train(course)


def _answers(model: Any, prompts: list[list[int]]) -> list[int]:
    """Return the most probable attribute behind each prompt; all prompts are equally long."""
    import torch

    with torch.no_grad():
        logits = model(input_ids=torch.tensor(prompts)).logits[:, -1, ATTRIBUTE:ENTITY]
    found: list[int] = (logits.argmax(-1) + ATTRIBUTE).tolist()
    return found


def _right(said: list[int], answers: list[int]) -> int:
    return sum(one == other for one, other in zip(said, answers, strict=True))
