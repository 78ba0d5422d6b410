"""An entry of `methods` that is made from several kept checkpoints of another: one entry for each, before any is resolved.

    sft: {name: tuned, start: {of: pretrained, step: [50, 100, 200]}}   →   tuned@50, tuned@100, tuned@200
    interpolate: {name: at, of: {of: pretrained, step: each}, weight: 1}    every step of the parent's `keep_steps`, as it is

So a plan, its ids and its parents know single steps only. The written study keeps the list.
"""

from __future__ import annotations

from typing import Any

from hanka.errors import nearest
from hanka.methods.contract import Method, ParentParams
from hanka.study.schema import EntrySpec, StudySpec
from hanka.study.source import Key, StudySource

EACH = "each"
"Every step that the parent keeps."
MARK = "@"
"Stands between an entry's label and its step."


def at_every_step(source: StudySource, spec: StudySpec, key: Key, method: Method, entry: EntrySpec) -> list[EntrySpec]:
    """Return an entry for every step it names, or the entry as it is. Raises StudyError. key: where it stands."""
    for name, value in entry.params.items():
        if _names_one_parent(method, name) and isinstance(value, dict) and isinstance(value.get("step"), (list, str)):
            label = entry.params.get("name") or entry.entry
            return [
                entry.model_copy(
                    update={"params": entry.params | {"name": f"{label}{MARK}{step}", name: value | {"step": step}}}
                )
                for step in _steps(source, spec, (*key, name, "step"), value)
            ]
    return [entry]


def _names_one_parent(method: Method, name: str) -> bool:
    """Tell whether a parameter is one parent; of a list of parents each has one step."""
    field = method.params.model_fields.get(name)
    said = "" if field is None else str(field.annotation)
    return ParentParams.__name__ in said and "tuple" not in said


def _steps(source: StudySource, spec: StudySpec, key: Key, parent: dict[str, Any]) -> tuple[int, ...]:
    """Return the steps that a parent names."""
    step = parent["step"]
    if isinstance(step, str):
        if step != EACH:
            raise source.error(key, f"{step!r} is no step: give a whole number, a list of them, or `{EACH}`")
        return _kept(source, spec, key, str(parent.get("of", "")))
    if not step:
        raise source.error(key, f"an empty list; name at least one step, or `{EACH}`")
    return _checked(source, key, step)


def _kept(source: StudySource, spec: StudySpec, key: Key, label: str) -> tuple[int, ...]:
    """Return the steps that an entry keeps."""
    labels = {str(one.params.get("name") or one.entry): one for one in spec.methods}
    if label not in labels:
        raise source.error(key[:-1], f"no method is called {label!r}: {nearest(label, labels)}")
    found = labels[label].params.get("keep_steps", spec.train.keep_steps)
    steps = list(found) if isinstance(found, (list, tuple)) else [found]
    if not steps:
        raise source.error(key, f"{label!r} keeps no checkpoints; name some under keep_steps")
    return _checked(source, key, steps)


def _checked(source: StudySource, key: Key, steps: list[Any]) -> tuple[int, ...]:
    wrong = next((one for one in steps if isinstance(one, bool) or not isinstance(one, int) or one < 1), None)
    if wrong is not None:
        raise source.error(key, f"{wrong!r} is not a number of steps, 1 or more")
    if len(set(steps)) != len(steps):
        raise source.error(key, f"{steps!r} names a step twice; keep one")
    return tuple(sorted(steps))
