"""`questions`: questions on documents that one variant writes, and answers that another one gives with the document at hand."""

from __future__ import annotations

from typing import Any

from hanka.recipes.contract import Recipe, RecipeRequest
from hanka.recipes.questions.params import QuestionsParams
from hanka.records import Parent, Part


def _make(request: RecipeRequest) -> tuple[Part, ...]:
    from hanka.recipes.questions.make import make_questions

    return make_questions(request)


def _sources(params: QuestionsParams) -> tuple[str, ...]:
    return tuple(dict.fromkeys((params.documents, params.asking, params.reading, *params.rehearse)))


def _parents(params: Any) -> tuple[Parent, ...]:
    return tuple(dict.fromkeys((params.writer.parent, params.teacher.parent)))


QUESTIONS = Recipe(
    name="questions",
    reference="Kujanpää et al. (2024), arXiv 2412.14964",
    description="questions that a variant writes about documents, with a variant's answers that has the document at hand",
    params=QuestionsParams,
    makes="train",
    sources=_sources,
    teaches=lambda params: (params.of, *params.rehearse),
    n_rows=lambda params, asked: asked + params.n_added(asked),
    may_make_fewer=True,
    make=_make,
    parents=_parents,
    rehearses=lambda params: params.rehearse,
)
