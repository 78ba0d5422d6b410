"""The one row format of everything hanka ships or prepares: JSON lines, read and written here.

A row holds `id`, `group`, the task's input fields, and `output` (the target). Read by toy, the
hand-written sets and mini; written by mini's preparation.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from hanka.errors import DataError
from hanka.identity import canonical
from hanka.records import Example
from hanka.store.cache import atomic_path


def read_examples(path: Path, inputs: Sequence[str]) -> list[Example]:
    """Read examples in file order; raise DataError naming the line that is not as written.

    inputs: the task's input fields, which every row must have.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror})") from error
    examples = []
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        try:
            row = json.loads(line)
            fields = {name: row[name] for name in inputs}
            example = Example(row["id"], fields, row["output"], row["group"])
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path}:{number} is damaged ({error}): delete the file and run again") from error
        if not all(isinstance(value, str) for value in (example.id, example.target, *fields.values())):
            raise DataError(f"{path}:{number} is damaged (a value is not text): delete the file and run again")
        examples.append(example)
    return examples


def write_examples(path: Path, examples: Iterable[Example], *, source: str, domain: str, licence: str) -> None:
    """Write examples whole or not at all; every line carries where it comes from and under which terms."""
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        for example in examples:
            row = {"id": example.id, "group": example.group, **example.fields, "output": example.target}
            file.write(canonical({**row, "source": source, "domain": domain, "licence": licence}) + "\n")
