"""What a judge said, as a run keeps it: `judges/<question>/<judge>/answers-*.parquet`. Written by `hanka.judge`."""

from __future__ import annotations

from pathlib import Path

from hanka.identity import content_id
from hanka.operations.judging.spec import JudgeSpec
from hanka.operations.judging.verdicts import Said
from hanka.store.folder import read_table

FOLDER = "judges"
"Where a run keeps what was asked of judges."
ANSWERS = "answers-*.parquet"
"Files of answers."


def folder_of(run: Path, spec: JudgeSpec) -> Path:
    """Return the folder of a question; each judge that was asked it has one inside."""
    said = {"asks": spec.asks, "question": spec.question, "words": list(spec.words), "tokens": spec.tokens}
    return run / FOLDER / content_id(said)


def judges_of(run: Path, spec: JudgeSpec) -> list[Path]:
    """Return the folders of the judges that answered a question."""
    return sorted(path for path in folder_of(run, spec).glob("*") if any(path.glob(ANSWERS)))


def read_said(folder: Path) -> dict[str, Said]:
    """Return question → what came back, the latest answer of each. Raises StoreError for a damaged file."""
    found: dict[str, Said] = {}
    for path in sorted(folder.glob(ANSWERS)):
        columns = read_table(path, ("question", "answer", "failure")).to_pydict()
        for question, answer, failure in zip(columns["question"], columns["answer"], columns["failure"], strict=True):
            found[question] = Said(answer, failure)
    return found
