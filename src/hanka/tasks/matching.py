"""Entity matching: do two descriptions mean the same thing in the world?

Four prompts: a full wording or a short one, with or without the two words that may be answered.

    p1  full, forced      p2  full, free      p3  short, forced      p4  short, free

The first label is the match, whose F1 comes first. An answer may go on behind its first line: what is trained on explanations writes
the answer, a line break and the explanation, and is read up to the line break. Prompts end in a space, which belongs to the
answer's first token.
Source: Steiner, Peeters & Bizer (2024), arXiv 2409.08185: four wordings, answer first; the wording is hanka's own, so numbers do not
compare with theirs. Three more prepare training rows: `matching-explaining` asks why a pair matches, `matching-interest` whether it is worth
learning from, `matching-writing` for pairs that are hard to tell.
"""

from __future__ import annotations

from hanka.tasks.base import Task

REFERENCE = "Steiner, Peeters & Bizer (2024), arXiv 2409.08185"
YES, NO = "Yes", "No"
LEFT, RIGHT = "left", "right"
"Fields that are asked with."
RECORDS = ("left_record", "right_record")
"Fields of rows that have attributes, not asked with: each side as `COL name VAL text …`."
FULL = "Do these two descriptions of entities refer to one and the same real-world entity?"
SHORT = "Do the two entities match?"
FORCED = " Answer Yes if they do and No if they do not."
PAIR = "\nEntity 1: {left}\nEntity 2: {right}\nAnswer: "
WORDINGS = {"p1": "full, forced", "p2": "full, free", "p3": "short, forced", "p4": "short, free"}
"What each prompt set is, for readers."

MATCHING = Task(
    name="matching",
    kind="classification",
    prompts={"p1": FULL + FORCED + PAIR, "p2": FULL + PAIR, "p3": SHORT + FORCED + PAIR, "p4": SHORT + PAIR},
    metrics=("positive_f1", "accuracy", "macro_f1"),
    labels=(YES, NO),
    stop=("\n",),
    verifier="label_word",
    description="do two descriptions mean the same thing in the world?",
    reference=REFERENCE,
)

INTEREST = Task(
    name="matching-interest",
    kind="classification",
    prompts={
        "p1": "A model learns to tell whether two descriptions mean the same entity. Would this pair be an interesting example for it, "
        "one that is hard to tell? Answer Yes or No.\nEntity 1: {left}\nEntity 2: {right}\nAnswer: ",
    },
    metrics=("positive_f1", "accuracy", "macro_f1"),
    labels=(YES, NO),
    stop=("\n",),
    verifier="label_word",
    description="is a pair of descriptions an interesting training example?",
    reference=REFERENCE,
)

EXPLAINING = Task(
    name="matching-explaining",
    kind="generation",
    prompts={
        "p1": "Two descriptions, and whether they mean the same entity. {request}\nEntity 1: {left}\nEntity 2: {right}\nThe same entity: {answer}\n"
        "Explanation:\n",
    },
    metrics=("rouge_l", "exact_match", "length_ratio", "distinct_share", "label_share", "cap_hits"),
    stop=("\n\n",),
    description="explain why two descriptions mean the same thing, or not",
    reference=REFERENCE,
)

WRITING = Task(
    name="matching-writing",
    kind="generation",
    prompts={
        "p1": "Write four new pairs of entity descriptions like the example, of the same category: three that look alike and are not the "
        "same entity, and one that is. The two sides of a pair are never written alike. One pair a line: left ||| right ||| Yes or No."
        "\n{left} ||| {right}\n",
    },
    metrics=("rouge_l", "exact_match", "length_ratio", "distinct_share", "label_share", "cap_hits"),
    stop=("\n\n",),
    description="write pairs of descriptions that are hard to tell, like an example",
    reference=REFERENCE,
)
