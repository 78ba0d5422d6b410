"""Words of the questions on what stands in a training set: mixes of tasks, specialists and generalists, in both languages."""

from __future__ import annotations

from collections.abc import Mapping

MIXES_EN: Mapping[str, str] = {
    "question_cocktail": "Does a mix of tasks beat the target alone?",
    "column_mix_kind": "Compared",
    "column_mix_target": "Target or test set",
    "column_mix": "Learnt together",
    "column_added_sets": "Added",
    "column_n_mixes": "Mixes",
    "column_mix_value": "Mix",
    "column_mix_rival": "Rival",
    "column_mix_difference": "Mix − rival",
    "column_mix_verdict": "Shown",
    "column_over_base": "Mix − base",
    "column_over_base_verdict": "Against base",
    "column_steps_ratio": "Steps, times the rival’s",
    "column_tokens_ratio": "Tokens, times the rival’s",
    "cocktail_gain": "target in the mix, against it alone",
    "cocktail_transfer": "target outside the mix, against it alone",
    "cocktail_forgetting": "instructions added, on a task no mix learns",
    "cocktail_own": "instructions added, on a task that is learnt",
    "mix_every_mix": "all mixes together",
    "axis_n_sets": "sets in the mix",
    "axis_over_single": "mix less target alone",
}
MIXES_JA: Mapping[str, str] = {
    "question_cocktail": "タスクを混ぜた学習は、目標だけの学習を上回るか",
    "column_mix_kind": "比較の内容",
    "column_mix_target": "目標またはテストセット",
    "column_mix": "一緒に学習したもの",
    "column_added_sets": "加えたもの",
    "column_n_mixes": "混合の数",
    "column_mix_value": "混合",
    "column_mix_rival": "比較相手",
    "column_mix_difference": "混合 − 比較相手",
    "column_mix_verdict": "判定",
    "column_over_base": "混合 − ベース",
    "column_over_base_verdict": "ベースとの比較",
    "column_steps_ratio": "ステップ数（相手の何倍か）",
    "column_tokens_ratio": "トークン数（相手の何倍か）",
    "cocktail_gain": "混合内の目標、単独との差",
    "cocktail_transfer": "混合外の目標、単独との差",
    "cocktail_forgetting": "指示データの追加、学習しないタスク",
    "cocktail_own": "指示データの追加、学習するタスク",
    "mix_every_mix": "全混合の平均",
    "axis_n_sets": "混合したデータセットの数",
    "axis_over_single": "混合と単独との差",
}
