import re

import pytest

from hanka.datasets import data_card

NUMBER = re.compile(r"\d\.\d\d")
TOLERANCE = 0.03
"One row of 40 counted differently by another version of scikit-learn."


def table_of(text: str) -> str:
    return text.partition(data_card.BEGIN)[2].partition(data_card.END)[0].strip()


def test_the_committed_table_of_baselines_is_current() -> None:
    pytest.importorskip("sklearn", reason="scikit-learn measures the baselines of the data card")
    text = data_card.README.read_text(encoding="utf-8")
    fresh = data_card.rewritten(text)
    assert NUMBER.sub("#", fresh) == NUMBER.sub("#", text)
    committed = [float(number) for number in NUMBER.findall(table_of(text))]
    measured = [float(number) for number in NUMBER.findall(table_of(fresh))]
    assert measured == pytest.approx(committed, abs=TOLERANCE)


def test_a_readme_without_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="markers"):
        data_card.rewritten("# no table")


def test_every_file_of_the_folder_is_on_the_card() -> None:
    listed = {file.path for file in data_card.files()}
    assert listed == set(data_card.README.parent.rglob("*.jsonl"))
