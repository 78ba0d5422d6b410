"""What the words of the report mean, in both languages: the definitions at its end.

Kept apart from `words_en.py` and `words_ja.py` because these are sentences a researcher may check, not
labels. Every `term_…` has its `about_…`.
"""

from __future__ import annotations

from collections.abc import Mapping

TERMS_EN: Mapping[str, str] = {
    "term_decision": "Decision",
    "about_decision": "Adopt: a gain in domain is shown against the base model however it was asked, and on no test set is "
    "a loss above the declared harm left open. Trade-off: the gain is shown, and so is a loss. Do not adopt: no system can gain "
    "what would be worthwhile. Not decided yet: anything else, with what would decide it.",
    "term_variant": "Variant",
    "about_variant": "One adapted model: base model × method × parameters × training set × size × seed.",
    "term_cell": "Cell",
    "about_cell": "One variant on one test set with one shot count, prompt and draw of demonstrations.",
    "term_in_domain": "In domain",
    "about_in_domain": "Same task and same declared domain as the training data.",
    "term_out_of_domain": "Out of domain",
    "about_out_of_domain": "Same task, text from another declared domain.",
    "term_cross_task": "Cross task",
    "about_cross_task": "Another task than the one trained on.",
    "term_shots": "Shots",
    "about_shots": "Solved demonstrations placed before the query; 0-shot has none.",
    "term_primary_metric": "Primary metric",
    "about_primary_metric": "The metric that verdicts rest on: accuracy where answers are labels, ROUGE-L for "
    "free text, solved where answers are verified, mean absolute error for numbers, bits per byte where text is only "
    "scored; unless the task names another.",
    "term_verdict": "Verdict",
    "about_verdict": "Better or worse than the base model on the same samples if the interval that holds for all cells "
    "together lies beyond 0; equivalent if it lies within the declared margin; leaning if only the interval of this "
    "comparison alone excludes 0; else undecided.",
    "term_interval": "Interval",
    "about_interval": "{level} confidence interval. For differences it is paired by sample. Beside a verdict stands the "
    "interval that holds for all cells of the study together; the one of the comparison alone is in the tables.",
    "term_p_together": "p, all together",
    "about_p_together": "How often signs drawn by lot give any comparison of the study a statistic as large as this: it "
    "bounds the chance of even one false verdict among them.",
    "term_right_wrong": "Right → wrong, wrong → right",
    "about_right_wrong": "Samples the base model answered correctly and the adapted one does not (forgotten), and the "
    "reverse (learned). Beyond asking again: less what the base itself loses when it is asked once more in other words or "
    "with other demonstrations. By luck alone: what a base that guesses anew, and two independent guessers, would lose; "
    "figures to compare with, not bounds.",
    "term_label_share": "Label share",
    "about_label_share": "Share of free-text outputs that are nothing but a label of the trained task.",
    "term_distinct_share": "Distinct outputs",
    "about_distinct_share": "Different outputs divided by all outputs; compare it at equal n.",
    "term_length_ratio": "Length ratio",
    "about_length_ratio": "Length of the output divided by length of the reference, averaged.",
    "term_cap_hits": "Reached the cap",
    "about_cap_hits": "Share of outputs that ran into the generation cap instead of ending by themselves.",
    "term_solved": "Solved, reward",
    "about_solved": "Reward: how right the task’s verifier finds an answer, 0 to 1; an output without an answer earns 0. "
    "Solved: the share of answers with full reward.",
    "term_correlation": "Pearson’s r, Spearman’s ρ",
    "about_correlation": "Correlation of the numbers that the model wrote with the reference, of values and of ranks. "
    "An output without a number counts as the number of the test set’s range that is farthest from its reference.",
    "term_bits_per_byte": "Bits per byte, nats per token",
    "about_bits_per_byte": "How many bits the model needs per UTF-8 byte of a text that nothing is asked about; less is "
    "better. Nats per token is the same per token and compares models of one tokenizer only.",
    "term_trivial": "Trivial baseline",
    "about_trivial": "An answer that needs no model, scored like any other: one label for all, or the first sentence.",
    "term_unparsed": "Not parsed",
    "about_unparsed": "An output that the task could not read as an answer. It counts as wrong where labels are "
    "scored.",
}

TERMS_JA: Mapping[str, str] = {
    "term_decision": "結論",
    "about_decision": "採用可：ベースモデルのどの聞き方に対してもドメイン内の改善が示され、どのテストセットでも"
    "許容幅を超える低下の可能性が否定された場合。一長一短：改善と同時に低下も示された場合。採用せず：意味のある"
    "改善が見込めない場合。未確定：それ以外で、判断に必要な件数を添えます。",
    "term_variant": "バリアント",
    "about_variant": "適応後のモデル 1 つ。ベースモデル × 手法 × パラメーター × 学習データ × 学習件数 × "
    "シードで決まります。",
    "term_cell": "セル",
    "about_cell": "1 つのバリアントを、1 つのテストセット、ショット数、プロンプト、例示の抽出で評価したもの。",
    "term_in_domain": "ドメイン内",
    "about_in_domain": "学習データとタスクも宣言されたドメインも同じテストセット。",
    "term_out_of_domain": "ドメイン外",
    "about_out_of_domain": "タスクは同じで、宣言されたドメインが異なるテストセット。",
    "term_cross_task": "別タスク",
    "about_cross_task": "学習したタスクとは異なるタスクのテストセット。",
    "term_shots": "ショット数",
    "about_shots": "質問の前に置く例示（解答済みの例）の数。0-shot では例示を置きません。",
    "term_primary_metric": "主要指標",
    "about_primary_metric": "判定に使う指標。ラベルで答えるタスクでは正解率、自由記述では ROUGE-L、"
    "検証できる答えでは正答率、数値では平均絶対誤差、文章の採点ではバイトあたりビット数"
    "です（タスクが別の指標を定める場合を除く）。",
    "term_verdict": "判定",
    "about_verdict": "同じテスト例でベースモデルと比べ、全セル同時の区間が 0 から離れていれば改善または悪化、"
    "事前に定めた幅に収まれば同等、この比較単独の区間だけが 0 を含まなければ傾向あり、それ以外は未確定とします。",
    "term_interval": "区間",
    "about_interval": "{level} 信頼区間。差の区間はテスト例ごとに対応を取っています。判定の横に示すのはスタディの全セルで"
    "同時に成り立つ区間で、比較単独の区間は表に示します。",
    "term_p_together": "p 値（同時補正後）",
    "about_p_together": "符号をくじで決めたとき、スタディ中のいずれかの比較がこれほど大きな値を取る割合。"
    "1 つでも誤った判定が混じる確率を抑えます。",
    "term_right_wrong": "正解 → 不正解、不正解 → 正解",
    "about_right_wrong": "ベースモデルが正解し、適応後のモデルが誤った例（忘却）と、その逆（習得）。"
    "「聞き直しを超える分」は、ベースモデルに別の言い方や別の例示で聞き直したときに失われる分を引いたもの。"
    "「偶然だけの場合」は、当て推量をやり直した場合と、独立に当て推量をした場合に失われる割合で、目安であり限界ではありません。",
    "term_label_share": "ラベル出力率",
    "about_label_share": "自由記述の出力のうち、学習したタスクのラベルだけからなるものの割合。",
    "term_distinct_share": "出力の多様性",
    "about_distinct_share": "異なる出力の数を全出力数で割った値。n が等しいものどうしで比べてください。",
    "term_length_ratio": "長さの比",
    "about_length_ratio": "出力の長さを正解の長さで割った値の平均。",
    "term_cap_hits": "上限到達率",
    "about_cap_hits": "自然に終わらず、生成長の上限に達した出力の割合。",
    "term_solved": "正答率、報酬",
    "about_solved": "報酬は、タスクの検証器が答えに与える 0 から 1 の値で、答えのない出力は 0 です。"
    "正答率は、報酬が満点の答えの割合。",
    "term_correlation": "ピアソンの r、スピアマンの ρ",
    "about_correlation": "モデルが書いた数値と正解の、値どうし・順位どうしの相関。数値のない出力は、"
    "テストセットの正解の範囲のうち、その正解から最も遠い数値とみなします。",
    "term_bits_per_byte": "バイトあたりビット数、トークンあたりナット数",
    "about_bits_per_byte": "何も問わない文章を予測するのに、UTF-8 の 1 バイトあたり何ビット必要か。小さいほど良い値です。"
    "トークンあたりナット数は同じ量をトークンで割ったもので、同じトークナイザーのモデルどうしでのみ比べられます。",
    "term_trivial": "単純ベースライン",
    "about_trivial": "モデルを必要としない答え（全例に同じラベル、入力の最初の文など）を、同じ方法で採点したもの。",
    "term_unparsed": "解析不能",
    "about_unparsed": "タスクの答えとして読み取れなかった出力。ラベルの採点では誤りとして数えます。",
}
