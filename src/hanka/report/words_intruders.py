"""Words of the question what intruder dimensions predict, in both languages."""

from __future__ import annotations

from collections.abc import Mapping

INTRUDERS_EN: Mapping[str, str] = {
    "question_intruders": "Do intruder dimensions predict forgetting?",
    "column_intruders": "Intruders",
    "column_null_intruders": "By a random change",
    "column_excess_intruders": "Beyond that, a matrix",
    "column_relative_change": "Size of the change",
    "column_forgotten": "Forgotten elsewhere",
    "column_edited_from": "Edited from",
    "column_intruders_saved": "Forgetting saved",
    "column_intruders_given_up": "Gain given up",
    "column_share_saved": "Share of forgetting",
    "column_beyond_control": "Beyond the control",
    "axis_intruders": "intruder dimensions",
    "axis_intruders_excess": "intruders beyond random changes",
}
INTRUDERS_JA: Mapping[str, str] = {
    "question_intruders": "侵入次元から忘却を予測できるか",
    "column_intruders": "侵入次元",
    "column_null_intruders": "ランダムな変化の場合",
    "column_excess_intruders": "行列あたりの超過",
    "column_relative_change": "変化の大きさ",
    "column_forgotten": "ほかでの忘却",
    "column_edited_from": "編集元",
    "column_intruders_saved": "忘却の減少",
    "column_intruders_given_up": "改善の減少",
    "column_share_saved": "忘却に対する割合",
    "column_beyond_control": "対照を上回る分",
    "axis_intruders": "侵入次元の数",
    "axis_intruders_excess": "ランダムな変化を超える侵入次元",
}
