"""The GPU benchmark on a processor: its exactness check passes and refuses, its results have their shape."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.gpu import __main__ as command
from benchmarks.gpu import exactness, measure, peers, timing, varlen
from benchmarks.gpu.exactness import check_gradients, check_scores, check_texts, check_untrained
from benchmarks.gpu.flops import Shape, Work, forward_flops, shape_of, training_flops, work_of
from benchmarks.gpu.items import FULL, SMOKE, Part, training_rows
from benchmarks.gpu.models import CONFIGS, adapted, build, to_answer, to_train
from benchmarks.gpu.timing import Side, find_best

from hanka.engines import voices
from hanka.training import gradient

CPU = torch.device("cpu")
ROOT = Path(__file__).parents[2]


def ask(tmp_path: Path, *more: str) -> tuple[int, dict[str, Any], str]:
    code = command.main(["--smoke", "--repetitions", "1", "--out", str(tmp_path), *more])
    (path,) = tmp_path.glob("*.json")
    return code, json.loads(path.read_text("utf-8")), path.with_suffix(".md").read_text("utf-8")


def test_a_smoke_run_is_exact_and_measures_both_sides(tmp_path: Path) -> None:
    code, result, table = ask(tmp_path, "--only", "scoring")
    assert code == 0
    (found,) = result["models"].values()
    assert found["exactness"].keys() == {"scoring, base", "scoring, LoRA", "an untrained adapter"}
    assert [one["reasons"] for one in found["exactness"].values()] == [[], [], []]
    assert found["measurements"].keys() == {"scoring, 1 shot, base", "scoring, 1 shot, LoRA"}
    for measured in found["measurements"].values():
        ours, theirs = measured["sides"].values()
        assert ours["forwarded_tokens"] < measured["sides"]["hanka"]["row_tokens_per_second"] * ours["median_seconds"]
        assert theirs["flops"] > ours["flops"]
        assert ours["mfu"] is None, "a processor has no utilisation to report"
        assert measured["times_faster"].keys() < measured["sides"].keys()
    assert "no measurement" in table
    assert "hanka is × faster" in table


def test_a_wrong_layout_is_refused_and_not_timed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = voices.new_pack

    def shifted(*arguments: Any) -> Any:
        made = right(*arguments)
        made.position_ids = made.position_ids + torch.arange(made.position_ids.shape[1]) // 9
        return made

    monkeypatch.setattr(voices, "new_pack", shifted)
    code, result, table = ask(tmp_path, "--only", "scoring")
    assert code == 1
    found = result["models"]["tiny"]
    assert any("the gap in float32" in reason for reason in found["exactness"]["scoring, base"]["reasons"])
    assert found["measurements"] == {}
    assert found["skipped"]["scoring, 1 shot, base"] == "not exact: scoring, base"
    assert "faster" not in table


def test_a_wrong_loss_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    right = gradient.summed_cross_entropy
    monkeypatch.setattr(gradient, "summed_cross_entropy", lambda *given: 1.02 * right(*given))
    found = check_gradients("tiny", "LoRA", CPU, SMOKE)
    assert any("gap of the loss 0" in reason for reason in found.reasons)
    assert any("loss in float32" in reason for reason in found.reasons)


def test_an_adapter_that_changes_a_bit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_untrained("tiny", CPU, SMOKE).reasons == []
    monkeypatch.setattr(exactness, "adapted", lambda loaded, _up: adapted(loaded, 1e-3))
    assert check_untrained("tiny", CPU, SMOKE).reasons


def test_texts_are_those_of_plain_generation(monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_texts("tiny", CPU, SMOKE).reasons == []
    monkeypatch.setattr(exactness, "N_TOKENS", 3)
    monkeypatch.setattr(exactness, "write", lambda *given: ([[1, 2, 3]] * len(given[1]), 0))
    assert check_texts("tiny", CPU, SMOKE).reasons == ["the share of unequal texts 1 is over 0.1"]


def test_falling_back_to_plain_rows_is_refused_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voices, "takes_packs", lambda _model: (False, "not today"))
    found = check_scores("tiny", "base", CPU, SMOKE)
    assert "hanka fell back: no shared prefix: not today" in found.reasons


def test_what_is_measured_is_what_hanka_trains_and_answers_with() -> None:
    kinds = {
        weights: {value.dtype for value in to_train("tiny", CPU, weights).parameters() if value.requires_grad}
        for weights in ("LoRA", "all")
    }
    assert kinds == {"LoRA": {torch.float32}, "all": {torch.float32}}
    for weights in ("base", "LoRA"):
        model = to_answer("tiny", CPU, weights).model
        dtypes = {name: value.dtype for name, value in model.named_parameters()}
        assert {dtype for name, dtype in dtypes.items() if "lora_" not in name} == {torch.bfloat16}
        assert not any(value.requires_grad for value in model.parameters())
        assert not model.training


def test_a_run_that_is_cut_short_keeps_what_it_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(part: Part, _place: measure.Place) -> dict[str, Any]:
        if part.weights == "base":
            raise RuntimeError("a kernel failed")
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "measure", fail)
    with pytest.raises(KeyboardInterrupt):
        command.main(["--smoke", "--only", "scoring", "--out", str(tmp_path)])
    (path,) = tmp_path.glob("*.json")
    found = json.loads(path.read_text("utf-8"))["models"]["tiny"]
    assert found["exactness"]["scoring, base"]["reasons"] == []
    assert found["skipped"]["scoring, 1 shot, base"] == "it failed: RuntimeError: a kernel failed"


def test_without_time_nothing_begins_and_the_result_says_so(tmp_path: Path) -> None:
    code, result, table = ask(tmp_path, "--minutes", "0", "--only", "writing")
    assert code == 0
    assert set(result["models"]["tiny"]["skipped"].values()) == {
        "no time was left",
        "not exact: scoring, base, writing",
    }
    assert "no time was left" in table


def test_every_part_is_told_how_much_it_measures() -> None:
    for sizes in (FULL, SMOKE):
        assert len(set(sizes.parts)) == len(sizes.parts)
        for part in sizes.parts:
            assert part.setting in (sizes.training if part.kind == "training" else sizes.shots)
            assert part.kind == "training" or part.model in sizes.n_queries
            assert (CONFIGS / f"{part.model}.json").is_file()


def test_all_packages_are_imported_before_anything_is_measured() -> None:
    """A package that is missing must be noticed at once, not after minutes of a machine that is hard to get."""
    script = """if True:
        import sys
        import accelerate, peft, pydantic  # what run.sh asks for by name
        from benchmarks.gpu import __main__ as command
        from benchmarks.gpu import measure, trainer
        from benchmarks.gpu.items import SMOKE
        trainer.importable = lambda: False  # TRL is a guest: measured where it is, and never needed
        import torch
        before = {name.split(".")[0] for name in sys.modules}
        place = measure.Place(torch.device("cpu"), None, SMOKE, 1, 1.0)
        for part in (SMOKE.parts[0], SMOKE.parts[-1]):
            measure.measure(part, place)
        late = {name.split(".")[0] for name in sys.modules} - before - set(sys.stdlib_module_names)
        print(sorted(name for name in late if not name.startswith("_")))
    """
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert found.stdout.strip() == "[]"


def test_operations_are_counted_by_hand() -> None:
    shape = Shape(body=10, head=7, adapters=0, attention=3)
    work = work_of(2, [1, 2], places=4)
    assert work == Work(tokens=5, pairs=3 + (2 + 1) + (4 + 3), places=4)
    assert forward_flops(shape, work) == 2 * 10 * 5 + 2 * 7 * 4 + 4 * 3 * 13
    assert training_flops(shape, work) == 6 * (10 * 5 + 7 * 4) + 12 * 3 * 13
    assert training_flops(shape._replace(adapters=1), work) == 4 * (10 * 5 + 7 * 4) + 6 * 5 + 12 * 3 * 13


def test_entries_are_those_of_the_published_sizes() -> None:
    meta = torch.device("meta")
    one = shape_of(build("llama-3.2-1b", meta, torch.bfloat16).model)
    assert one.body + one.head == pytest.approx(1.236e9, rel=1e-3)
    seven = shape_of(build("llama-2-7b", meta, torch.bfloat16).model)
    assert seven.body + 2 * seven.head == pytest.approx(6.738e9, rel=1e-3)
    small = shape_of(build("smollm2-135m", meta, torch.bfloat16).model)
    assert small.body + small.head == pytest.approx(134.5e6, rel=1e-3)
    assert shape_of(to_train("tiny", CPU, "LoRA")).adapters > 0


def test_running_out_of_memory_ends_the_search_and_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "timed", lambda run, _device: run() or timing.Timed(1.0, None))

    def run(setting: int) -> int:
        if setting > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return setting

    side = Side("peer", run, [1, 2, 4, 8], "rows", 1.0)
    find_best(side, CPU)
    assert side.trials == {"1": 1.0, "2": 1.0, "4": None}
    side = Side("peer", run, [8, 4, 2, 1], "rows", 1.0)
    find_best(side, CPU, seconds=0.0)
    assert side.trials == {"8": None, "4": None, "2": 1.0}, "time ends the search once something fits"


def test_settings_begin_with_the_default_and_end_where_all_fits() -> None:
    assert measure._tokens_a_pass((4096, 8192, 16384, 32768), 4096, 3000) == [4096]
    assert measure._tokens_a_pass((4096, 8192, 16384, 32768), 4096, 9000) == [4096, 8192, 16384]
    assert measure._rows_at_once((4096, 8192, 16384), 1000, 6) == [6, 4]


def test_a_setting_that_is_slower_ends_the_search_and_so_does_time(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = {1: 3.0, 2: 2.0, 4: 2.5, 8: 1.0}
    monkeypatch.setattr(timing, "timed", lambda run, _device: run() or timing.Timed(taken[side.n_forwarded], None))
    side = Side("peer", lambda setting: setting, [1, 2, 4, 8], "rows", 1.0)
    find_best(side, CPU)
    assert side.trials == {"1": 3.0, "2": 2.0, "4": 2.5}
    assert side.best == 2
    side = Side("peer", lambda setting: setting, [1, 2, 4, 8], "rows", 1.0)
    find_best(side, CPU, seconds=0.0)
    assert side.trials == {"1": 3.0}


def test_without_time_every_side_is_repeated_once() -> None:
    sides = [Side(name, lambda setting: setting, [1], "rows", 1.0) for name in ("hanka", "peer")]
    timing.alternate(sides, 3, 0.0, CPU, seconds=0.0)
    assert [len(side.seconds) for side in sides] == [1, 1]


@pytest.mark.parametrize("weights", ["LoRA", "all"])
def test_one_training_measurement_has_every_side(
    weights: Literal["LoRA", "all"], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        measure.trainer, "importable", lambda: False
    )  # TRL is measured beside these where it is installed
    place = measure.Place(CPU, None, SMOKE, 1, 60.0)
    found = measure.training(Part("tiny", "training", "fticl", weights), weights, place)
    assert len(found["sides"]) == 3
    for one in found["sides"].values():
        assert math.isfinite(one["median_seconds"])
    assert found["sides"]["hanka"]["default_seconds"] > 0
    assert found["details"]["shared_tokens"] == 100


def test_rows_side_by_side_attend_by_their_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in takes the kernel's place: the ends that reach it and the loss are those of padded rows."""

    def attend(
        query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, ends: torch.Tensor, longest: int, scale: float
    ) -> torch.Tensor:
        lengths = ends.diff().tolist()
        assert max(lengths) == longest
        rows = []
        for parts in zip(*(one.split(lengths) for one in (query, key, value)), strict=True):
            heads = [one.transpose(0, 1)[None] for one in parts]
            row = torch.nn.functional.scaled_dot_product_attention(*heads, is_causal=True, scale=scale, enable_gqa=True)
            rows.append(row[0].transpose(0, 1))
        return torch.cat(rows)

    monkeypatch.setattr(varlen, "attend", attend)
    model = to_train("tiny", CPU, "all")
    batch = training_rows(512, 0, 5)
    padded, _ = peers.accumulate(model, batch, 5, padded=True, autocast=False)
    with peers.attention(model, varlen.NAME):
        beside, n_forwarded = peers.accumulate(model, batch, 5, padded=False, autocast=False)
    assert beside == pytest.approx(padded, rel=1e-5)
    assert n_forwarded == sum(len(row.ids) for row in batch)
    assert not varlen.works("cpu")
