"""Words of the question whether a document is better distilled, tuned on or looked up, in both languages."""

from __future__ import annotations

from collections.abc import Mapping

DISTILLATION_EN: Mapping[str, str] = {
    "question_distillation": "Is a document better distilled, tuned on, or looked up?",
    "column_arm": "System",
    "column_arm_asked": "Asked",
    "column_against": "Against",
    "column_against_asked": "It is asked",
    "column_arm_value": "Value",
    "column_against_value": "Its value",
    "column_arm_less_against": "Difference",
    "column_arm_verdict": "Shown",
    "column_arm_exact": "Exact match",
    "column_against_exact": "Its exact match",
    "column_open_book_value": "Teacher, open book",
    "distillation_closed": "from memory",
    "distillation_retrieve": "document looked up",
    "distillation_open_book": "document at hand",
}
DISTILLATION_JA: Mapping[str, str] = {
    "question_distillation": "文書は、蒸留・学習・検索のどれで使うのがよいか",
    "column_arm": "システム",
    "column_arm_asked": "質問の仕方",
    "column_against": "比較相手",
    "column_against_asked": "相手への質問の仕方",
    "column_arm_value": "値",
    "column_against_value": "相手の値",
    "column_arm_less_against": "差",
    "column_arm_verdict": "判定",
    "column_arm_exact": "完全一致率",
    "column_against_exact": "相手の完全一致率",
    "column_open_book_value": "文書を示した教師",
    "distillation_closed": "文書なし",
    "distillation_retrieve": "文書を検索",
    "distillation_open_book": "該当文書を提示",
}
