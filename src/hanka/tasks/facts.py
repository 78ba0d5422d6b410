"""A task about facts: complete a sentence about a subject with the object that a relation gives it.

What is asked is a wording of the relation up to its object ("… was born in"), as a base model has seen it; the space behind it is left
to the answer's first token. Right is what names the object or a synonym (verifier `mentions`).
Source: Ye et al., arXiv 2409.15825; templates as in LAMA and ParaRel (Elazar et al. 2021, arXiv 2102.01017).
"""

from __future__ import annotations

from hanka.tasks.base import Task

FACTS = Task(
    name="facts",
    kind="generation",
    prompts={"p1": "{input} "},
    metrics=("solved", "exact_match", "length_ratio", "distinct_share", "cap_hits"),
    stop=("\n",),
    description="complete a sentence about a fact with its object",
    reference="Ye et al., arXiv 2409.15825; Elazar et al. 2021, arXiv 2102.01017",
    verifier="mentions",
)
