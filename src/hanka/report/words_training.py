"""Words of the section that says whether variants trained, in both languages."""

from __future__ import annotations

from collections.abc import Mapping

TRAINING_EN: Mapping[str, str] = {
    "trained": "Did it train?",
    "trained_lead": "A variant that did not fit its own rows says nothing about whether adapting would pay. Own rows are a "
    "sample of those it was trained on; validation rows were never trained on. Losses are in nats per supervised token.",
    "trained_caption": "Own rows and validation rows, before → after training",
    "trained_status": "Training",
    "own_loss": "Loss, own rows",
    "own_accuracy": "Accuracy, own rows",
    "validation_loss": "Loss, validation",
    "validation_accuracy": "Accuracy, validation",
    "kept_step": "Step kept",
    "curve_caption": "Loss by optimizer step. Each point is the mean of the steps since the one before; validation rows where "
    "they were looked at.",
    "curve_label": "Training curves of {count} variants",
    "curve_own": "training rows",
    "curve_validation": "validation rows",
    "collapses_title": "Cells whose outputs have collapsed: {count}",
    "collapses_caption": "One answer, label words or repeated text in most of a cell’s outputs",
    "what_came_out": "What came out",
    "outputs_share": "Share of outputs",
    "no_training": "Nothing is stored about how any variant trained.",
    "axis_step": "optimizer step",
    "axis_nats": "nats per token",
    "status_fitted": "fitted",
    "status_undertrained": "undertrained",
    "status_overtrained": "overtrained",
    "status_collapsed": "collapsed",
    "status_silent": "changed nothing",
}

TRAINING_JA: Mapping[str, str] = {
    "trained": "学習はできているか",
    "trained_lead": "自身の学習例に適合していないバリアントからは、適応の効果を判断できません。「自身の学習例」は学習に使った例の一部、"
    "「検証例」は学習に使っていない例です。損失の単位は、教師トークンあたりの nats です。",
    "trained_caption": "学習例と検証例に対する値（学習前 → 学習後）",
    "trained_status": "学習の状態",
    "own_loss": "損失（学習例）",
    "own_accuracy": "正解率（学習例）",
    "validation_loss": "損失（検証例）",
    "validation_accuracy": "正解率（検証例）",
    "kept_step": "採用したステップ",
    "curve_caption": "ステップごとの損失。各点は直前の点からの平均です。検証例は測定した時点の値を示します。",
    "curve_label": "{count} バリアントの学習曲線",
    "curve_own": "学習例",
    "curve_validation": "検証例",
    "collapses_title": "出力が崩れているセル：{count} 個",
    "collapses_caption": "出力の大半が同じ答え、ラベル語だけ、または語句の繰り返しになっているセル",
    "what_came_out": "出力の様子",
    "outputs_share": "出力に占める割合",
    "no_training": "学習の経過は保存されていません。",
    "axis_step": "ステップ",
    "axis_nats": "nats／トークン",
    "status_fitted": "適合",
    "status_undertrained": "学習不足",
    "status_overtrained": "過学習",
    "status_collapsed": "出力の崩壊",
    "status_silent": "変化なし",
}
