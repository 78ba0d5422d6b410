"""Verifier `yes_no`: the first word of an answer, if it says yes or no; what follows it is explanation."""

from __future__ import annotations

import re

from hanka.records import Judgement
from hanka.tasks.verifiers import Output, Verifier, VerifierParams

WORDS = {
    "yes": "yes",
    "true": "yes",
    "right": "yes",
    "はい": "yes",
    "no": "no",
    "false": "no",
    "wrong": "no",
    "いいえ": "no",
}
FIRST = re.compile(r"[\W_]*([^\W_]+)")


class YesNoParams(VerifierParams):
    """How strictly it reads."""

    synonyms: bool = True
    "Whether true and right mean yes, false and wrong no."


def _read(text: str, params: YesNoParams) -> str | None:
    found = FIRST.match(text)
    word = found[1].casefold() if found else ""
    return WORDS.get(word) if params.synonyms or word in ("yes", "no") else None


def _verify(output: Output, params: YesNoParams) -> Judgement:
    wanted, answer = _read(output.target, params), _read(output.answer, params)
    if wanted is None:
        raise ValueError(f"target {output.target[:40]!r} begins with neither yes nor no")
    if answer is None:
        return Judgement(None, 0.0, f"{output.answer[:30]!r} begins with neither yes nor no")
    return Judgement(answer, float(answer == wanted), f"read {answer!r}")


YES_NO = Verifier(
    name="yes_no",
    reference="the first word of the answer",
    description="yes or no, by the first word",
    verify=_verify,
    params=YesNoParams,
    version=1,
)
