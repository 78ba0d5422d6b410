"""The study of intruder dimensions on other data and another model than its own: planned, carried out, asked, told in both languages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from hanka.analysis import analyse
from hanka.audits import audit_rows
from hanka.plan import build_plan
from hanka.plan.written import plan_json, written_study
from hanka.store.folder import RunFolder, read_json, write_csv, write_json
from hanka.study import load_study, places
from hanka.work.baselines import BASELINE_COLUMNS, score_baselines
from hanka.work.samples import write_samples
from small_studies import carry_out

STUDY = Path(__file__).parents[2] / "studies/intruders.yaml"
ELSEWHERE = {
    "smollm2-135m-instruct": "TINY", "source: mini": "source: toy", "film-reviews": "film", "tweets": "shop", "narrative-answers": "history",
    "../src/hanka": str(STUDY.parents[1] / "src/hanka"),
}  # fmt: skip
"What stands in the place of the study's own model and data."
LEFT_OUT = ("r64", "r1 slow", "r8 slow", "full slow", "r8 second", "beside all", "all of r")
"Entries that are more of the same."


@pytest.fixture(scope="module")
def answer(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    text = STUDY.read_text(encoding="utf-8")
    for word, other in {**ELSEWHERE, "TINY": str(tiny_folder)}.items():
        text = text.replace(word, other)
    values = yaml.safe_load(text)
    values["methods"] = [
        one for one in values["methods"]
        if isinstance(one, str) or not next(iter(one.values()))["name"].startswith(LEFT_OUT)
    ]  # fmt: skip
    values["train"]["sizes"] = [8]
    for entry in values["methods"]:
        for params in entry.values() if isinstance(entry, dict) else ():
            if "start" in params:
                params["on"] = params.pop(True)  # what PyYAML takes `on` for
                params["start"].pop("size", None)
    values["eval"]["limit"] = 3
    out = tmp_path_factory.mktemp("intruders")
    path = out / "intruders.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    study = load_study(path)
    plan, folder = build_plan(study), RunFolder(out / "run")
    places.write_study(folder.study, *written_study(study))
    write_json(folder.plan, plan_json(plan, "hanka run"))
    carry_out(plan, folder.path)
    write_json(folder.audits, audit_rows(plan).as_json())
    write_csv(folder.baselines, BASELINE_COLUMNS, score_baselines(plan))
    write_samples(plan, folder)
    analyse(folder)
    statuses = {read_json(folder.variant(name) / "variant.json")["status"] for name in plan.variants}
    assert statuses == {"done"}
    found: dict[str, Any] = read_json(folder.findings)["answers"]["intruders"]
    return found


def test_counts_edits_and_stages_of_other_data_are_told(answer: dict[str, Any]) -> None:
    said = answer["sentence_en"]
    assert "variants have more than random changes of equal norm (2 draws)" in said
    assert "shop (Accuracy) / on other tasks (Bits per byte)" in said
    assert "over 6 variants" in said or "the 6 variants do not differ" in said
    assert "r8 fast, PEFT's function, all × 0.3: " in said
    assert "(full → full second)" in said
    assert answer["sentence_ja"].count("\n") == said.count("\n")


def test_every_number_of_its_table_is_there(answer: dict[str, Any]) -> None:
    names = [column["name"] for column in answer["columns"]]
    assert {"intruders", "null_intruders", "excess_intruders", "forgotten", "edited_from"} <= set(names)
    for row in answer["rows"]:
        entry = dict(zip(names, row, strict=True))
        assert entry["intruders"]["n"] == 14
        assert (
            entry["excess_intruders"]["low"] <= entry["excess_intruders"]["value"] <= entry["excess_intruders"]["high"]
        )
