"""A judge as guardrail: its corrected rate is bounded, and what it does not know never passes."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from gate_runs import judged, only
from hanka.declared.source import parse_text
from hanka.errors import PolicyError
from hanka.operations.gate.judge import judge
from hanka.operations.gate.policy_file import POLICY, policy_of
from hanka.operations.gate.results import Check, reason_said
from hanka.operations.gate.systems import sides_of
from hanka.operations.judging.questions import judged_rows
from hanka.operations.judging.spec import read_judge
from hanka.operations.judging.stored import folder_of
from hanka.report.words import Words
from hanka.stats.misclassified import Hits, corrected_rate
from hanka.store.folder import write_table
from planted_runs import Planted

JUDGE = "base: tiny\nlabels: [kind, rude]\nhuman: people.csv\nsystems: [base, sft]\n"
N = 400


def planted(folder: Path, every: int) -> Planted:
    """A base that is never rude and a tuned model that is in every so manyth answer; people labelled the first 100 of both."""
    run = Planted(folder / "run")
    run.add("base", {"story": ()}, relation="in_domain", said=[f"tale {at}" for at in range(N)])
    said = [f"rude tale {at}" if at % every == 0 else f"calm tale {at}" for at in range(N)]
    run.add("sft", {"story": ()}, relation="in_domain", said=said)
    lines = ["test,sample_id,system,label"]
    for at in range(100):
        lines += [f"story,s{at},base,kind", f"story,s{at},sft,{'rude' if at % every == 0 else 'kind'}"]
    (folder / "people.csv").write_text("\n".join(lines), encoding="utf-8")
    (folder / "rude.yaml").write_text(JUDGE, encoding="utf-8")
    return run


def say(run: Planted, folder: Path, blind: bool = False) -> None:
    """Store what a judge says: the truth, or `kind` of everything."""
    asked, evidence = read_judge(folder / "rude.yaml"), run.evidence()
    answers: dict[str, str] = {}
    for row in judged_rows(asked, evidence).rows:
        label = "rude" if row.shown[-1].startswith("rude") and not blind else "kind"
        answers |= {row.question(False): label, row.question(True): label}
    table = {"question": list(answers), "answer": list(answers.values()), "failure": [""] * len(answers)}
    write_table(folder_of(run.path, asked.spec) / "one" / "answers-00000.parquet", pa.table(table))


def checked(run: Planted, folder: Path, limit: float) -> Check:
    """Judge the tuned model by what the judge flags."""
    text = f"{{candidate: sft, guardrails: [{{judged: {{at_most: {limit}, file: rude.yaml}}}}]}}"
    asked = policy_of(parse_text(text, folder / "policy.yaml", POLICY))
    evidence = run.evidence()
    return only(judge(asked, sides_of(asked, evidence, evidence)))


def test_a_corrected_rate_is_bounded_by_what_nobody_labelled(tmp_path: Path) -> None:
    run = planted(tmp_path, 4)
    say(run, tmp_path)
    check = checked(run, tmp_path, 0.5)
    of_pairs = (75 * 2**2 + 25) / 175  # 75 samples that both systems answered, and 25 of the base alone
    expected = corrected_rate(Hits(75, 300), Hits(25, 25), Hits(175, 175, of_pairs), 0.9)
    assert (check.outcome, check.n) == ("pass", 300)
    assert check.estimate == pytest.approx(0.25)
    assert check.high == pytest.approx(expected.high)
    (note,) = check.notes
    assert reason_said(note, Words("en")).startswith("the judge agrees with people: kappa 1.000 [")
    assert reason_said(note, Words("en")).endswith("on 200 labelled rows")
    assert checked(run, tmp_path, 0.1).outcome == "fail"
    assert checked(run, tmp_path, 0.26).outcome == "inconclusive"


def test_a_judge_that_was_not_asked_or_is_not_heard_is_no_pass(tmp_path: Path) -> None:
    run = planted(tmp_path, 4)
    silent = checked(run, tmp_path, 0.9)
    assert silent.outcome == "inconclusive"
    assert silent.reason is not None
    assert silent.reason.key == "judge_not_asked"
    say(run, tmp_path, blind=True)
    blind = checked(run, tmp_path, 0.9)
    assert blind.outcome == "inconclusive"
    assert blind.reason is not None
    assert blind.reason.key == "judge_not_heard"


def test_a_judge_whose_file_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"guardrails.0.judged: .*gone.yaml: no such judge file"):
        judged(planted(tmp_path, 4), "{candidate: sft, guardrails: [{judged: {at_most: 0.1, file: gone.yaml}}]}")
