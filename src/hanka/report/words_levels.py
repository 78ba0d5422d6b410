"""Words of the question which facts to train on, in both languages."""

from __future__ import annotations

from collections.abc import Mapping

LEVELS_EN: Mapping[str, str] = {
    "question_levels": "Facts of which level of knowledge, and how many, should one train on?",
    "column_levels_trained": "Level trained on",
    "column_levels_rows": "Facts there were",
    "column_levels_back": "Weights put back",
    "column_levels_0": "Tested: level 0",
    "column_levels_1": "Level 1",
    "column_levels_2": "Level 2",
    "column_levels_3": "Level 3",
    "column_levels_4": "Level 4",
    "column_levels_mean": "Mean over levels",
    "column_levels_gain": "Mean less base’s",
    "column_levels_verdict": "Verdict",
    "column_levels_tokens": "First token moved (nats)",
    "axis_levels_trained": "Level trained on",
    "axis_levels_mean": "Mean over levels",
}
LEVELS_JA: Mapping[str, str] = {
    "question_levels": "どの程度知っている知識を、何件学習させるべきか",
    "column_levels_trained": "学習した知識のレベル",
    "column_levels_rows": "実際の件数",
    "column_levels_back": "戻した重み",
    "column_levels_0": "テスト：レベル 0",
    "column_levels_1": "レベル 1",
    "column_levels_2": "レベル 2",
    "column_levels_3": "レベル 3",
    "column_levels_4": "レベル 4",
    "column_levels_mean": "レベル平均",
    "column_levels_gain": "ベースとの差（平均）",
    "column_levels_verdict": "判定",
    "column_levels_tokens": "最初のトークンの変化（nat）",
    "axis_levels_trained": "学習した知識のレベル",
    "axis_levels_mean": "レベル平均",
}
