"""Words of the first screen where a model is weighed against another one, not against itself before: no “before” and “after”."""

from __future__ import annotations

RIVAL_ENGLISH: dict[str, str] = {
    "fact_share": "of 100 answers {after} are right, and {before} of {rival}’s",
    "fact_share_same": "of 100 answers {after} are right, as many as of {rival}’s",
    "fact_score": "{metric} is {after}, and {before} with {rival}",
    "fact_score_same": "{metric} is {after}, the same as with {rival}",
    "tiles": "{rival} and the adapted model",
    "tile_before": "{rival}",
    "tile_after": "adapted",
    "tile_rival": "{rival} had {shots} solved examples in its prompt",
}
RIVAL_JAPANESE: dict[str, str] = {
    "fact_share": "100 件中 {after} 件が正解（{rival} は {before} 件）",
    "fact_share_same": "100 件中 {after} 件が正解（{rival} と同じ）",
    "fact_score": "{metric}は {after}（{rival} は {before}）",
    "fact_score_same": "{metric}は {after}（{rival} と同じ）",
    "tiles": "{rival} と適応後のモデル",
    "tile_before": "{rival}",
    "tile_after": "適応後",
    "tile_rival": "{rival} のプロンプトには解答例が {shots} 件あります",
}
