"""The study file: its shape, its reading with line numbers, and its resolution into a Study."""

from __future__ import annotations

from hanka.study.method_declarations import MethodUse
from hanka.study.resolve import load_study
from hanka.study.resolved import Study, TaskUse
from hanka.study.schema import StudySpec

__all__ = ["MethodUse", "Study", "StudySpec", "TaskUse", "load_study"]
