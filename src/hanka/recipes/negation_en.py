"""One plain English statement negated, or its negation undone; anything else is refused with a reason.

Negation goes to the first auxiliary of the main clause (`is` → `is not`), or to one of a few verbs whose form says what it is (`likes` → `does not
like`). What could make the result mean something else than the opposite is refused: several clauses, quantifiers, adverbs of frequency, and/or,
questions. "A man is asleep" is read as speaking of the man, as inference data sets do, so "A man is not asleep" is its opposite.
"""

from __future__ import annotations

import re

from hanka.recipes.spans import TextChange

AUXILIARIES = (
    "is",
    "are",
    "was",
    "were",
    "am",
    "can",
    "could",
    "will",
    "would",
    "does",
    "do",
    "did",
    "has",
    "have",
    "had",
)
ALSO_NOUNS = frozenset(("can", "will"))
"Auxiliaries that are nouns behind a determiner."
DETERMINERS = frozenset(
    (
        "a",
        "an",
        "the",
        "his",
        "her",
        "their",
        "its",
        "my",
        "your",
        "our",
        "this",
        "that",
        "one",
        "red",
        "new",
        "old",
        "big",
        "small",
    )
)
CONTRACTED = {
    "isn't": "is", "aren't": "are", "wasn't": "was", "weren't": "were", "can't": "can", "cannot": "can", "couldn't": "could",
    "won't": "will", "wouldn't": "would", "doesn't": "does", "don't": "do", "didn't": "did", "hasn't": "has", "haven't": "have",
    "hadn't": "had",
}  # fmt: skip
SHORT = re.compile(
    r"\b(it|he|she|that|there|this)['\u2019]s\b|\b(i)['\u2019]m\b|\b(you|we|they)['\u2019]re\b", re.IGNORECASE
)
"Pronouns with a verb of their own."
UNCLEAR = frozenset(
    [
        "all",
        "some",
        "every",
        "each",
        "any",
        "many",
        "few",
        "most",
        "much",
        "several",
        "both",
        "either",
        "neither",
        "nor",
        "no",
        "none",
        "nobody",
        "nothing",
        "nowhere",
        "never",
        "always",
        "often",
        "sometimes",
        "usually",
        "rarely",
        "seldom",
        "hardly",
        "barely",
        "scarcely",
        "only",
        "just",
        "even",
        "also",
        "too",
        "still",
        "yet",
        "already",
        "again",
        "almost",
        "nearly",
        "everyone",
        "everybody",
        "everything",
        "someone",
        "somebody",
        "something",
        "anyone",
        "anybody",
        "anything",
        "and",
        "or",
        "but",
        "if",
        "because",
        "since",
        "although",
        "though",
        "unless",
        "until",
        "while",
        "when",
        "where",
        "who",
        "whom",
        "whose",
        "which",
        "what",
        "how",
        "why",
        "that",
        "than",
        "so",
        "as",
        "before",
        "after",
        "except",
        "without",
        "must",
        "may",
        "might",
        "should",
        "least",
        "half",
        "another",
        "other",
        "more",
    ]
)
"Words whose part in a statement changes with negation, or that join clauses."
POSSESSED = frozenset(
    [
        "a",
        "an",
        "the",
        "his",
        "her",
        "their",
        "its",
        "my",
        "your",
        "our",
        "this",
        "these",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
    ]
)
PARTICIPLES = frozenset(
    [
        "been",
        "gone",
        "done",
        "made",
        "had",
        "seen",
        "taken",
        "given",
        "come",
        "become",
        "left",
        "lost",
        "found",
        "told",
        "held",
        "kept",
        "built",
        "bought",
        "sold",
        "sent",
        "met",
        "won",
    ]
)
VERBS = {
    "likes": "like", "wants": "want", "knows": "know", "thinks": "think", "says": "say", "makes": "make", "takes": "take", "gives": "give",
    "goes": "go", "comes": "come", "sees": "see", "eats": "eat", "wears": "wear", "sits": "sit", "holds": "hold", "lives": "live",
    "loves": "love", "believes": "believe", "owns": "own", "belongs": "belong", "contains": "contain", "includes": "include",
    "owes": "owe", "speaks": "speak", "sleeps": "sleep", "reads": "read", "writes": "write", "brings": "bring", "becomes": "become",
    "remains": "remain", "seems": "seem", "consists": "consist", "exists": "exist", "depends": "depend", "agrees": "agree",
}  # fmt: skip
"Third persons that are no nouns, and what they are of."
PAST = {
    "went": "go", "took": "take", "gave": "give", "ate": "eat", "wore": "wear", "knew": "know", "wrote": "write", "began": "begin",
    "drove": "drive", "chose": "choose", "spoke": "speak", "became": "become", "flew": "fly", "grew": "grow", "threw": "throw",
    "drank": "drink", "sang": "sing", "swam": "swim", "rode": "ride", "stole": "steal", "forgot": "forget",
}  # fmt: skip
"Pasts that are no participles."
WORD = re.compile(r"[A-Za-z]+(?:['\u2019][A-Za-z]+)?")
NO_VERB = "no verb that can be negated"
NOT_ONE = "not one plain statement"
UNCLEAR_SCOPE = "a word that would mean something else under negation"


def negated(text: str) -> TextChange:
    """Return the opposite of a statement."""
    body = text.strip()
    inner = body.rstrip(".!")
    if re.search(r"[.!?;:,()\"\u201c\u2014\n]", inner) or body.endswith("?"):
        return TextChange(None, NOT_ONE)
    words = [match[0].lower().replace("\u2019", "'") for match in WORD.finditer(inner)]
    if any(word in UNCLEAR for word in words):
        return TextChange(None, UNCLEAR_SCOPE)
    is_negative = [word for word in words if word == "not" or word in CONTRACTED]
    if is_negative:
        new = _undone(text) if len(is_negative) == 1 else None
        return _counted(new, words, "a negation that cannot be undone")
    return _counted(_with_not(text), words, NO_VERB)


def _counted(new: str | None, words: list[str], why: str) -> TextChange:
    return TextChange(None, why) if new is None else TextChange(new, "", len(words), 1, 1)


def _undone(text: str) -> str | None:
    """Return a statement without its one negation; None where that does not stand by an auxiliary."""
    joined = "|".join(AUXILIARIES)
    new, n = re.subn(rf"\b({joined}) not\b", r"\1", text, flags=re.IGNORECASE)
    if not n:
        new, n = re.subn(rf"({SHORT.pattern}) not\b", r"\1", text, flags=re.IGNORECASE)
    if n:
        return new
    for match in WORD.finditer(text):
        plain = CONTRACTED.get(match[0].lower().replace("\u2019", "'"))
        if plain is not None:
            return text[: match.start()] + _as_begun(match[0], plain) + text[match.end() :]
    return None


def _as_begun(old: str, new: str) -> str:
    return new.capitalize() if old[:1].isupper() else new


def _with_not(text: str) -> str | None:
    """Return a statement with a negation at its first verb that can take one; None without such a verb."""
    matches = list(WORD.finditer(text))
    for at, match in enumerate(matches):
        word = match[0].lower()
        if at and word in ALSO_NOUNS and matches[at - 1][0].lower() in DETERMINERS:
            continue
        if at and word in AUXILIARIES:
            after = matches[at + 1][0].lower() if at + 1 < len(matches) else ""
            new = _auxiliary(word, after)
            return None if new is None else text[: match.start()] + new + text[match.end() :]
        if SHORT.fullmatch(match[0]):
            return f"{text[: match.end()]} not{text[match.end() :]}"
        if at and word in VERBS:
            return f"{text[: match.start()]}does not {VERBS[word]}{text[match.end() :]}"
        if at and word in PAST:
            return f"{text[: match.start()]}did not {PAST[word]}{text[match.end() :]}"
    return None


def _auxiliary(word: str, after: str) -> str | None:
    """Return an auxiliary with its negation; of to have, what comes after says whether it is one."""
    if word == "can":
        return "cannot"
    if word in ("has", "have", "had"):
        if after in POSSESSED:
            return {"has": "does not have", "have": "do not have", "had": "did not have"}[word]
        if after not in PARTICIPLES and not after.endswith(("ed", "en")):
            return None
    if word in ("do", "does", "did") and after in POSSESSED:  # a verb of its own
        return {"do": "do not do", "does": "does not do", "did": "did not do"}[word]
    return f"{word} not"
