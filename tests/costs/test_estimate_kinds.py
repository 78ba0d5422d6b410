"""Estimates of what is not one language model that is trained: contexts, encoders, models that answer together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hanka.costs.estimate import Estimator
from hanka.models.identity import n_parameters
from hanka.plan import Plan
from planned_studies import planned, small, the

SFT = {"on": "news", "bases": ["tiny"]}


def plan_of(folder: Path, *methods: Any, **changes: Any) -> Plan:
    bases = [{"model": str(folder), "name": "tiny"}, small(folder), {"encoder": "tfidf"}]
    return planned(folder, base=bases, methods=["base", {"sft": SFT}, *methods], **changes)


def test_text_before_a_query_does_not_shorten_what_is_written(tiny_folder: Path) -> None:
    contexts = ["drawn", {"nearest": {"of": "news"}}]
    plan = plan_of(tiny_folder, eval={"shots": [2], "limit": 6, "contexts": contexts})
    costs = Estimator(plan)
    cells = [one for one in plan.cells_of(the(plan, "sft").variant.id) if one.cell.test_dataset == "news"]
    shared, near = (costs.cell(next(one for one in cells if one.cell.context == word)) for word in ("drawn", "nearest"))
    assert 0 < shared.n_tokens < near.n_tokens
    assert 0 < shared.seconds < near.seconds


def test_memory_of_models_that_answer_together_adds_up_and_an_encoder_is_small(tiny_folder: Path) -> None:
    alone = Estimator(plan_of(tiny_folder)).memory()["answering"]
    with_encoder = Estimator(plan_of(tiny_folder, "classifier", tasks={"sentiment": {}, "summary": {}})).memory()[
        "answering"
    ]
    proxies = {"proxy": {"expert": "sft", "bases": ["tiny"]}}
    whole = [{"sft": SFT | {"peft": "none", "name": "whole"}}, {"proxy": {"expert": "whole", "bases": ["tiny"]}}]
    tiny = plan_of(tiny_folder).study.models[0]
    weights = int(1.1 * 4 * (n_parameters(tiny) or 0))
    assert with_encoder == alone
    # The base's weights are those of an adapter and of the one subtracted, too; a whole model has its own.
    assert Estimator(plan_of(tiny_folder, proxies)).memory()["answering"] == 3 * alone - 2 * weights
    assert Estimator(plan_of(tiny_folder, *whole)).memory()["answering"] == 3 * alone - weights
