from __future__ import annotations

import pytest

from hanka.datasets.scripts import SCRIPTS, script_of


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("My parcel has not arrived.", "latin"),
        ("荷物がまだ届きません。", "ja"),
        ("注文番号 ABC-1234 の荷物がまだ届きません。至急ご確認ください。", "ja"),
        ("Please greet 田中さん from me when you see them next week.", "latin"),
        ("包裹还没有到", "han"),
        ("소포가 아직 도착하지 않았습니다", "ko"),
        ("Посылка ещё не пришла", "cyrillic"),
        ("พัสดุยังมาไม่ถึง", "th"),
        ("12 + 30 = ?", "none"),
        ("", "none"),
    ],
)
def test_a_text_is_in_the_script_that_most_of_it_is_written_in(text: str, script: str) -> None:
    assert script_of(text) == script
    assert script in {*SCRIPTS, "none"}
