"""Words of the question what carries over from one data set to another, in both languages."""

from __future__ import annotations

from collections.abc import Mapping

TRANSFER_EN: Mapping[str, str] = {
    "question_transfer_gain": "What carries over to other data sets?",
    "column_chosen_value": "Value in the chosen prompt",
    "column_gain_over_base": "Gain over base",
    "column_wording_spread": "Spread over prompts",
    "column_answers_per_second": "Answers per second",
    "column_unread": "Answers without a label",
}
TRANSFER_JA: Mapping[str, str] = {
    "question_transfer_gain": "ほかのデータセットに何が引き継がれるか",
    "column_chosen_value": "選んだプロンプトでの値",
    "column_gain_over_base": "ベースからの改善",
    "column_wording_spread": "プロンプト間のばらつき",
    "column_answers_per_second": "1 秒あたりの回答数",
    "column_unread": "ラベルのない回答",
}
