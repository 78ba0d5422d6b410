"""A served base beside local ones in one study: same answers as in memory, nothing asked twice, no row lost to a fault, no key kept."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hanka.engines.served import client
from hanka.errors import ModelError
from hanka.plan import build_plan
from hanka.run import RunOptions, run_study
from hanka.store.folder import RunFolder, read_json, read_predictions
from hanka.study.resolve import load_study
from hanka.terminal.plan_table import describe_plan
from model_server import Fault, ModelServer, cut, data, hang, serving, status, tiny_server
from tiny_models import save_tiny_model

KEY = "sk-very-secret-0123456789"
CHANGES: dict[str, Any] = {"seed": 5, "initializer_range": 0.4}


@pytest.fixture(scope="module")
def sharp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("sharp") / "tiny", **CHANGES)


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with serving(tiny_server(CHANGES)) as found:
        yield found


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait a hundredth of what a server is given in earnest."""
    monkeypatch.setattr(client, "FIRST_WAIT", 0.005)
    monkeypatch.setattr(client, "LONGEST_WAIT", 0.05)
    monkeypatch.setenv("TINY_KEY", KEY)


def write(
    folder: Path, url: str, sharp: Path | None = None, server: dict[str, Any] | None = None, **values: Any
) -> Path:
    big = {
        "served": url,
        "model": "tiny",
        "name": "big",
        "server": {"eos": "</s>", "key": "TINY_KEY", "timeout": 20, "patience": 20},
    }
    big["server"] = {**big["server"], **(server or {})}  # type: ignore[dict-item]
    study: dict[str, Any] = {
        "name": "served",
        "base": [big, *([{"model": str(sharp), "name": "small"}] if sharp else [])],
        "data": {"source": "toy"},
        "tasks": {"sentiment": {}, "summary": {"train": None, "in_domain": ["news"], "out_of_domain": []}},
        "methods": ["base"], "train": {"sizes": [8], "epochs": 1},
        "eval": {"limit": 6, "max_new_tokens": 6, "shots": {"classification": [0, 2]}}, "stats": {"resamples": 200},
    }  # fmt: skip
    path = folder / "study.yaml"
    path.write_text(json.dumps({**study, **values}), encoding="utf-8")
    return path


def run(path: Path, out: Path) -> tuple[RunFolder, int]:
    found = run_study(path, out, RunOptions(quiet=True))
    return found.folder, found.n_failed


def answers(folder: RunFolder, base: str) -> dict[tuple[str, int], list[Any]]:
    plan = read_json(folder.plan)
    owner = {one["id"]: one for one in plan["variants"]}
    found = {}
    for cell in plan["cells"]:
        if owner[cell["variant_id"]]["base"] == base and owner[cell["variant_id"]]["method"] == "base":
            found[cell["test_dataset"], cell["shots"]] = read_predictions(folder.cell(cell["id"]))[0]
    assert found
    return found


def test_a_served_base_answers_as_the_same_model_in_memory(server: ModelServer, sharp: Path, tmp_path: Path) -> None:
    folder, failed = run(write(tmp_path, server.url, sharp), tmp_path / "run")
    assert failed == 0
    served, local = answers(folder, "big"), answers(folder, "small")
    assert served.keys() == local.keys()
    for asked, rows in served.items():
        for one, other in zip(rows, local[asked], strict=True):
            assert (one.sample_id, one.output) == (other.sample_id, other.output)
            assert (one.label_scores is None) == (other.label_scores is None)
            if one.label_scores is not None:
                assert list(one.label_scores) == pytest.approx(list(other.label_scores or ()), abs=1e-4)
    assert all(row.n_prompt_tokens > 0 for rows in served.values() for row in rows)
    assert server.keys == {f"Bearer {KEY}"}
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path
    report = folder.report.read_text(encoding="utf-8")
    assert "log-probabilities that the server gives of a prompt" in report


@pytest.mark.usefixtures("without_page")
def test_nothing_is_asked_twice(server: ModelServer, tmp_path: Path) -> None:
    path = write(tmp_path, server.url)
    folder, _ = run(path, tmp_path / "run")
    asked = [json.dumps(body, sort_keys=True) for body in server.asked]
    assert len(asked) == len(set(asked))
    for cell in read_json(folder.plan)["cells"]:
        (folder.cell(cell["id"]) / "cell.json").unlink()
    (kept,) = folder.path.glob("variants/*/responses.jsonl")
    lines = kept.read_text(encoding="utf-8").splitlines(keepends=True)
    kept.write_text("".join(lines[:-3]) + lines[-3][:40], encoding="utf-8")  # killed while it wrote
    before = answers(folder, "big")
    assert run(path, tmp_path / "run")[1] == 0
    assert len(server.asked) == len(asked) + 3
    assert answers(folder, "big") == before
    assert run(path, tmp_path / "run")[1] == 0
    assert len(server.asked) == len(asked) + 3


@pytest.mark.usefixtures("without_page")
@pytest.mark.parametrize(("seed", "alike"), [(5, True), (6, False)])
def test_a_server_is_compared_with_the_weights_it_is_said_to_serve(
    seed: int, alike: bool, sharp: Path, tmp_path: Path
) -> None:
    with serving(tiny_server(CHANGES | {"seed": seed})) as server:
        fewer = {"sentiment": {"out_of_domain": []}}  # what is compared is asked before all else
        path = write(tmp_path, server.url, sharp, server={"same_as": "small"}, tasks=fewer, eval={"limit": 6})
        folder, failed = run(path, tmp_path / "run")
        asked = [json.dumps(body, sort_keys=True) for body in server.asked]
    assert failed == 0
    assert len(asked) == len(set(asked))
    (place,) = folder.path.glob("variants/*/agreement.json")
    found = read_json(place)
    assert found["n"] == 6
    assert (found["n_equal"] == 6) == alike or found["largest_nats"] > 0.01
    assert (found["largest_nats"] < 1e-4) == alike
    assert any(found["line"] in note["message_en"] for note in read_json(folder.findings)["notes"])


TWO = b'{"choices": [{"text": "a", "index": 0}, {"text": "b", "index": 1}]}'
OTHER = b'{"choices": [{"text": "quite another text", "index": 0, "logprobs": {"tokens": ["quite"], "token_logprobs": [null]}}]}'
FAULTS: dict[str, dict[str, tuple[Fault, ...]]] = {
    "told to come later": {
        "with a time": (status(429, Retry_After="0.05"),),
        "without": (status(429), status(429)),
        "at a moment on its own clock": (
            status(429, Retry_After="Fri, 27 Nov 2020 00:00:01 GMT", Date="Fri, 27 Nov 2020 00:00:01 GMT"),
        ),
        "500": (status(500, "overloaded"),),
        "503": (status(503, "loading"),),
    },
    "cut short": {
        "connection cut": (cut(), cut()),
        "a stream that ends early": (data(b'{"choices": [{"te', Content_Length="5000"),),
    },
    "no answer to it": {
        "no JSON": (data(b"<html>oops</html>"),),
        "JSON of another shape": (data(b'{"choices": {"0": 1}}'), data(b"[1, 2]"), data(b'{"choices": []}')),
        "two answers to one question": (data(TWO),),
        "the answer to another question": (data(OTHER),),
    },
    "late": {"a first byte that does not come": (hang(2.5),)},
}
"What a server does instead of answering, one after the other."


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, int], list[Any]]:
    """What a server without a fault answers."""
    folder = tmp_path_factory.mktemp("undisturbed")
    with (
        pytest.MonkeyPatch.context() as patch,
        serving(tiny_server(CHANGES)) as server,
    ):
        patch.setenv("TINY_KEY", KEY)
        patch.setenv("HANKA_CACHE", str(folder / "cache"))
        return answers(run(write(folder, server.url), folder / "run")[0], "big")


@pytest.mark.usefixtures("without_page")
@pytest.mark.parametrize("name", FAULTS)
def test_no_row_is_lost_or_doubled_by_a_fault(
    name: str, server: ModelServer, undisturbed: dict[tuple[str, int], list[Any]], tmp_path: Path
) -> None:
    server.faults[:] = [fault for faults in FAULTS[name].values() for fault in faults]
    timeout = {"timeout": 2} if name == "late" else {}
    folder, failed = run(write(tmp_path, server.url, server=timeout), tmp_path / "run")
    assert failed == 0
    assert not server.faults
    assert answers(folder, "big") == undisturbed
    asked = [json.dumps(body, sort_keys=True) for body in server.asked]
    assert len(asked) == len(set(asked))


@pytest.mark.usefixtures("without_page")
def test_a_clock_that_jumps_changes_nothing(
    server: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = iter(range(10**9, 0, -(10**5)))
    monkeypatch.setattr("time.time", lambda: float(next(moments)))
    server.faults[:] = [status(429, Retry_After="0.05"), status(503)]
    assert run(write(tmp_path, server.url), tmp_path / "run")[1] == 0


@pytest.mark.usefixtures("without_page")
def test_a_server_that_is_gone_for_a_while_is_waited_for(server: ModelServer, tmp_path: Path) -> None:
    server.faults[:] = [cut() for _ in range(60)]
    folder, failed = run(write(tmp_path, server.url, server={"concurrency": 8}), tmp_path / "run")
    assert failed == 0
    cells = [read_json(folder.cell(cell["id"]) / "cell.json") for cell in read_json(folder.plan)["cells"]]
    assert sum(cell["asked"]["n_retries"] for cell in cells) >= 60


def test_a_server_that_stays_away_fails_its_cells_and_loses_nothing(server: ModelServer, tmp_path: Path) -> None:
    path = write(tmp_path, server.url, server={"patience": 0.3})
    n_before = 20
    gone = [False]

    def away(handler: Any, body: dict[str, Any]) -> bool:
        if len(server.asked) >= n_before or gone[0]:
            gone[0] = True
            return cut()(handler, body)
        return False

    server.faults[:] = [away] * 10_000
    folder, failed = run(path, tmp_path / "run")
    assert failed > 0
    reasons = [read_json(folder.cell(cell["id"]) / "cell.json")["reason"] for cell in read_json(folder.plan)["cells"]]
    assert any("answers that came are kept" in reason for reason in reasons)
    server.faults.clear()
    n_asked = len(server.asked)
    assert run(path, tmp_path / "run")[1] == 0
    asked = [json.dumps(body, sort_keys=True) for body in server.asked]
    assert len(asked) == len(set(asked))
    assert len(asked) > n_asked >= n_before


def test_a_key_that_is_refused_or_missing_is_one_line_before_any_work(
    server: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, server.url)
    monkeypatch.delenv("TINY_KEY")
    with pytest.raises(ModelError, match="TINY_KEY, which holds its key, is not set"):
        run(path, tmp_path / "run")
    monkeypatch.setenv("TINY_KEY", KEY)
    server.faults[:] = [status(401, f"Incorrect API key provided: {KEY}")] * 100
    folder, failed = run(path, tmp_path / "run")
    assert failed > 0
    reasons = " ".join(
        read_json(folder.cell(cell["id"]) / "cell.json")["reason"] for cell in read_json(folder.plan)["cells"]
    )
    assert "refuses the key in TINY_KEY" in reasons
    assert "***" in reasons
    assert KEY not in reasons


@pytest.mark.parametrize("key", ["sk-one\nsk-two", "sk-\u732b", "sk one"])
def test_a_key_that_is_none_is_refused_without_repeating_it(
    key: str, server: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINY_KEY", key)
    with pytest.raises(ModelError, match="TINY_KEY holds characters that no key has") as caught:
        run(write(tmp_path, server.url), tmp_path / "run")
    assert "sk" not in str(caught.value).replace("sk-very", "")
    assert not server.asked


def test_an_error_in_an_answer_does_not_repeat_the_key(server: ModelServer, tmp_path: Path) -> None:
    server.faults[:] = [data(json.dumps({"error": {"message": f"bad key {KEY}"}}).encode())] * 500
    folder, failed = run(write(tmp_path, server.url, server={"patience": 0.2}), tmp_path / "run")
    assert failed > 0
    for path in folder.path.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path


@pytest.mark.usefixtures("without_page")
def test_an_account_that_is_empty_loses_no_row(server: ModelServer, tmp_path: Path) -> None:
    path = write(tmp_path, server.url)

    def unpaid(handler: Any, body: dict[str, Any]) -> bool:
        return len(server.asked) >= 20 and status(402, "Insufficient Balance")(handler, body)

    server.faults[:] = [unpaid] * 1000
    assert run(path, tmp_path / "run")[1] > 0
    server.faults.clear()
    folder, failed = run(path, tmp_path / "run")
    assert failed == 0
    assert all(row.status != "failed" for rows in answers(folder, "big").values() for row in rows)


def test_a_server_that_asks_to_wait_too_long_ends_at_once(server: ModelServer, tmp_path: Path) -> None:
    server.faults[:] = [status(429, Retry_After="3600")] * 500
    started = time.monotonic()
    folder, failed = run(write(tmp_path, server.url), tmp_path / "run")
    assert time.monotonic() - started < 20
    assert failed == len(read_json(folder.plan)["cells"])


def test_one_row_that_the_server_cannot_answer_is_one_failed_row(server: ModelServer, tmp_path: Path) -> None:
    broken: list[str] = []

    def breaks(handler: Any, body: dict[str, Any]) -> bool:
        if body.get("echo") and body["prompt"].endswith("</s>") and len(server.asked) > 12:
            broken[:] = broken or [body["prompt"]]
        return body["prompt"] in broken and status(500, "CUDA error")(handler, body)

    server.faults[:] = [breaks] * 10_000
    folder, _ = run(write(tmp_path, server.url), tmp_path / "run")
    rows = [row for rows in answers(folder, "big").values() for row in rows]
    assert sum(row.status == "failed" for row in rows) in (1, 2)
    assert all("CUDA error" in row.reason for row in rows if row.status == "failed")


@pytest.mark.usefixtures("without_page")
def test_a_server_that_gains_log_probabilities_is_asked_again(server: ModelServer, tmp_path: Path) -> None:
    path = write(tmp_path, server.url)
    server.echoes = False
    assert run(path, tmp_path / "run")[1] > 0
    server.echoes = True
    assert run(path, tmp_path / "run")[1] == 0


def test_a_wrong_model_name_is_one_line_before_any_work(server: ModelServer, tmp_path: Path) -> None:
    path = write(tmp_path, server.url)
    path.write_text(path.read_text(encoding="utf-8").replace('"model": "tiny"', '"model": "tini"'), encoding="utf-8")
    with pytest.raises(ModelError, match="serves no model 'tini': did you mean 'tiny'"):
        run(path, tmp_path / "run")
    assert not server.asked


def test_missing_log_probabilities_are_a_reason_with_a_way_out(server: ModelServer, tmp_path: Path) -> None:
    server.echoes = False
    folder, failed = run(write(tmp_path, server.url), tmp_path / "run")
    cells = {(cell["test_dataset"], cell["shots"]): cell["id"] for cell in read_json(folder.plan)["cells"]}
    said = {name: read_json(folder.cell(of) / "cell.json") for name, of in cells.items()}
    assert failed == sum(1 for one in said.values() if one["status"] == "failed") > 0
    assert all("labels: parsed" in one["reason"] for name, one in said.items() if name[0] != "news")
    assert said["news", 0]["status"] == "done"


@pytest.mark.usefixtures("without_page")
def test_a_row_that_the_server_refuses_is_a_failed_row(server: ModelServer, tmp_path: Path) -> None:
    def too_long(handler: Any, body: dict[str, Any]) -> bool:
        if body.get("echo") and "\n\n" in body["prompt"] and "</s>" in body["prompt"]:
            handler.reply({"error": {"message": "maximum context length is 8 tokens"}}, 400)
            return True
        return False

    server.faults[:] = [too_long] * 1000
    folder, _ = run(write(tmp_path, server.url), tmp_path / "run")
    rows = [row for rows in answers(folder, "big").values() for row in rows]
    refused = [row for row in rows if row.status == "failed"]
    assert refused
    assert all("maximum context length" in row.reason for row in refused)


def test_labels_that_are_written_say_so_beside_their_numbers(server: ModelServer, tmp_path: Path) -> None:
    server.says = lambda turns: "Positive." if len(turns[-1]["content"]) % 2 else "It depends."
    path = write(tmp_path, server.url, server={"api": "chat", "eos": "", "price": {"input": 1.0, "output": 2.0}})
    folder, failed = run(path, tmp_path / "run")
    assert failed == 0
    cells = [read_json(folder.cell(cell["id"]) / "cell.json") for cell in read_json(folder.plan)["cells"]]
    labelled = [cell for cell in cells if cell["labels"]]
    assert {cell["scoring"] for cell in labelled} == {"parsed"}
    assert sum(cell["n_unparsed"] for cell in labelled) > 0
    rows = [row for (name, _), rows in answers(folder, "big").items() if name != "news" for row in rows]
    assert {(row.parsed, row.status) for row in rows} == {("positive", "ok"), (None, "unparsed")}
    assert "labels are written freely and read" in folder.report.read_text(encoding="utf-8")


def test_what_is_made_of_one_base_is_weighed_against_a_served_one(
    server: ModelServer, sharp: Path, tmp_path: Path
) -> None:
    path = write(tmp_path, server.url, methods=["base", {"sft": {"peft": "none"}}, "classifier"])
    study = json.loads(path.read_text(encoding="utf-8"))
    study["base"] += [
        {"model": str(sharp), "name": "small", "reference": "big"}, {"encoder": "tfidf", "reference": "big"},
    ]  # fmt: skip
    path.write_text(json.dumps(study), encoding="utf-8")
    folder, failed = run(path, tmp_path / "run")
    assert failed == 0
    plan = read_json(folder.plan)
    assert {one["reference"] for one in plan["variants"] if one["method"] != "base"} == {"big"}
    findings = read_json(folder.findings)
    (decided,) = findings["decision"]["per_task"]
    assert {one["base"] for one in decided["systems"]} == {"small", "tfidf"}
    assert decided["benefit"]["n"] > 0
    assert {one["relation"] for one in plan["cells"] if one["test_dataset"] == "news"} == {"cross_task"}
    first = folder.report.read_text(encoding="utf-8").partition('id="decision"')[0]
    assert "answers" in first
    assert "instead of" not in first  # there is no before: another model stands there
    assert "of <bdi" in first or "big" in first


@pytest.mark.usefixtures("without_page")
def test_a_plan_says_what_a_server_will_be_asked_and_what_that_costs(server: ModelServer, tmp_path: Path) -> None:
    path = write(tmp_path, server.url, server={"price": {"input": 1.0, "output": 2.0, "currency": "JPY"}})
    described = describe_plan(build_plan(load_study(path)), RunFolder(tmp_path / "none"))
    one = described["served"]["big"]
    assert one["money"] == pytest.approx((one["n_read"] + 2 * one["n_written"]) / 1e6, abs=1e-4)
    assert one["currency"] == "JPY"
    run(path, tmp_path / "run")
    n_alignment = 9
    assert len(server.asked) <= one["n_requests"] + n_alignment
    assert one["n_requests"] < 2 * len(server.asked)
    after = describe_plan(build_plan(load_study(path)), RunFolder(tmp_path / "run"))
    assert after["served"]["big"]["n_requests"] == 0
