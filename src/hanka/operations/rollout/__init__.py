"""Rollout in stages: which one a run stands before, what it asks, what is missing, and a page for whoever signs.

Source: the business article behind issue "from evidence to decision": start with classification, then generation, then scale; a stage is
left on lower bounds, guardrails and a signature, and models are retrained seldom at first.
"""

from __future__ import annotations

from hanka.operations.rollout.stages import Cadence, Stage, Stages, read_stages
from hanka.operations.rollout.standing import Standing, promote, stand

__all__ = ["Cadence", "Stage", "Stages", "Standing", "promote", "read_stages", "stand"]
