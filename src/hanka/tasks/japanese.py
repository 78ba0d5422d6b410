"""Four tasks asked in Japanese: inference, similarity of sentences, questions about a text, questions with choices.

p1 says what to do and is what is trained and tested with; p2 asks the same in other words. Labels are Japanese words,
and numbers where a choice is made; nothing stands between a prompt's colon and its answer, as Japanese is written.
Source: the tasks of Kurihara et al. (2022), "JGLUE: Japanese General Language Understanding Evaluation", LREC, whose
metrics come first; the wording is hanka's own, so numbers do not compare with those of other prompts.
"""

from __future__ import annotations

from hanka.metrics import DEFAULT_METRICS
from hanka.tasks.base import Task

REFERENCE = "Kurihara et al. (2022), JGLUE, LREC"
LINE = ("\n",)
"A written answer of these tasks is one line."

INFERENCE_JA = Task(
    name="inference-ja",
    kind="classification",
    prompts={
        "p1": "前提と仮説の関係を、含意、矛盾、中立のいずれかで答えてください。\n前提：{input_1}\n仮説：{input_2}\n関係：",
        "p2": "「{input_1}」という文が正しいとき、「{input_2}」という文は必ず正しい（含意）、必ず誤り（矛盾）、"
        "どちらとも言えない（中立）のどれですか。\n答え：",
    },
    metrics=DEFAULT_METRICS["classification"],
    labels=("含意", "矛盾", "中立"),
    description="natural-language inference in Japanese: does the second text follow from the first?",
    reference=REFERENCE,
)

SIMILARITY_JA = Task(
    name="similarity-ja",
    kind="regression",
    prompts={
        "p1": "二つの文の意味がどのくらい近いかを、0（まったく異なる）から5（同じ意味）までの数値で答えてください。\n"
        "文1：{input_1}\n文2：{input_2}\n類似度：",
        "p2": "文A：{input_1}\n文B：{input_2}\n文Aと文Bの意味の近さを5点満点で採点すると何点ですか。\n点数：",
    },
    metrics=("pearson", "spearman", "mae"),
    stop=LINE,
    description="how near two Japanese sentences are in meaning, as a number",
    reference=REFERENCE,
)

READING_JA = Task(
    name="reading-ja",
    kind="generation",
    prompts={
        "p1": "文章を読んで、質問の答えを文章中から抜き出してください。\n文章：{input}\n質問：{question}\n答え：",
        "p2": "{input}\n上の文章によると、次の質問の答えは何ですか。文章中の言葉で短く答えてください。\n{question}\n答え：",
    },
    metrics=("character_f1", "exact_match", "rouge_l", "length_ratio", "distinct_share", "label_share", "cap_hits"),
    stop=LINE,
    description="answer a question about a Japanese text in words of the text",
    reference=REFERENCE,
)

CHOICE_JA = Task(
    name="choice-ja",
    kind="classification",
    prompts={
        "p1": "質問の答えとして最も適切なものを選択肢から選び、番号で答えてください。\n質問：{input}\n選択肢：\n"
        "1. {choice_1}\n2. {choice_2}\n3. {choice_3}\n4. {choice_4}\n5. {choice_5}\n答え：",
        "p2": "{input}\n（1）{choice_1}（2）{choice_2}（3）{choice_3}（4）{choice_4}（5）{choice_5}\n"
        "この中で最もふさわしいものの番号：",
    },
    metrics=DEFAULT_METRICS["classification"],
    labels=("1", "2", "3", "4", "5"),
    description="choose one of five answers to a Japanese question of common sense, by its number",
    reference=REFERENCE,
)
