"""Source `matching`: labelled pairs of records (products, publications, your own) from a folder that the user names.

Every set of files under the folder is four data sets, which differ in how records are written (`records`), and three that ask the same
pairs something else (`asked`). Files are found by name:
`NAME-train.txt`, `NAME-valid.txt`, `NAME-test.txt`; `NAME/train.txt` and so on, as in github.com/megagonlabs/ditto (data/er_magellan);
`NAME-train.json.gz`, `NAME-valid.json.gz`, `NAME-gs.json.gz`, as in github.com/wbsg-uni-mannheim/TailorMatch, where WDC Products has
a size behind the split (`…_train_small.json.gz`). Source: Köpcke, Thor & Rahm (2010), PVLDB 3; Mudgal et al. (2018), SIGMOD, for
the splits; Peeters, Der & Bizer (2023), arXiv 2301.09521. Limits: the published pickles are not read.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from hanka.datasets.base import Dataset, Roles, Source
from hanka.datasets.matching.asked import ASKED
from hanka.datasets.matching.files import PairFiles, PairRows
from hanka.datasets.matching.records import SERIALISATIONS
from hanka.errors import DataError
from hanka.records import Example, Split

PRODUCTS, PUBLICATIONS = "products", "publications"
DOMAINS: Mapping[str, str] = {
    "abt-buy": PRODUCTS,
    "amazon-google": PRODUCTS,
    "walmart-amazon": PRODUCTS,
    "wdcproducts": PRODUCTS,
    "dblp-acm": PUBLICATIONS,
    "dblp-scholar": PUBLICATIONS,
    "dblp-googlescholar": PUBLICATIONS,
}
"Beginning of a name → what its records describe; any other set is a domain of its own."
SPLIT_OF: Mapping[str, Split] = {
    "train": "train",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "gs": "test",
}
NAMED = re.compile(
    r"(?P<name>.+?)[-_](?P<split>train|valid|validation|test|gs)(?:[-_](?P<size>small|medium|large))?\.(?:txt|jsonl?|jsonl?\.gz)"
)
IN_FOLDER = re.compile(r"(?P<split>train|valid|validation|test|gs)\.(?:txt|jsonl?|jsonl?\.gz)")
UNSEEN_SHARE = re.compile(r"rnd\d+un")
"Of WDC Products: the share of test records that were not seen, which differs between its training and test files."
WHERE = (
    "put files such as Abt-Buy-train.txt, Abt-Buy-valid.txt and Abt-Buy-test.txt there, of github.com/megagonlabs/ditto "
    "(data/er_magellan) or github.com/wbsg-uni-mannheim/TailorMatch (data)"
)
ROLES: Mapping[str, Roles] = {
    "matching": Roles("abt-buy", ("abt-buy", "amazon-google"), ("dblp-acm",)),
    **{task: Roles(f"abt-buy-{end}", (f"abt-buy-{end}",), ()) for end, (task, _) in ASKED.items()},
}
DESCRIBED = ("Abt-Buy", "Amazon-Google", "DBLP-ACM")


def catalogue(path: Path | None) -> Mapping[str, Dataset]:
    """List the data sets under `path`; no file is read. Raises DataError where there are none."""
    if path is None:
        raise DataError(f"source matching needs a folder (--data DIR): {WHERE}")
    found = found_files(path.expanduser())
    tested = {name: files for name, files in found.items() if "test" in files}
    if not tested:
        raise DataError(f"{path} holds no file of test pairs ({', '.join(found) or 'no pairs at all'}): {WHERE}")
    return {one.name: one for name, files in tested.items() for one in datasets_of(name, files)}


def found_files(folder: Path) -> dict[str, dict[Split, Path]]:
    """Return data set → split → file. Raises DataError where two files are the same split of one set."""
    sized: dict[tuple[str, str], dict[Split, Path]] = defaultdict(dict)
    for path in sorted(folder.rglob("*")):
        match = NAMED.fullmatch(path.name)
        inside = IN_FOLDER.fullmatch(path.name)
        if match:
            name, split, size = match["name"], SPLIT_OF[match["split"]], match["size"] or ""
        elif inside and path.parent != folder:
            name, split, size = path.parent.name, SPLIT_OF[inside["split"]], ""
        else:
            continue
        key = (UNSEEN_SHARE.sub("", name.lower()).replace("_", "-"), size)
        if split in sized[key]:
            raise DataError(f"{path} and {sized[key][split]} are both the {split} pairs of {key[0]}; keep one of them")
        sized[key][split] = path
    plain = {name: files for (name, size), files in sized.items() if not size}
    with_size = {f"{name}-{size}": {**plain.get(name, {}), **files} for (name, size), files in sized.items() if size}
    names = {name for name, size in sized if size}
    return {name: files for name, files in plain.items() if name not in names} | with_size


def domain_of(name: str) -> str:
    """Return what the records of a data set describe."""
    return next((domain for begin, domain in DOMAINS.items() if name.startswith(begin)), name)


def datasets_of(name: str, files: Mapping[Split, Path]) -> list[Dataset]:
    """Return the data sets of one set of files, one for each way of writing records."""
    known = PairFiles(name, files, WHERE)
    splits: list[Split] = ["test"]
    splits += ["train", "demonstrations"] if "train" in files else []
    splits += ["validation"] if "validation" in files else []
    found = []
    for end in SERIALISATIONS:
        rows = PairRows(known, end)
        found.append(
            Dataset(
                name=f"{name}-{end}" if end else name,
                task="matching",
                domain=domain_of(name),
                source="matching",
                licence="not stated",
                splits=tuple(splits),
                read=rows.rows,
                one_training_file=True,
                note="test rows: labels in turn while both last, so a limited test set is balanced and the whole one as published",
                reading=rows.reading,
            )
        )
    if "train" in files:
        plain = found[0]
        found += [_asked(plain, end) for end in ASKED]
    return found


def _asked(pairs: Dataset, end: str) -> Dataset:
    """Return the pairs of a data set asked as another task."""
    task, make = ASKED[end]

    def read(split: Split, size: int | None) -> list[Example]:
        return make(pairs.load(split))

    splits: tuple[Split, ...] = ("train", "test")
    note = "targets are made by rule: to tune who prepares rows, not to judge one"
    return replace(pairs, name=f"{pairs.name}-{end}", task=task, splits=splits, read=read, reading=None, note=note)


def _described() -> Mapping[str, Dataset]:
    files = {name: {split: Path(f"{name}-{end}.txt") for end, split in SPLIT_OF.items()} for name in DESCRIBED}
    return {one.name: one for name, paths in files.items() for one in datasets_of(name.lower(), paths)}


MATCHING = Source(
    name="matching",
    description="labelled pairs of records (Abt-Buy, Amazon-Google, DBLP-ACM, WDC Products, your own), from files that you fetch",
    roles=ROLES,
    needs_path=True,
    catalogue=catalogue,
    described=_described,
)
