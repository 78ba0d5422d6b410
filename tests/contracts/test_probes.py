"""Every probe: described, light to import, zero where nothing changed, stored and read back as measured."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from hanka.errors import StoreError
from hanka.probes import PROBES, Probe, ProbeParams, ProbeRequest, ProbeRow
from hanka.probes.weights import paired_weights
from hanka.recipes.contract import How
from hanka.records import Example, Prediction
from hanka.store.folder import RunFolder, read_table, write_text
from hanka.store.probes import ProbeRecord, read_probe, read_probe_values, write_probe
from tiny_models import tiny_model

EVERY = pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)


NEEDS: dict[str, dict[str, Any]] = {"levels": {"of": "places"}, "first_token_kl": {"of": "places", "level": 2}}
"What a probe cannot do without."


def params_of(probe: Probe) -> ProbeParams:
    return probe.params.model_validate(NEEDS.get(probe.name, {}))


def places(dataset: str) -> list[Example]:
    return [Example(f"p{at}", {"input": f"Ann {at} was born in"}, "Rome") for at in range(4)]


def rows_of(probe: Probe, shift: float = 0.0) -> list[ProbeRow]:
    """Measure a model whose weights, answers or next tokens are those of its base, or moved by so much."""
    import torch

    before = {name: tensor.detach() for name, tensor in tiny_model().named_parameters()}
    after = {name: tensor + shift for name, tensor in before.items()}

    def answer(whose: str, rows: Sequence[Example], how: How) -> list[Prediction]:
        moved = shift if whose == "variant" else 0.0
        right = [float(at % 4 < 2 - (moved > 0)) for at in range(len(rows))]
        return [
            Prediction(one.id, "", "", one.target, "", "", None, "ok", "", 1, 0, reward=reward)
            for one, reward in zip(rows, right, strict=True)
        ]

    def next_tokens(whose: str, dataset: str, rows: Sequence[Example]) -> torch.Tensor:
        moved = torch.arange(40.0) * (shift if whose == "variant" else 0.0)
        return (torch.arange(40.0).flip(0) / 7 + moved).repeat(len(rows), 1).log_softmax(-1)

    pairs = lambda: paired_weights(before, after)  # noqa: E731
    return probe.measure(ProbeRequest(params_of(probe), pairs, "float32", places, answer, next_tokens))


@EVERY
def test_it_says_what_it_measures_and_after_whom(probe: Probe) -> None:
    assert probe.description
    assert probe.reference
    assert probe.version >= 1
    assert params_of(probe).model_dump(mode="json") is not None


@EVERY
def test_rows_are_finite_unique_and_count_something(probe: Probe) -> None:
    rows = rows_of(probe, 0.25)
    assert all(math.isfinite(row.value) and row.n > 0 for row in rows)
    assert len({(row.layer, row.parameter, row.measure) for row in rows}) == len(rows)
    assert any(row.layer is None and not row.parameter for row in rows), "no value over the whole model"
    assert rows == rows_of(probe, 0.25)


@EVERY
def test_an_unchanged_model_differs_from_a_changed_one(probe: Probe) -> None:
    assert rows_of(probe) != rows_of(probe, 0.25)


@EVERY
def test_its_id_depends_on_variant_parameters_and_version(probe: Probe) -> None:
    ids = {probe.id_for("v" * 16, {}), probe.id_for("w" * 16, {}), probe.id_for("v" * 16, {"k": 1})}
    assert len(ids) == 3
    assert probe.id_for("v" * 16, {}) == probe.id_for("v" * 16, {})


@EVERY
def test_what_was_measured_is_read_back(probe: Probe, tmp_path: Path) -> None:
    run, rows = RunFolder(tmp_path), rows_of(probe, 0.25)
    record = ProbeRecord(id=probe.id_for("v", {}), variant_id="v", probe=probe.name, version=probe.version, seconds=1.5)
    write_probe(run, record, rows)
    folder = run.probe(record.id)
    assert read_probe_values(folder) == rows
    found = read_probe(folder)
    assert found is not None
    whole = {row.measure: row.value for row in rows if row.layer is None and not row.parameter}
    assert (found.values, found.seconds, found.status) == (whole, 1.5, "done")
    columns = ["variant_id", "probe", "layer", "parameter", "measure", "value", "n"]
    assert read_table(folder / "values.parquet").schema.names == columns


def test_a_failed_probe_keeps_its_reason_and_a_damaged_one_counts_as_not_done(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    write_probe(run, ProbeRecord("p", "v", "weight_distance", 1, status="failed", reason="out of memory"))
    found = read_probe(run.probe("p"))
    assert found is not None
    assert (found.status, found.reason, found.values) == ("failed", "out of memory", {})
    assert read_probe_values(run.probe("p")) == []
    write_text(run.probe("q") / "probe.json", '{"id": ')
    write_text(run.probe("r") / "probe.json", '{"foreign": 1}')
    assert [read_probe(run.probe(name)) for name in ("q", "r", "absent")] == [None, None, None]


def test_a_value_that_is_not_finite_is_refused(tmp_path: Path) -> None:
    rows = [ProbeRow(None, "", "m", math.nan, 1)]
    with pytest.raises(StoreError, match="weight_distance: m of the model is nan"):
        write_probe(RunFolder(tmp_path), ProbeRecord("p", "v", "weight_distance", 1), rows)
    assert read_probe(RunFolder(tmp_path).probe("p")) is None


def test_probes_are_light_to_import() -> None:
    code = "import sys, hanka.probes, hanka.store.probes; list(hanka.probes.PROBES); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
