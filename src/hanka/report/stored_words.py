"""Japanese for what other stages store in English only: audit messages, places, notes, names of tests.

Serves the Japanese page. A stored text is matched as a whole; what is not known stays as it was stored. Audits, data sets
and models say these sentences (`audits/`, `datasets/`, `models/catalogue.py`); a test walks through theirs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

LONGEST = 2_000
"Characters of a text that is looked at."
BETWEEN = " × "
"Stands between two places that were compared."

SENTENCES: Mapping[str, str] = {
    "test rows: labels in turn while both last, so a limited test set is balanced and the whole one as published": (
        "テスト行は 2 つのラベルが尽きるまで交互に並ぶため、件数を絞ったテストセットは均等になり、全件では公開されたとおりです"
    ),
    # audits
    "labels outside the label set; these rows are left out": "ラベル一覧にないラベルの行です。使わずに除外しました",
    "labels outside the label set; these rows stay and can never be right": "ラベル一覧にないラベルの行です。残してあり、正解になることはありません",
    "rows stand twice": "同じ行が 2 回あります",
    "the same input stands on both sides": "同じ入力が両方にあります",
    "almost the same input stands on both sides": "ほぼ同じ入力が両方にあります",
    "test rows; left out of the pool": "テスト例と同じ行です。例示の候補から除外しました",
    "test rows shown in training, as published": "学習中にテスト例が例示されています（論文の手順どおり）",
    "test rows used as demonstrations, as published": "テスト例が例示に使われています（論文の手順どおり）",
    "what is inserted holds the row's own text": "挿入した文章に、その行の本文が含まれています",
    "what is inserted holds the reference word for word": "挿入した文章に、正解がそのまま含まれています",
    "a demonstration before the row is almost the row": "直前の例示が、その行とほぼ同じです",
    "pairs of labels have the same tokens, so nothing tells them apart; give them other words": "同じトークン列になるラベルの組があり、区別できません。別の語にしてください",
    "pairs of labels of which one begins the other: the shorter one wins, because no end of an answer is scored": "一方がもう一方の始まりになるラベルの組があります。答えの終わりを採点しないため、短いほうが必ず選ばれます",
    "rows have another label on the other side": "もう一方では別のラベルが付いている行です",
    "rows have an equal text with another label beside it": "同じ文章に別のラベルが付いた行です",
    "rows of their group stand on the other side": "同じグループの行がもう一方にもあります",
    "labels that no row has": "どの行にもないラベルです",
    "all rows have one label, so nothing can be told from another": "すべての行が同じラベルのため、区別できるものがありません",
    "rows have no supervised token left and teach nothing, as published": "教師トークンが残らず、何も学習されない行です（論文の手順どおり）",
    "a token holds the end of the prompt and the start of the answer; it is supervised whole": "1 つのトークンがプロンプトの末尾と答えの先頭にまたがるため、全体を教師信号に含めています",
    "a token holds the end of the prompt and the start of the answer; it is swallowed by the mask, as published": "1 つのトークンがプロンプトの末尾と答えの先頭にまたがるため、教師信号から外れています（論文の手順どおり）",
    "rows hold control tokens, which are read as the text they are": "制御トークンを含む行です。ただの文字列として読みます",
    "rows hold control tokens, which are read as what they control": "制御トークンを含む行です。制御トークンとして読みます",
    "the tokens before the answer differ between training and scoring": "答えの前のトークンが、学習時と採点時で異なります",
    # token policy
    "as asked": "プロンプトの直後",
    "behind the prompt": "プロンプトにテンプレートの続きを加えた位置",
    "as finished": "推論ブロックのない完成した発話と同じ位置",
    "as asked, unlike finished turns": "プロンプトの直後（完成した発話とは異なります）",
    "with the end-of-sequence token": "文末トークン",
    "as they are": "そのまま",
    "changed by what follows: nothing is shared": "後に続く内容で変わるため、共有しません",
    "left, masked; never attended": "左側に追加し、マスクします（注意の対象になりません）",
    "tokenised with the prompt; the answer begins where the ids first differ": "プロンプトと続けてトークン化し、ID が最初に異なる位置から答えとします",
    # models, data sets, licences
    "not stated": "記載なし",
    "not stated by the release: read only": "公開元に記載なし（閲覧のみ）",
    "may be CC BY-NC 4.0 upstream: evaluation only": "原典は CC BY-NC 4.0 の可能性あり（評価のみ）",
    "unclear upstream (sentences of CNN/DailyMail): evaluation only": "原典のライセンスが不明（CNN/DailyMail の文、評価のみ）",
    "MIT (package); texts belong to their authors": "MIT（パッケージ）。文章の権利は各著者にあります",
    "weights are 4-bit (GGUF Q4_1), de-quantised to float32; not the original checkpoint": "重みは 4 ビット（GGUF Q4_1）を float32 に逆量子化したもので、元のチェックポイントではありません",
    "weights are random: nothing was learnt before": "重みは乱数で、事前に何も学習していません",
    "hand-written for hanka with the help of a language model; small: read its intervals": "言語モデルの助けを借りて hanka のために書かれた小規模なデータです。区間に注意してください",
    "hand-written, 40 rows: for trying things out, not for conclusions": "手書きの 40 件。動作確認用で、結論を出すためのものではありません",
    "one-sentence summaries": "1 文の要約",
    "several-sentence summaries": "複数文の要約",
    "abstract → title": "要旨から題名",
    "question answering used backwards: text and answer → question": "質問応答を逆に使用（本文と答えから質問）",
    "binarised stars": "星の数を 2 値化",
    "binarised at 3.5 stars": "星 3.5 で 2 値化",
    "similarity binarised at 3.5": "類似度を 3.5 で 2 値化",
    "tokenised text": "分かち書きされた本文",
    "a few test rows carry the label '-' (no majority among annotators) and can never be right": "一部のテスト例はラベルが「-」（多数決が成立せず）で、正解になることはありません",
    "not_entailment is relabelled neutral": "not_entailment を neutral に置き換え",
    "synthetic: written by GPT-3": "合成データ（GPT-3 が作成）",
    "articles of about 280 words → one sentence; most are also in source paper": "約 280 語の記事から 1 文。大半は paper のデータにも含まれます",
    "540 → 97 words, copies much": "540 語から 97 語。原文の引き写しが多い",
    "dialogue → note section; under 100 rows": "対話から診療記録の 1 節。100 件未満",
    "passage (88 words) and yes/no → question; shares no passage with boolq": "本文（88 語）と yes/no から質問。boolq と本文の重複なし",
    "abstract (210 words) → its question": "要旨（210 語）からその質問",
    "410 words": "410 語",
    "plot summaries cropped to about 100 words around the answer": "答えの前後約 100 語に切り出したあらすじ",
    "mean of 20 raters; scores between -1 and 1 are left out": "評定者 20 人の平均。−1 から 1 の得点は除外",
    "single sentences": "単文",
    "same source as SST-2": "SST-2 と同じ出典",
    "yes/no question as second input: yes = entailment, no = contradiction, never neutral": "2 つ目の入力は yes/no の質問（yes = entailment、no = contradiction、neutral なし）",
    "yes/no/maybe questions; 210 words": "yes/no/maybe の質問。210 語",
    "yes/no questions, never neutral; 410 words": "yes/no の質問（neutral なし）。410 語",
    "minimal pairs: the wrong sentence differs by a word or a number": "最小対（誤文は 1 語または 1 つの数値だけが異なる）",
    "minimal pairs: the wrong sentence differs by a word or a number; never neutral": "最小対（誤文は 1 語または 1 つの数値だけが異なり、neutral なし）",
    "yes: answers to one question (noisy); no: a similar answer to another; word overlap alone has AUC 0.74": "yes は同じ質問への答え（ノイズあり）、no は別の質問への似た答え。語の重なりだけで AUC 0.74",
    "captions of photos; those of some photos are in jsts, too": "写真の説明文。一部の写真は jsts と共通",
    "SICK translated by people and labelled anew in Japanese; 2,000 pairs are tested": "SICK を人手で和訳し、ラベルを付け直したもの。2,000 組でテスト",
    "mean of several raters, 0 to 5": "複数の評定者の平均。0 から 5",
    "rated 1 to 5, jsts 0 to 5: compare correlations, not errors; 2,000 pairs are tested": "評定は 1 から 5（jsts は 0 から 5）のため、誤差ではなく相関を比べてください。2,000 組でテスト",
    "the answer that most annotators gave; JGLUE counts any of two or three, so its scores are higher": "正解は最も多くの作業者が挙げた答え。JGLUE は 2〜3 個のどれでも正解とするため、値はより高くなります",
    "five choices, asked by number": "5 つの選択肢から番号で回答",
    "CC BY 4.0 in its README, CC BY-SA 4.0 on its copies: keep to the stricter": "README では CC BY 4.0、再配布先では CC BY-SA 4.0（厳しいほうに従ってください）",
    # tests of a difference
    "mcnemar_mid_p": "マクネマー検定（mid-p）",
    "grouped_score": "グループ単位のスコア検定",
    "jackknife_t": "ジャックナイフ法による t 検定",
    "sign_flip": "符号反転検定",
    "identical": "差のある例なし",
    # engines and training
    "nothing is shared: dropout draws anew for every row": "ドロップアウトが行ごとに異なるため、計算を共有していません",
    "untrained it is not its base: vblora mixes both factors of every change from a drawn bank, so that it begins beside its base": "学習前の時点でベースと一致しません：vblora は変化分の因子を乱数で初期化したベクトル群から合成するため、ベースからずれた状態で始まります",
    "untrained it is not its base: unilora draws both factors of every change at random, so that it begins beside its base": "学習前の時点でベースと一致しません：unilora は変化分の因子を乱数で初期化するため、ベースからずれた状態で始まります",
    "untrained it is not its base: orthogonal begins with two matrices whose product is zero but for rounding": "学習前の時点でベースと一致しません：orthogonal の 2 つの行列の積は、丸め誤差を除いて 0 です",
    "untrained it is not its base: use_dora scales weights by lengths it measured itself, in bfloat16 equal to its base but for rounding": "学習前の時点でベースと一致しません：use_dora は重みの長さを測り直して掛けるため、bfloat16 では丸め誤差だけずれます",
    "untrained it is not its base: deft takes directions out of the weights and puts them back, equal to its base but for rounding": "学習前の時点でベースと一致しません：deft は重みから方向を取り除いて戻すため、丸め誤差だけずれます",
    "untrained it is not its base: hra multiplies by its identity in floating point, so that an untrained one differs from its base by rounding": "学習前の時点でベースと一致しません：hra は学習前も浮動小数点で鏡映を掛けるため、丸め誤差だけずれます",
    "untrained it is not its base: osf puts the weights together from their singular directions, equal to its base but for rounding": "学習前の時点でベースと一致しません：osf は重みを特異方向から組み立て直すため、丸め誤差だけずれます",
    "untrained it is not its base: vectors that are not trained yet stand before every row, and every token sees them": "学習前の時点でベースと一致しません：学習前のベクトルが各行の前に置かれ、すべてのトークンから参照されます",
    "untrained it is not its base: fourierft draws its coefficients, so that it begins beside its base": "学習前の時点でベースと一致しません：fourierft は係数を乱数で初期化するため、ベースからずれた状態で始まります",
    "untrained it is not its base: c3a draws its blocks at random, so that it begins beside its base": "学習前の時点でベースと一致しません：c3a はブロックを乱数で初期化するため、ベースからずれた状態で始まります",
    "untrained it is not its base: frod puts the weights together from factors that layers share, equal to its base but for rounding": "学習前の時点でベースと一致しません：frod は層に共通の因子から重みを組み立て直すため、丸め誤差だけずれます",
    "answers are hashes, not a model's": "答えはモデルではなくハッシュ値によるものです",
}  # fmt: skip
"Stored text → Japanese."

PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.DOTALL), said)
    for pattern, said in (
        (
            r"rows do not fit max_length (\d+) and are left out",
            r"max_length \1 に収まらない行です。使わずに除外しました",
        ),
        (r"(.+) \(gated: (?:accept it|accept them|agree) on the hub first\)", r"\1（要申請：先にハブで同意が必要）"),
        (r"rows are cut at max_length (\d+), as published", r"max_length \1 で切り詰めた行です（論文の手順どおり）"),
        (r"references are longer than (\d+) tokens", r"正解が \1 トークンより長い行です"),
        (r"rows are missing of the (\d+) asked", r"求めた \1 件に足りない行です"),
        (
            r"untrained it is not its base: (\w+) splits the weights into an adapter and a rest, equal to its base but for rounding",
            r"学習前の時点でベースと一致しません：\1 は重みをアダプターと残りに分けるため、丸め誤差だけずれます",
        ),
        (
            r"(typos|synonyms|word_order|negation|counterfactual_labels|edited|hypothesis_only|premise_removed) of (.+)",
            r"\2 の行を変更（\1）",
        ),
        (r"rows are padded, nothing is shared: (.+)", r"行をパディングしており、計算を共有していません：\1"),
    )
)
"Stored sentences with numbers in them."

PLACES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.DOTALL), said)
    for pattern, said in (
        (r"(.+): (\d+) train, (\d+) test, (\d+) demonstrations", r"\1：学習 \2 件、テスト \3 件、例示 \4 件"),
        (r"(.+): (\d+) train, (\d+) test", r"\1：学習 \2 件、テスト \3 件"),
        (r"(.+): (\d+) train, (\d+) validation, (\d+) test", r"\1：学習 \2 件、検証 \3 件、テスト \4 件"),
        (r"its demonstrations", "その例示"),
        (r"its validation", "その検証データ"),
        (r"its task's tests", "同じタスクのテスト"),
        (r"(.+) demonstrations in training", r"\1 の学習時の例示"),
        (r"(.+) demonstrations", r"\1 の例示"),
        (r"(.+) train, validation", r"\1 の検証データ"),
        (r"(.+) train \(seed (\d+)\)", r"\1 の学習データ（シード \2）"),
        (r"(.+) train", r"\1 の学習データ"),
        (r"(.+) test, ([^,]+)", r"\1 のテスト（\2）"),
        (r"(.+) test", r"\1 のテスト"),
        (r"(.+) on (.+), ([\d,]+) rows", r"\2 \3 件で学習した \1"),
    )
)
"Places that an audit looked at."


def in_japanese(text: str) -> str:
    """Return a stored English text in Japanese, or as it is where it is not known."""
    if text in SENTENCES:
        return SENTENCES[text]
    if len(text) > LONGEST:
        return text
    for pattern, said in PATTERNS:
        found = pattern.fullmatch(text)
        if found:
            return found.expand(said)
    return text


def place_in_japanese(text: str) -> str:
    """Return the place that an audit looked at in Japanese; names stay as they are."""
    return text if len(text) > LONGEST else BETWEEN.join(_place(part) for part in text.split(BETWEEN))


def _place(text: str) -> str:
    for pattern, said in PLACES:
        found = pattern.fullmatch(text)
        if found:
            return found.expand(said)
    return text
