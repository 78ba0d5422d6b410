import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from fact_files import write_pararel
from hanka.datasets import SOURCES
from hanka.datasets.base import Dataset, Source, relation
from hanka.datasets.release import ENTRIES, INPUTS, LABELS, ROLES
from hanka.datasets.splits import group_of
from hanka.errors import HankaError
from hanka.tasks.finance import FINANCE
from matching_files import write_ditto

ABOUT_DOCUMENTS = {"closed-book", "reading", "asking"}
TASKS_OF = {
    "japanese": {"inference-ja", "similarity-ja", "reading-ja", "choice-ja"},
    "facts": {"facts"},
    "documents": ABOUT_DOCUMENTS,
    "documents-hub": ABOUT_DOCUMENTS,
    "matching": {"matching", "matching-explaining", "matching-interest", "matching-writing"},
    "mixed": {one.name for one in FINANCE} | {"instructions"},
}
"Source → its tasks, where they are not the paper's."


def catalogue_of(source: Source, tmp_path: Path) -> Mapping[str, Dataset]:
    """List a source's data sets; a path-needing one gets empty folders and a file, since listing reads no rows."""
    for task in ROLES:
        (tmp_path / task).mkdir()
    (tmp_path / "jnli-valid.jsonl").touch()
    (tmp_path / "xquad-en.json").touch()
    write_pararel(tmp_path)
    for name in ("Abt-Buy", "Amazon-Google", "DBLP-ACM"):
        write_ditto(tmp_path, name, 8)
    return source.catalogue(tmp_path if source.needs_path else None)


def test_the_sources_are_listed_in_order() -> None:
    assert SOURCES.names() == [
        "mini",
        "paper",
        "hub",
        "facts",
        "japanese",
        "mixed",
        "toy",
        "matching",
        "documents",
        "documents-hub",
    ]


def test_an_unknown_source_suggests_the_nearest() -> None:
    with pytest.raises(HankaError, match="did you mean 'paper'"):
        SOURCES.get("papr")


def test_importing_the_sources_loads_no_heavy_library() -> None:
    code = (
        "import sys, hanka.datasets, hanka.datasets.own, hanka.datasets.overlap; list(hanka.datasets.SOURCES)\n"
        "heavy = {'numpy', 'pyarrow', 'datasets', 'torch', 'pypi_simple', 'requests', 'sklearn'} & set(sys.modules)\n"
        "sys.exit(', '.join(heavy) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
class TestEverySource:
    def test_every_role_names_a_dataset_of_its_task(self, source: Source, tmp_path: Path) -> None:
        datasets = catalogue_of(source, tmp_path)
        assert set(source.roles) == TASKS_OF.get(source.name, set(INPUTS))
        for task, roles in source.roles.items():
            for name in (*roles.in_domain, *roles.out_of_domain):
                assert datasets[name].task == task
                assert "test" in datasets[name].splits
            assert roles.train is not None
            assert "train" in datasets[roles.train].splits

    def test_relations_follow_from_the_declared_domains(self, source: Source, tmp_path: Path) -> None:
        datasets = catalogue_of(source, tmp_path)
        for roles in source.roles.values():
            trained = datasets[str(roles.train)]
            assert {relation(trained, datasets[name]) for name in roles.in_domain} == {"in_domain"}
            assert {relation(trained, datasets[name]) for name in roles.out_of_domain} <= {"out_of_domain"}
        # Documents of another domain are not taught, and the sets that are mixed have one domain each.
        in_one_domain = source.name == "mixed" or TASKS_OF.get(source.name) is ABOUT_DOCUMENTS
        assert any(roles.out_of_domain for roles in source.roles.values()) == (not in_one_domain)

    def test_every_dataset_declares_what_it_is(self, source: Source, tmp_path: Path) -> None:
        for name, dataset in catalogue_of(source, tmp_path).items():
            assert dataset.name == name
            assert dataset.source == source.name
            assert dataset.licence
            assert dataset.domain
            is_judged = "not to judge one" not in dataset.note
            assert "demonstrations" in dataset.splits or not is_judged

    def test_a_missing_split_says_which_there_are(self, source: Source, tmp_path: Path) -> None:
        only_tested = next((one for one in catalogue_of(source, tmp_path).values() if "train" not in one.splits), None)
        if only_tested is None:
            return  # all of its data sets train
        with pytest.raises(HankaError, match="has no train split"):
            only_tested.load("train")


def test_paper_and_hub_hold_the_same_datasets(tmp_path: Path) -> None:
    paper = catalogue_of(SOURCES.get("paper"), tmp_path)
    hub = SOURCES.get("hub").catalogue(None)
    assert list(paper) == list(hub) == [entry.name for entry in ENTRIES]
    for name in paper:
        same = ("task", "domain", "splits")
        assert [getattr(paper[name], part) for part in same] == [getattr(hub[name], part) for part in same]


def check_contents(dataset: Dataset) -> None:
    """Check what every prepared data set promises: fields, labels, unique ids, splits that share no group."""
    parts = {split: dataset.load(split) for split in dataset.splits}
    ids = [example.id for examples in parts.values() for example in examples]
    assert len(ids) == len(set(ids))
    for split, examples in parts.items():
        assert examples, f"{dataset.name} {split} is empty"
        assert dataset.load(split) == examples
        for example in examples:
            assert tuple(example.fields) == INPUTS[dataset.task]
            assert example.target.strip()
            assert all(value.strip() for value in example.fields.values())
            if dataset.task in LABELS:
                assert example.target in LABELS[dataset.task]
    groups = [{group_of(example) for example in examples} for examples in parts.values()]
    assert sum(map(len, groups)) == len(set().union(*groups))


def test_toy_contents_keep_their_promises() -> None:
    catalogue = SOURCES.get("toy").catalogue(None)
    assert catalogue
    for dataset in catalogue.values():
        check_contents(dataset)


@pytest.mark.real_cache
def test_mini_contents_keep_their_promises(mini: Mapping[str, Dataset]) -> None:
    assert mini
    for dataset in mini.values():
        check_contents(dataset)
