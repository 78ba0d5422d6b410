"""Words of the question that re-tests what a paper claims, in both languages."""

from __future__ import annotations

from collections.abc import Mapping

CLAIMS_EN: Mapping[str, str] = {
    "question_seven_claims": "What of the main paper’s seven claims holds here?",
    "column_claim": "Claim",
    "column_compared": "First – second (demonstrations)",
    "column_expected": "Paper: the first is",
    "column_difference": "Difference",
    "column_outcome": "Here",
    "expected_higher": "higher",
    "expected_lower": "lower",
    "expected_not_higher": "not higher",
    "expected_not_lower": "not lower",
    "expected_equal": "equal",
    "outcome_held": "held",
    "outcome_contradicted": "contradicted",
    "outcome_undecided": "undecided",
    "axis_difference": "difference",
    "axis_statement": "row of the table",
}
CLAIMS_JA: Mapping[str, str] = {
    "question_seven_claims": "元論文の 7 つの主張は、ここでも成り立つか",
    "column_claim": "主張",
    "column_compared": "前者 – 後者（例示数）",
    "column_expected": "論文では前者が",
    "column_difference": "差",
    "column_outcome": "ここでは",
    "expected_higher": "高い",
    "expected_lower": "低い",
    "expected_not_higher": "高くない",
    "expected_not_lower": "低くない",
    "expected_equal": "同程度",
    "outcome_held": "支持",
    "outcome_contradicted": "反対の結果",
    "outcome_undecided": "未確定",
    "axis_difference": "差",
    "axis_statement": "表の行番号",
}
