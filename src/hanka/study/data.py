"""The rows a study uses, loaded once: training rows, test sets, demonstration pools, with fingerprints.

`corrected` leaves out published rows whose label is outside the label set and demonstrations that stand in the test
set; both are counted for the audits. `paper` keeps everything as published. Where half the labels of a published split or more
are outside, it is not what the study says, and that is an error; own files leave out what the study allows (`datasets.own_rows`).
Every mistake names its line of the study.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from hanka.contexts.contract import ContextRequest, build_each, require_libraries
from hanka.datasets.base import Dataset
from hanka.datasets.demonstrations import ordered_pool
from hanka.datasets.other_task import may_share_rows, side_by_side
from hanka.datasets.overlap import exact_overlap
from hanka.datasets.repeats import shuffled
from hanka.datasets.splits import sample, split_validation
from hanka.errors import DataError, DataMissingError, nearest
from hanka.identity import fingerprint
from hanka.recipes.changes import ChangeRequest, PerturbedRows, perturbed_rows
from hanka.recipes.contract import RecipeRequest, make_rows
from hanka.records import Built, Example, Split
from hanka.study.context_declarations import ContextUse
from hanka.study.method_declarations import TrainingUse
from hanka.study.recipe_declarations import RecipeUse
from hanka.study.resolved import Study, TaskUse
from hanka.study.rows import RowsAsked, RowsOfTask, Shown, SplitRows, TestSet, TrainingSet, training_set
from hanka.study.source import Key

MOST_LOOKS = 100
"Looks at a study that grows until it is decided."
ENOUGH = 0.98
"Share of the asked training rows that must be there; published files are a few rows short, and an audit says so."


@dataclass(slots=True, eq=False)
class StudyData:
    """Loads what a study names, each dataset once."""

    study: Study
    "The study."
    _tests: dict[str, TestSet] = field(default_factory=dict)
    _pools: dict[str, tuple[list[Example], tuple[str, ...]]] = field(default_factory=dict)
    _training: dict[tuple[str, RowsAsked], TrainingSet] = field(default_factory=dict)
    _prepared: dict[tuple[str, int, str], Any] = field(default_factory=dict)
    _shown: dict[tuple[str, int, int, str], Shown] = field(default_factory=dict)
    _own: dict[tuple[str, str, str], Shown] = field(default_factory=dict)
    _sets_aside: dict[tuple[str, int | None, float], tuple[list[Example], list[Example]]] = field(default_factory=dict)
    _training_orders: dict[tuple[str, int], tuple[Example, ...]] = field(default_factory=dict)
    _rows: dict[tuple[str, Split, int | None], tuple[list[Example], tuple[str, ...]]] = field(default_factory=dict)
    _leaked: dict[str, frozenset[str]] = field(default_factory=dict)
    _changed: dict[str, PerturbedRows] = field(default_factory=dict)

    @property
    def corrected(self) -> bool:
        """Whether the published quirks are mended."""
        return self.study.spec.protocol == "corrected"

    def test(self, dataset: Dataset) -> TestSet:
        """Return a test set's rows. Raises StudyError if there is none."""
        if dataset.name not in self._tests and dataset.changed_from is not None:
            rows = list(self.changed(dataset).examples)
            self._tests[dataset.name] = TestSet(dataset, tuple(rows), fingerprint(rows))
        if dataset.name not in self._tests:
            rows = self._labelled(dataset, "test")[0][: self.study.limit(self.study.tasks[dataset.task].task)]
            if not rows:
                raise self.study.source.error(self._place(dataset, "test"), f"dataset {dataset.name} has no test row")
            self._tests[dataset.name] = TestSet(dataset, tuple(self._as_asked(dataset, rows)), fingerprint(rows))
        return self._tests[dataset.name]

    def changed(self, dataset: Dataset) -> PerturbedRows:
        """Return the changed rows of a test set, of those its source asks, and what was left out. Raises StudyError where there are none."""
        if dataset.name not in self._changed:
            of, use = dataset.changed_from, self.study.recipes[dataset.name].use
            assert of is not None
            assert use.entry.perturbs is not None
            task = self.study.tasks[of.task].task
            every = partial(self._ids, of)
            try:
                asking = ChangeRequest(use.params, self.test(of).examples, task, every)
                self._changed[dataset.name] = perturbed_rows(use.entry.perturbs, asking)
            except DataMissingError:
                raise
            except DataError as error:
                raise self.study.source.error(use.key, str(error)) from error
        return self._changed[dataset.name]

    def _ids(self, dataset: Dataset) -> frozenset[str]:
        return frozenset(row.id for row in self._labelled(dataset, "test")[0])

    def _as_shown(self, dataset: Dataset, rows: Sequence[Example]) -> list[Example]:
        """Return demonstrations as they stand before the queries of a test set, whose labels may mean something else.

        They are drawn as for its source, so that both sides of a pair see the same ones.
        """
        if dataset.changed_from is None:
            return list(rows)
        use = self.study.recipes[dataset.name].use
        assert use.entry.perturbs is not None
        return list(use.entry.perturbs.shown(use.params, rows, self.study.tasks[dataset.task].task))

    def _as_asked(self, dataset: Dataset, rows: list[Example]) -> list[Example]:
        """Return test rows in the order they are asked: seeded where the study grows, so that no look is of one kind of rows."""
        block = self.study.spec.eval.rows_between_looks
        if block is None:
            return rows
        if len(rows) > MOST_LOOKS * block:
            raise self.study.source.error(
                ("eval", "block"),
                f"{dataset.name} has {len(rows):,} test rows, which in blocks of {block} are {-(-len(rows) // block)} looks, and at "
                f"most {MOST_LOOKS} are planned: write a block of {-(-len(rows) // MOST_LOOKS)} or more, or a smaller `limit`",
            )
        return shuffled(rows, self.study.spec.seeds[0], dataset.rows_of)

    def training(self, own: TrainingUse, asked: RowsAsked) -> TrainingSet:
        """Return training rows: those of a data set, or what a recipe makes of several.

        Raises DataMissingError where a published file is not here, StudyError where there are too few rows.
        """
        asked = asked._replace(seed=self.sampling_seed(asked))
        key = (own.name, asked)
        if key not in self._training:
            parts = self._of_dataset(own, asked) if own.recipe is None else self._of_recipe(own, own.recipe, asked)
            self._training[key] = training_set(own.name, parts, asked.size)
        return self._training[key]

    def _of_dataset(self, own: TrainingUse, asked: RowsAsked) -> list[RowsOfTask]:
        (dataset,), (task,) = own.datasets, own.tasks
        rows, validation = self.split(dataset, asked)
        if len(rows) < ENOUGH * asked.size:
            aside = f" ({len(validation)} are set aside to validate on)" if asked.validation else ""
            raise self.study.source.error(
                self._size_key(dataset, asked.size),
                f"{asked.size} rows are asked and dataset {dataset.name} has {len(rows)} to train on{aside}: choose sizes up "
                f"to {len(rows)}",
            )
        labelled = bool(self._labels(dataset))
        chosen = sample(rows, min(asked.size, len(rows)), asked.sample, asked.seed, dataset.rows_of, labelled)
        return [RowsOfTask(task, dataset, tuple(chosen), tuple(validation))]

    def _of_recipe(self, own: TrainingUse, recipe: RecipeUse, asked: RowsAsked) -> list[RowsOfTask]:
        """Return what a recipe makes out of data sets; their validation rows are those of the mix."""
        try:
            parts = make_rows(recipe.use.entry, self.recipe_request(recipe, asked))
        except DataMissingError:
            raise
        except DataError as error:
            raise self.study.source.error(recipe.use.key, str(error)) from error
        found = []
        for part in parts:
            dataset = self.study.datasets[part.dataset]
            validation = self.split(dataset, asked)[1]
            found.append(RowsOfTask(self.study.tasks[part.task].task, dataset, part.examples, tuple(validation)))
        return found

    def to_be_made(self, own: TrainingUse, asked: RowsAsked, data_id: str, n_rows: int) -> TrainingSet:
        """Return a training set whose rows are work of the run: its parts are known, its rows are not."""
        parts = tuple(
            RowsOfTask(self.study.tasks[one.task].task, one, (), tuple(self._set_aside(one, asked)))
            for one in own.datasets
        )
        made = training_set(own.name, parts, asked.size)
        return replace(made, fingerprint=data_id, n_rows=n_rows, data_id=data_id)

    def _set_aside(self, dataset: Dataset, asked: RowsAsked) -> list[Example]:
        """Return the rows to validate on of a data set that may have none to train on."""
        if "train" in dataset.splits:
            return self.split(dataset, asked)[1]
        return self._labelled(dataset, "validation")[0] if "validation" in dataset.splits else []

    def recipe_request(self, recipe: RecipeUse, asked: RowsAsked) -> RecipeRequest:
        """Return what a recipe makes rows from; rows that are set aside to validate on are not among them."""

        def rows(name: str, split: Split, size: int | None) -> Sequence[Example]:
            dataset = self.study.datasets[name]
            if split == "train":
                return self.split(dataset, asked._replace(size=size or asked.size))[0]
            if split == "validation":
                return self._set_aside(dataset, asked)
            return self._labelled(dataset, split, size)[0]

        return RecipeRequest(
            recipe.use.params, asked.size, self.sampling_seed(asked), rows,
            lambda name: self.study.tasks[self.study.datasets[name].task].task,
        )  # fmt: skip

    def sampling_seed(self, asked: RowsAsked) -> int:
        """Return the seed that draws rows: the training seed where they are sampled by it, else the study's first."""
        return self.study.spec.seeds[0] if asked.sample == "first" else asked.seed

    def rows_of_source(self, name: str, size: int) -> Sequence[Example]:
        """Return the training rows of a data set, for estimates."""
        return self._labelled(self.study.datasets[name], "train", size)[0]

    def sources_fingerprints(self, recipe: RecipeUse, asked: RowsAsked) -> dict[str, str]:
        """Return the fingerprint of the rows that each source offers a recipe."""
        return {name: fingerprint(self.split(self.study.datasets[name], asked)[0]) for name in recipe.sources}

    def validation_fingerprints(self, recipe: RecipeUse, asked: RowsAsked) -> dict[str, str]:
        """Return the fingerprint of the rows to validate on that each source has: a recipe may judge its parents on them."""
        rows = {name: self._set_aside(self.study.datasets[name], asked) for name in recipe.sources}
        return {name: fingerprint(found) for name, found in rows.items() if found}

    def split(self, dataset: Dataset, asked: RowsAsked) -> tuple[list[Example], list[Example]]:
        """Return the rows of a data set that may be trained on, and those to validate on."""
        size = None if dataset.one_training_file else asked.size
        key = (dataset.name, size, asked.validation)
        if key not in self._sets_aside:
            rows, _ = self._labelled(dataset, "train", asked.size)
            if "validation" in dataset.splits:
                self._sets_aside[key] = rows, self._labelled(dataset, "validation")[0]
            elif asked.validation:
                labels = self._labels(dataset)
                taken = split_validation(rows, share=asked.validation, seed=self.study.spec.seeds[0], labels=labels)
                self._sets_aside[key] = taken.rest, taken.part
            else:
                self._sets_aside[key] = rows, []
        return self._sets_aside[key]

    def prepared(self, dataset: Dataset, draw: int, use: ContextUse) -> Any:
        """Return what a context made of a test set's demonstrations and of what else it reads."""
        key = (dataset.name, draw, use.label)
        if key not in self._prepared:
            require_libraries(use.entry)
            self._prepared[key] = use.entry.prepare(self._request(dataset, draw, use))
        return self._prepared[key]

    def _request(self, dataset: Dataset, draw: int, use: ContextUse) -> ContextRequest:
        pool, _ = self.pool(dataset)
        return ContextRequest(
            task=self.study.tasks[dataset.task].task,
            dataset=dataset.rows_of,
            tests=self.test(dataset).examples,
            pool=tuple(pool),
            labels=self._labels(dataset),
            params=use.params,
            seed=self.study.spec.seeds[0],
            draw=draw,
            protocol=self.study.spec.protocol,
            rows=self._rows_of,
        )

    def _rows_of(self, name: str, split: Split) -> Sequence[Example]:
        dataset = self.study.datasets[name]
        return self._load(dataset, split, None) if split == "passages" else self._labelled(dataset, split)[0]

    def shown(self, dataset: Dataset, draw: int, shots: int, use: ContextUse) -> Shown:
        """Return what a context puts before a test set's queries, with its fingerprint."""
        key = (dataset.name, draw, shots, use.label)
        if key not in self._shown:
            if not shots and not use.entry.inserts:
                self._shown[key] = Shown((), fingerprint(()))
            elif use.entry.per_query:
                rows = [row for name in use.entry.sources(use.params) for row in self._rows_of(name, use.entry.reads)]
                pool = self.pool(dataset)[0] if shots else []
                chosen_from = rows if rows and use.entry.reads == "train" else pool
                self._shown[key] = Shown((), fingerprint([*rows, *pool]), len(chosen_from))
            else:
                tests = self.test(dataset).examples[:1]
                prepared = self.prepared(dataset, draw, use)
                (built,) = build_each(use.entry, self._request(dataset, draw, use), prepared, tests, shots)
                examples = tuple(self._as_shown(dataset, built.demonstrations))
                self._shown[key] = Shown(examples, fingerprint(examples), len(examples))
        return self._shown[key]

    def own_rows(self, dataset: Dataset, training: TrainingSet, use: ContextUse) -> Shown:
        """Return what a context shows a variant of its own rows before a test set's queries: those of the set's task."""
        key = (dataset.name, training.fingerprint, use.label)
        if key not in self._own:
            own = (part.examples for part in training.parts if part.dataset.task == dataset.task)
            rows = tuple(row for examples in own for row in examples)
            request = replace(self._request(dataset, 0, use), pool=rows)
            (built,) = build_each(use.entry, request, use.entry.prepare(request), request.tests[:1], len(rows))
            shown = tuple(self._as_shown(dataset, built.demonstrations))
            self._own[key] = Shown(shown, fingerprint(shown), len(rows))
        return self._own[key]

    def built(self, dataset: Dataset, draw: int, shots: int, use: ContextUse) -> tuple[Built, ...]:
        """Return what stands before each query of a test set."""
        request = self._request(dataset, draw, use)
        found = build_each(use.entry, request, self.prepared(dataset, draw, use), request.tests, shots)
        if dataset.changed_from is None:
            return found
        return tuple(replace(one, demonstrations=tuple(self._as_shown(dataset, one.demonstrations))) for one in found)

    def training_demonstrations(self, dataset: Dataset, seed: int) -> tuple[Example, ...]:
        """Return the pool that `fticl` draws from, in the order of a training seed."""
        key = (dataset.name, seed)
        if key not in self._training_orders:
            labels = self._labels(dataset)
            leaked = self.leaked_training_demonstrations(dataset)
            rows = [row for row in self._own_pool(dataset) if row.id not in leaked]
            ordered = ordered_pool(rows, self.study.demonstrations, labels, seed, dataset.rows_of, "training")
            self._training_orders[key] = tuple(ordered)
        return self._training_orders[key]

    def leaked_training_demonstrations(self, dataset: Dataset) -> frozenset[str]:
        """Return which demonstrations of a training dataset are test rows of its task, or of another that asks such rows.

        None under `paper`.
        """
        if not self.corrected:
            return frozenset()
        if dataset.name not in self._leaked:
            rows = self._own_pool(dataset)
            found: set[str] = set()
            for test in (test for use in self.study.tasks.values() for test in use.tests):
                if may_share_rows(dataset, test):
                    pairs = exact_overlap(*side_by_side(dataset, rows, test, self.test(test).examples))
                    found |= {pair.first for pair in pairs}
            self._leaked[dataset.name] = frozenset(found)
        return self._leaked[dataset.name]

    def _labels(self, dataset: Dataset) -> tuple[str, ...]:
        """Return the labels by which rows are drawn in turn: of the task, else of the one that the rows were made for."""
        dataset = dataset.changed_from or dataset
        own = self.study.tasks[dataset.task].task.labels
        return own if own or dataset.origin is None else dataset.origin.labels

    def pool(self, dataset: Dataset) -> tuple[list[Example], tuple[str, ...]]:
        """Return a test set's demonstration pool and the ids left out of it because they are test rows.

        The pool is the dataset's own demonstrations, else its task's training dataset's.
        """
        if dataset.name not in self._pools and dataset.changed_from is not None:
            self._pools[dataset.name] = self.pool(dataset.changed_from)
        if dataset.name not in self._pools:
            use = self.study.tasks[dataset.task]
            rows = self._own_pool(dataset) or self._training_pool(use)
            leaked: tuple[str, ...] = ()
            if self.corrected and rows:
                leaked = tuple(sorted({one for one, _ in exact_overlap(rows, self.test(dataset).examples)}))
                rows = [row for row in rows if row.id not in set(leaked)]
            self._pools[dataset.name] = (rows, leaked)
        return self._pools[dataset.name]

    def _own_pool(self, dataset: Dataset) -> list[Example]:
        return self._labelled(dataset, "demonstrations")[0] if "demonstrations" in dataset.splits else []

    def _training_pool(self, use: TaskUse) -> list[Example]:
        return self._own_pool(use.train) if use.train else []

    def left_out(self, dataset: Dataset, split: Split, size: int | None = None) -> SplitRows:
        """Return how many rows a split has and which are left out for their label, whatever is used of the rest."""
        kept, left_out = self._labelled(dataset, split, size)
        return SplitRows(len(kept) + len(left_out), left_out)

    def _labelled(
        self, dataset: Dataset, split: Split, size: int | None = None
    ) -> tuple[list[Example], tuple[str, ...]]:
        """Load a split and keep the rows whose target is a label; generation and `paper` keep all.

        Returns the rows and the ids of those left out. Raises StudyError where most targets are no label.
        """
        key = (dataset.name, split, None if dataset.one_training_file else size)
        if key not in self._rows:
            self._rows[key] = self._read_labelled(dataset, split, size)
        return self._rows[key]

    def _read_labelled(self, dataset: Dataset, split: Split, size: int | None) -> tuple[list[Example], tuple[str, ...]]:
        rows = self._load(dataset, split, size)
        labels = self.study.tasks[dataset.task].task.labels
        if not labels:
            self._require_right_targets(dataset, split, rows)
            return rows, ()
        if dataset.reading is not None:  # own files: labels were checked while they were read
            return rows, ()
        unknown = [row for row in rows if row.target not in labels]
        if 2 * len(unknown) >= max(len(rows), 1):
            raise self.study.source.error(
                self._place(dataset, split), self._unknown_labels(dataset, split, unknown, len(rows))
            )
        if not self.corrected:
            return rows, ()
        return [row for row in rows if row.target in labels], tuple(row.id for row in unknown)

    def _require_right_targets(self, dataset: Dataset, split: Split, rows: Sequence[Example]) -> None:
        """Raise StudyError for the first row whose own target its task does not accept, such as a number that is none."""
        task = self.study.tasks[dataset.task].task
        if task.verifier == "text":  # any text is an answer
            return
        for row in rows:
            refusal = task.refusal(row)
            if refusal:
                where = f"{split} row {row.id} of dataset {dataset.name}"
                raise self.study.source.error(self._place(dataset, split), f"{where}: {refusal}")

    def _unknown_labels(self, dataset: Dataset, split: Split, unknown: Sequence[Example], total: int) -> str:
        labels = self.study.tasks[dataset.task].task.labels
        found = Counter(row.target for row in unknown)
        values = ", ".join(repr(value if len(value) <= 30 else value[:29] + "…") for value, _ in found.most_common(3))
        more = ", …" if len(found) > 3 else ""
        return (
            f"{len(unknown)} of {total} {split} rows of dataset {dataset.name} have a target that is no label of task "
            f"{dataset.task} ({values}{more}): {nearest(found.most_common(1)[0][0], labels)}; name another data set"
        )

    def _load(self, dataset: Dataset, split: Split, size: int | None) -> list[Example]:
        """Read rows; what is wrong with them is said with the line of the study that names them."""
        try:
            return dataset.load(split, size)
        except DataMissingError:
            raise
        except DataError as error:
            raise self.study.source.error(self._place(dataset, split), str(error)) from error

    def _place(self, dataset: Dataset, split: Split) -> Key:
        """Return the key of the study that names a dataset's rows."""
        spec = self.study.spec
        if dataset.name in spec.datasets:
            entry = spec.datasets[dataset.name]
            given = [name for name in (split, "train", "test", "of") if getattr(entry, name)]
            return ("datasets", dataset.name, *given[:1])
        use = self.study.tasks[dataset.task]
        role = "train" if dataset is use.train else "in_domain" if dataset in use.in_domain else "out_of_domain"
        return ("tasks", dataset.task, role)

    def _size_key(self, dataset: Dataset, size: int) -> Key:
        """Return the key of the study that asks for a training size."""
        for method in self.study.methods:
            own = method.adaptations.get(dataset.name)
            if own is not None and size in own.train.sizes and size not in self.study.spec.train.sizes:
                return (*method.key, "sizes")
        return ("train", "sizes")
