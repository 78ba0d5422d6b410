"""The log is append-only: every entry is tied to the one before, and whatever was done to it afterwards is seen."""

from __future__ import annotations

import hashlib
import json
import math
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanka.errors import LedgerError
from hanka.operations.ledger import append, entries, read, repair, verify
from hanka.operations.ledger.entries import Entry, hash_of, log_path

AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


def log_of(place: Path, n: int = 5) -> tuple[Entry, ...]:
    return tuple(append(place, "note", {"n": i}, "Ada", AT + timedelta(minutes=i)) for i in range(n))


def rewrite(place: Path, change: Any) -> None:
    lines = log_path(place).read_bytes().splitlines(keepends=True)
    log_path(place).write_bytes(b"".join(change(lines)))


def whats(place: Path, head: str = "") -> list[tuple[int, str]]:
    return [(one.line, one.what) for one in verify(place, head).breaks]


def test_an_entry_holds_the_hash_of_all_its_fields_in_canonical_json(tmp_path: Path) -> None:
    one = append(tmp_path, "gate", {"outcome": "pass", "n": 3}, "ci", AT)
    text = (
        '{"body":{"n":3,"outcome":"pass"},"by":"ci","index":0,"kind":"gate","previous":"' + "0" * 64 + '",'
        '"time":"2026-03-01T09:30:00.000+00:00"}'
    )
    assert one.hash == hashlib.sha256(text.encode()).hexdigest()
    (line,) = log_path(tmp_path).read_text(encoding="utf-8").splitlines()
    assert json.loads(line) == json.loads(text) | {"hash": one.hash}


def test_entries_are_read_back_as_they_were_appended_and_each_names_the_one_before(tmp_path: Path) -> None:
    made = log_of(tmp_path)
    assert read(tmp_path) == made
    assert [one.previous for one in made[1:]] == [one.hash for one in made[:-1]]
    found = verify(tmp_path)
    assert (found.is_whole, found.head, found.since) == (True, made[-1].hash, None)


def test_a_log_that_was_never_begun_has_no_entries_and_cannot_be_verified(tmp_path: Path) -> None:
    assert read(tmp_path / "none") == ()
    with pytest.raises(LedgerError, match="no such log"):
        verify(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_times_are_utc_whatever_zone_they_were_given_in(tmp_path: Path) -> None:
    from datetime import timezone

    one = append(tmp_path, "note", {}, "Ada", datetime(2026, 3, 1, 18, 30, tzinfo=timezone(timedelta(hours=9))))
    assert one.time == "2026-03-01T09:30:00.000+00:00"
    assert one.when == AT


@settings(max_examples=15, deadline=None)
@given(
    bodies=st.lists(
        st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), JSON, max_size=4), min_size=1, max_size=4
    )
)
def test_any_json_is_kept_exactly(tmp_path_factory: pytest.TempPathFactory, bodies: list[dict[str, Any]]) -> None:
    place = tmp_path_factory.mktemp("log")
    for body in bodies:
        append(place, "note", body, "Ada")
    assert [one.body for one in read(place)] == bodies
    assert verify(place).is_whole


# ---- what was done to it


def test_a_changed_entry_is_named_and_no_other(tmp_path: Path) -> None:
    log_of(tmp_path)
    rewrite(tmp_path, lambda lines: [one.replace(b'"n":2', b'"n":7') for one in lines])
    assert whats(tmp_path) == [(3, "changed")]


def test_an_entry_that_was_changed_with_its_hash_shows_in_the_next(tmp_path: Path) -> None:
    log_of(tmp_path)

    def forge(lines: list[bytes]) -> list[bytes]:
        value = json.loads(lines[2]) | {"body": {"n": 7}}
        forged = Entry(**value)
        forged = Entry(**(value | {"hash": hash_of(forged)}))
        return [*lines[:2], forged.line(), *lines[3:]]

    rewrite(tmp_path, forge)
    assert whats(tmp_path) == [(4, "changed")]


def test_other_bytes_for_the_same_content_are_a_change(tmp_path: Path) -> None:
    log_of(tmp_path)
    rewrite(tmp_path, lambda lines: [one.replace(b'"n":2', b'"n": 2') for one in lines])
    assert whats(tmp_path) == [(3, "changed")]


@pytest.mark.parametrize("gone", [0, 2, 3])
def test_a_missing_entry_is_named(tmp_path: Path, gone: int) -> None:
    log_of(tmp_path)
    rewrite(tmp_path, lambda lines: lines[:gone] + lines[gone + 1 :])
    assert whats(tmp_path) == [(gone + 1, "missing")]
    assert f"entry {gone} is missing" in verify(tmp_path).breaks[0].message


def test_several_missing_entries_are_one_finding(tmp_path: Path) -> None:
    log_of(tmp_path, 6)
    rewrite(tmp_path, lambda lines: [lines[0], *lines[4:]])
    assert [one.message for one in verify(tmp_path).breaks] == ["entries 1 to 3 are missing before entry 4"]


def test_swapped_entries_are_reordered_not_missing(tmp_path: Path) -> None:
    log_of(tmp_path)
    rewrite(tmp_path, lambda lines: [lines[0], lines[2], lines[1], *lines[3:]])
    assert {what for _, what in whats(tmp_path)} == {"reordered"}
    assert whats(tmp_path)[0] == (2, "reordered")


def test_a_repeated_entry_is_seen(tmp_path: Path) -> None:
    log_of(tmp_path)
    rewrite(tmp_path, lambda lines: [*lines[:2], lines[1], *lines[2:]])
    assert whats(tmp_path) == [(3, "repeated")]


def test_a_line_that_is_no_entry_is_seen_and_the_rest_is_still_checked(tmp_path: Path) -> None:
    log_of(tmp_path)
    rewrite(tmp_path, lambda lines: [lines[0], b"[1]\n", *lines[2:4], lines[4].replace(b"Ada", b"Bob")])
    assert whats(tmp_path) == [(2, "changed"), (5, "changed")]


def test_entries_cut_off_the_end_are_seen_by_a_kept_head_alone(tmp_path: Path) -> None:
    made = log_of(tmp_path)
    rewrite(tmp_path, lambda lines: lines[:3])
    assert whats(tmp_path) == []
    assert whats(tmp_path, made[-1].hash) == [(3, "truncated")]
    assert whats(tmp_path, made[-1].hash[:12]) == [(3, "truncated")]


def test_a_log_written_anew_as_a_whole_is_seen_by_a_kept_head_alone(tmp_path: Path) -> None:
    head = log_of(tmp_path / "true")[-1].hash
    for i in range(5):
        append(tmp_path / "forged", "note", {"n": i + 1}, "Ada", AT)
    assert whats(tmp_path / "forged") == []
    assert [what for _, what in whats(tmp_path / "forged", head)] == ["truncated"]


def test_a_log_that_grew_since_the_head_was_kept_is_whole(tmp_path: Path) -> None:
    made = log_of(tmp_path)
    found = verify(tmp_path, made[2].hash)
    assert (found.is_whole, found.since) == (True, 2)


@pytest.mark.parametrize("head", ["abc", "zz" * 10, "A" * 64, "0" * 65])
def test_a_head_that_can_be_none_is_wrong_input(tmp_path: Path, head: str) -> None:
    log_of(tmp_path)
    with pytest.raises(LedgerError, match="12 to 64 digits"):
        verify(tmp_path, head)


def test_an_emptied_log_is_not_called_whole(tmp_path: Path) -> None:
    log_of(tmp_path)
    log_path(tmp_path).write_bytes(b"")
    assert whats(tmp_path) == [(1, "empty")]
    with pytest.raises(LedgerError, match="not whole"):
        read(tmp_path)
    with pytest.raises(LedgerError, match="hanka log repair"):
        append(tmp_path, "note", {}, "Ada")
    assert (
        repair(tmp_path, "Bob", AT).body["bytes"] == 0
    )  # a process that was stopped before its first write leaves this, too
    assert append(tmp_path, "note", {}, "Ada").index == 1


def test_nothing_is_read_from_a_log_that_is_not_whole(tmp_path: Path) -> None:
    log_of(tmp_path)
    rewrite(tmp_path, lambda lines: lines[:1] + lines[2:])
    with pytest.raises(LedgerError, match="line 2: entry 1 is missing"):
        read(tmp_path)


# ---- what cannot be written


@pytest.mark.parametrize(
    ("kind", "body", "by"),
    [
        ("Gate", {}, "Ada"),
        ("", {}, "Ada"),
        ("note", {"x": math.nan}, "Ada"),
        ("note", {"x": [math.inf]}, "Ada"),
        ("note", {"x": object()}, "Ada"),
        ("note", {"x": "\ud800"}, "Ada"),
        ("note", {1: "a", "1": "b"}, "Ada"),
        ("note", {}, "  "),
        ("note", {}, "Ada\nBob"),
    ],
)
def test_what_cannot_be_kept_as_it_is_is_refused_and_nothing_is_written(
    tmp_path: Path, kind: str, body: Any, by: str
) -> None:
    with pytest.raises(LedgerError) as raised:
        append(tmp_path / "log", kind, body, by)
    assert "\n" not in str(raised.value)
    assert not log_path(tmp_path / "log").exists()


def test_a_list_may_be_given_as_a_tuple_and_is_read_as_a_list(tmp_path: Path) -> None:
    assert append(tmp_path, "note", {"x": (1, 2)}, "Ada").body == {"x": [1, 2]}


def test_nothing_follows_a_changed_last_entry(tmp_path: Path) -> None:
    log_of(tmp_path)
    rewrite(tmp_path, lambda lines: [*lines[:-1], lines[-1].replace(b'"n":4', b'"n":5')])
    with pytest.raises(LedgerError, match="line 5 is not as it was written"):
        append(tmp_path, "note", {}, "Ada")


def test_an_append_waits_for_another_and_gives_up_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entries, "PATIENCE_SECONDS", 0.0)
    with entries.held(tmp_path), pytest.raises(LedgerError, match="another process has held the log"):
        append(tmp_path, "note", {}, "Ada")
    append(tmp_path, "note", {}, "Ada")


# ---- killed


@pytest.mark.parametrize("kept", [1, 40, -1])
def test_a_torn_last_line_is_told_and_set_aside_by_an_entry_of_its_own(tmp_path: Path, kept: int) -> None:
    made = log_of(tmp_path)
    rewrite(tmp_path, lambda lines: [*lines[:-1], lines[-1][:kept]])
    torn = log_path(tmp_path).read_bytes().split(b"\n")[-1]
    assert whats(tmp_path) == [(5, "torn")]
    with pytest.raises(LedgerError, match="hanka log repair"):
        append(tmp_path, "note", {}, "Ada")
    done = repair(tmp_path, "Bob", AT)
    assert (done.kind, done.by, done.index, done.previous) == ("repair", "Bob", 4, made[3].hash)
    assert done.body == {"torn": torn.decode(), "bytes": len(torn), "sha256": hashlib.sha256(torn).hexdigest()}
    assert read(tmp_path) == (*made[:4], done)
    assert append(tmp_path, "note", {}, "Ada").index == 5


def test_a_first_line_that_is_torn_is_repaired_too(tmp_path: Path) -> None:
    log_path(tmp_path).write_bytes(b'{"body"')
    assert repair(tmp_path, "Bob").index == 0
    assert verify(tmp_path).is_whole


def test_only_a_torn_end_is_repaired(tmp_path: Path) -> None:
    log_of(tmp_path)
    before = log_path(tmp_path).read_bytes()
    with pytest.raises(LedgerError, match="nothing to repair"):
        repair(tmp_path, "Bob")
    log_path(tmp_path).write_bytes(before.replace(b'"n":2', b'"n":7') + b"{")
    with pytest.raises(LedgerError, match=r"line 3.*restore this one from a copy"):
        repair(tmp_path, "Bob")


KILLED = """
import os, sys
from pathlib import Path
from hanka.operations.ledger import append, entries
real = os.write
def stopped(handle, line):
    real(handle, line[: len(line) // 2])
    os._exit(9)
append(Path(sys.argv[1]), "note", {"n": 0}, "Ada")
entries.os.write = stopped
append(Path(sys.argv[1]), "note", {"n": 1}, "Ada")
"""


def test_a_process_killed_in_the_middle_of_a_write_loses_no_entry_and_holds_no_lock(tmp_path: Path) -> None:
    code = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], env=dict(os.environ), check=False).returncode
    assert code == 9
    assert whats(tmp_path) == [(2, "torn")]
    repair(tmp_path, "Bob")
    assert [one.kind for one in read(tmp_path)] == ["note", "repair"]


BOTH = """
import sys
from pathlib import Path
from hanka.operations.ledger import append
for i in range(25):
    append(Path(sys.argv[1]), "note", {"n": i}, sys.argv[2])
"""


def test_two_processes_append_to_one_log_without_losing_or_mixing_an_entry(tmp_path: Path) -> None:
    both = [subprocess.Popen([sys.executable, "-c", BOTH, str(tmp_path), name]) for name in ("Ada", "Bob")]
    assert [one.wait() for one in both] == [0, 0]
    found = read(tmp_path)
    assert len(found) == 50
    for name in ("Ada", "Bob"):
        assert [one.body["n"] for one in found if one.by == name] == list(range(25))


# ---- made to break the reader


def test_a_body_too_deep_to_be_hashed_is_refused_and_as_a_line_it_is_no_entry(tmp_path: Path) -> None:
    log_of(tmp_path, 1)
    for depth in (entries.DEEPEST, 700, 20_000):
        body: list[Any] = []
        for _ in range(depth):
            body = [body]
        with pytest.raises(LedgerError, match="flatter"):
            append(tmp_path, "note", {"x": body}, "Ada")
    line = log_path(tmp_path).read_bytes().replace(b'{"n":0}', b'{"n":' + b"[" * 800 + b"]" * 800 + b"}")
    log_path(tmp_path).write_bytes(line)
    assert whats(tmp_path) == [(1, "changed")]


def test_a_date_without_a_zone_is_no_entry(tmp_path: Path) -> None:
    log_of(tmp_path, 1)
    rewrite(tmp_path, lambda lines: [lines[0].replace(b"+00:00", b"")])
    assert [one.message for one in verify(tmp_path).breaks] == ["is no entry of a log"]


def test_a_clock_that_was_set_back_is_told_and_breaks_nothing(tmp_path: Path) -> None:
    made = [append(tmp_path, "note", {}, "Ada", AT - timedelta(days=days)) for days in (1, 3, 2)]
    found = verify(tmp_path)
    assert (found.is_whole, found.dated_back) == (True, [(made[1], made[0])])


def test_a_line_that_is_still_being_written_is_not_called_torn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log_of(tmp_path, 2)
    whole = log_path(tmp_path).read_bytes()
    log_path(tmp_path).write_bytes(whole[:-20])
    monkeypatch.setattr(entries.time, "sleep", lambda _: log_path(tmp_path).write_bytes(whole))
    assert verify(tmp_path).is_whole
