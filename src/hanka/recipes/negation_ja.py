"""One plain Japanese statement negated, or its negation undone; anything else is refused with a reason.

Negation stands at the end of the statement: its ending is exchanged for the other of a pair (です / ではありません, ます / ません, ている / ていない, …).
Verbs in the plain form are taken where their ending says how they are conjugated; what needs a dictionary (話した → 話さなかった) is refused, and
so is what could make the result mean something else: several clauses, quantifiers, guesses, questions.
"""

from __future__ import annotations

import re

from hanka.recipes.negation_en import NO_VERB, NOT_ONE, UNCLEAR_SCOPE
from hanka.recipes.spans import KANJI, KATAKANA, TextChange, japanese_runs

UNCLEAR = re.compile(
    "て、|で、|が、|し、|り、|く、|ので|のに|から、|けど|けれど|ば、|たら|なら|と、|ながら|と思|かもしれ|でしょう|だろう|らしい|よう(?:だ|です)|そう(?:だ|です)"
    "|の(?:だ|です)$|ん(?:だ|です)$|から(?:だ|です)$|すべて|全て|全員|全部|みんな|みな|皆|誰か|だれか|何か|なにか|誰も|何も|いくつか|だけ|しか(?!った)|いつも|必ず"
    "|ときどき|時々|たまに|ほとんど|あまり|または|あるいは|もし(?!ろ)|まだ|もう|さえ|ばかり|ちっとも|決して|たくさん|多くの|一部"
)
"Words whose part in a statement changes with negation, that join clauses, or that make it a guess."
NOUNS = (
    "きれい", "嫌い", "きらい", "みたい", "くらい", "ぐらい", "幸い", "違い", "思い", "願い", "祝い", "戦い", "笑い", "争い", "狙い", "扱い", "使い",
    "匂い", "勢い", "手伝い", "占い", "住まい", "向かい", "誓い", "救い", "せい", "つい", "らい",
)  # fmt: skip
"Nouns and na-adjectives that end as i-adjectives do."
STEM = (
    "(?:し|良|よ|高|大き|小さ|多|少な|安|悪|白|黒|赤|青|強|弱|早|速|遅|暑|寒|熱|冷た|長|短|重|軽|古|若|広|狭|近|遠|深|浅|太|細|甘|辛|痛|暗|明る"
    "|面白|眠|怖|うま|つら|ひど|すご|かわい|危な|汚|固|硬|厚|薄|優し|温か|暖か|おもしろ)"
)
"What i-adjectives begin with, or end with before the い."
SURU = rf"((?:[{KANJI}]{{2}}|[{KATAKANA}]{{2}}|を))"
UNDONE = (
    ("(?:では|じゃ)ありませんでした$", "でした"), ("ませんでした$", "ました"), ("(?:では|じゃ)ありません$", "です"), ("ません$", "ます"),
    ("(?:では|じゃ)なかった$", "だった"), ("(?:では|じゃ)ないです$", "です"), ("(?:では|じゃ)ない$", "だ"), ("くなかったです$", "かったです"), ("くないです$", "いです"),
    ("くなかった$", "かった"), ("くない$", "い"), ("([てで])いなかった$", r"\1いた"), ("([てで])いない$", r"\1いる"), ("がなかった$", "があった"),
    ("がない$", "がある"), ("がいなかった$", "がいた"), ("がいない$", "がいる"), (f"{SURU}しなかった$", r"\1した"), (f"{SURU}しない$", r"\1する"),
    ("できなかった$", "できた"), ("できない$", "できる"),
)  # fmt: skip
DONE = (
    ("でした$", "ではありませんでした"), ("ました$", "ませんでした"), ("ます$", "ません"), (f"(?<![い]){STEM}かったです$", "{}くなかったです"),
    ("いいです$", "よくないです"), ("いです$", "くないです"), ("です$", "ではありません"), ("だった$", "ではなかった"), (f"{STEM}かった$", "{}くなかった"),
    ("いい$", "よくない"), (f"{STEM}い$", "{}くない"), ("である$", "ではない"), ("([てで])いる$", r"\1いない"), ("([てで])いた$", r"\1いなかった"),
    ("がある$", "がない"), ("があった$", "がなかった"), ("がいる$", "がいない"), ("がいた$", "がいなかった"), (f"{SURU}する$", r"\1しない"),
    (f"{SURU}した$", r"\1しなかった"), ("できる$", "できない"), ("できた$", "できなかった"), ("(?<![んい])だ$", "ではない"),
)  # fmt: skip
"Ending → its negation; {} stands for what an adjective's ending follows."


def negated(text: str) -> TextChange:
    """Return the opposite of a statement."""
    body = text.strip()
    inner = body.rstrip("。．.！!")
    tail = text[text.index(inner) + len(inner) :] if inner else ""
    if not inner or re.search(r"[。！？?!「」\n]", inner) or inner.endswith("か") or body.endswith(("？", "?")):
        return TextChange(None, NOT_ONE)
    if UNCLEAR.search(inner):
        return TextChange(None, UNCLEAR_SCOPE)
    new = _exchanged(inner, UNDONE) or ("" if _is_negative(inner) else _of_noun(inner) or _exchanged(inner, DONE))
    if not new:
        return TextChange(None, NO_VERB)
    head = text[: text.index(inner)]
    return TextChange(head + new + tail, "", len(japanese_runs(inner)), 1, 1)


def _is_negative(text: str) -> bool:
    """Tell whether a statement ends in a negation that no pair undoes."""
    return bool(re.search(r"(ない|なかった|ないです|なかったです|ず)$", text))


def _of_noun(text: str) -> str:
    """Negate nouns and na-adjectives that end as i-adjectives do; empty where it ends otherwise."""
    for noun in NOUNS:
        if text.endswith(noun + "です"):
            return text.removesuffix("です") + "ではありません"
    return ""


def _exchanged(text: str, pairs: tuple[tuple[str, str], ...]) -> str:
    """Exchange the first ending that fits; empty where none does."""
    for ending, new in pairs:
        match = re.search(ending, text)
        if match and "{}" in new:
            kept = re.match(STEM, match[0])
            return text[: match.start()] + new.format(kept[0] if kept else "")
        if match:
            return text[: match.start()] + match.expand(new)
    return ""
