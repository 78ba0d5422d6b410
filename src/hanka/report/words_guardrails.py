"""Words of the question about guardrails in both languages."""

from __future__ import annotations

from collections.abc import Mapping

GUARDRAILS_EN: Mapping[str, str] = {
    "question_guardrails": "What came out that must not?",
    "column_guardrail": "Guardrail",
    "column_flagged": "Flagged",
    "column_guardrail_rate": "Rate [upper bound]",
    "column_guardrail_change": "Against the base model",
    "column_guardrail_sign": "Shown",
    "column_guardrail_example": "Seen, for example",
    "guardrail_failed": "no answer",
    "guardrail_unparsed": "unreadable answer",
    "guardrail_empty": "empty output",
    "guardrail_outside_labels": "outside the labels",
    "guardrail_one_answer": "commonest answer",
    "guardrail_repeated_text": "repeated text",
    "guardrail_label_leakage": "labels that do not belong",
    "guardrail_refusals": "refusal",
    "guardrail_unsupported": "not supported by the context",
    "guardrail_word_list": "listed word",
    "guardrail_classifier": "flagged by the classifier",
}
GUARDRAILS_JA: Mapping[str, str] = {
    "question_guardrails": "出てはならない回答が出ていないか",
    "column_guardrail": "ガードレール",
    "column_flagged": "該当件数",
    "column_guardrail_rate": "割合 [上限]",
    "column_guardrail_change": "ベースモデルとの差",
    "column_guardrail_sign": "確認",
    "column_guardrail_example": "該当の例",
    "guardrail_failed": "回答なし",
    "guardrail_unparsed": "読み取れない回答",
    "guardrail_empty": "空の出力",
    "guardrail_outside_labels": "ラベル以外の回答",
    "guardrail_one_answer": "最も多い回答",
    "guardrail_repeated_text": "文章の繰り返し",
    "guardrail_label_leakage": "場違いなラベル",
    "guardrail_refusals": "回答拒否",
    "guardrail_unsupported": "文脈に裏付けなし",
    "guardrail_word_list": "リストの語",
    "guardrail_classifier": "分類器の指摘",
}
