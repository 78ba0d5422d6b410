"""A chat template as one study reads it: what stands before an answer, what ends it, and nothing that changes by the day.

A template is asked twice about one question: for a prompt, and for the finished turn. What it puts before the answer of a
finished turn is where an answer is trained and scored, so both equal the template's own rendering. For most templates that is the
prompt itself; some go on (a channel, an empty block of reasoning), and some prompts open a block of reasoning, which a finished
turn without any does not have. Dates are fixed by `tokens.date`.

Limits: reasoning is told by the marks in `BLOCKS`; tools, images and documents are not offered to a template.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cached_property
from typing import Any, Literal, NamedTuple, TypeAlias

from hanka.errors import DataError
from hanka.prompting.control import control_tokens
from hanka.prompting.encoded import TextPolicy, Tokenizer

Turn: TypeAlias = Mapping[str, str]
"A message: its `role` (system, user or assistant) and its `content`."

BLOCKS = (
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("[THINK]", "[/THINK]"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<seed:think>", "</seed:think>"),
    ("<|channel>thought", "<channel|>"),
)
"How models mark reasoning: what opens a block, and what closes it."
SWITCHES = ("enable_thinking", "thinking")
"What templates call the switch of reasoning."
NOW = re.compile(r"strftime_now\(\s*(['\"])(.*?)\1\s*\)")
QUESTION, ANSWER = "\u27e8question\u27e9", "\u27e8answer\u27e9"
SYSTEM = "\u27e8system\u27e9"


class Probed(NamedTuple):
    """What a template makes of one question and one answer."""

    asked: str
    "Between the question and the model's first token in a prompt."
    opening: str
    "Between the question and the answer in a finished turn."
    ending: str
    "Behind the answer."


class Chat:
    """The chat template of one tokenizer under one policy. Raises DataError in one line where it cannot be used."""

    def __init__(self, tokenizer: Tokenizer, policy: TextPolicy) -> None:
        self.tokenizer, self.policy = tokenizer, policy
        self.template = _dated(_text_of(tokenizer), date.fromisoformat(policy.date))
        self._in_parts = False
        self._options: dict[str, bool] = {}
        known = {name: policy.reasons for name in SWITCHES if re.search(rf"\b{name}\b", self.template)}
        if known and self._renders([_user(QUESTION)], known):
            self._options = known
        self.probed = self._probe()
        if policy.system:
            self.require_system("tokens.system")

    # ---- rendering

    def render(self, turns: Sequence[Turn], *, ask: bool) -> str:
        """Render a conversation; ask: with what opens the model's turn."""
        conversation: list[Any] = [
            {**turn, "content": [{"type": "text", "text": turn["content"]}]} if self._in_parts else dict(turn)
            for turn in turns
        ]
        try:
            return str(
                self.tokenizer.apply_chat_template(
                    conversation,
                    chat_template=self.template,
                    tokenize=False,
                    add_generation_prompt=ask,
                    **self._options,
                )
            )
        except Exception as error:  # a template is a program: it may raise anything
            why = " ".join(str(error).split())[:200] or type(error).__name__
            raise DataError(f"the chat template cannot render {_roles(turns)}: {why}") from error

    def prompt(self, turns: Sequence[Turn]) -> str:
        """Render what stands before the model's answer to the last turn."""
        if self.policy.reasons or not self._goes_on:
            return self.render(turns, ask=True)
        whole = self.render([*turns, _assistant(ANSWER)], ask=False)
        if ANSWER not in whole:
            raise DataError(f"the chat template leaves the answer out behind {_roles(turns)}")
        return whole[: whole.rindex(ANSWER)]

    def require_system(self, where: str) -> None:
        """Raise DataError where the template refuses a system turn, or leaves it out; where: what asks for one."""
        if not self._takes_system:
            raise DataError(f"{where}: this model's chat template takes no system turn; put its text into the prompt")

    @cached_property
    def _takes_system(self) -> bool:
        try:
            return SYSTEM in self.render([{"role": "system", "content": SYSTEM}, _user(QUESTION)], ask=True)
        except DataError:
            return False

    def _renders(self, turns: Sequence[Turn], options: dict[str, bool]) -> bool:
        before, self._options = self._options, options
        try:
            return bool(self.render(turns, ask=True))
        except DataError:
            return False
        finally:
            self._options = before

    # ---- what a template does

    def _probe(self) -> Probed:
        try:
            asked = self.render([_user(QUESTION)], ask=True)
        except DataError:
            asked = ""
        if QUESTION not in asked:  # some templates read content as a list of parts
            self._in_parts = True
            try:
                asked = self.render([_user(QUESTION)], ask=True)
            except DataError as error:
                raise DataError(f"tokens.template is `chat`: {error}") from error
        if QUESTION not in asked:
            raise DataError("tokens.template is `chat`, but this model's chat template leaves the question out")
        asked_at = asked.rindex(QUESTION) + len(QUESTION)
        try:
            whole = self.render([_user(QUESTION), _assistant(ANSWER)], ask=False)
        except DataError:  # a template of prompts alone
            return Probed(asked[asked_at:], asked[asked_at:], "")
        if ANSWER not in whole or QUESTION not in whole:
            raise DataError("tokens.template is `chat`, but this model's chat template leaves the answer out")
        cut = whole.rindex(ANSWER)
        opening = whole[whole.rindex(QUESTION) + len(QUESTION) : cut]
        return Probed(asked[asked_at:], opening, whole[cut + len(ANSWER) :])

    @cached_property
    def _goes_on(self) -> bool:
        """Whether an answer begins elsewhere than where the prompt ends."""
        asked, opening, _ = self.probed
        if opening.startswith(asked):
            return opening != asked
        return open_block(asked) is not None

    @property
    def joins(self) -> Literal["as asked", "behind the prompt", "as finished", "as asked, unlike finished turns"]:
        """Say where an answer begins: audits and records show it."""
        asked, opening, _ = self.probed
        if opening == asked:
            return "as asked"
        if opening.startswith(asked):
            return "behind the prompt"
        return "as finished" if self._goes_on else "as asked, unlike finished turns"

    @cached_property
    def changes_earlier_turns(self) -> bool:
        """Whether what an earlier turn looks like depends on what follows it."""
        earlier = [_user(QUESTION), _assistant(ANSWER)]
        longer = self.prompt([*earlier, _user("\u27e8again\u27e9")])
        whole = self.render(earlier, ask=False)
        return not longer.startswith(whole[: whole.rindex(ANSWER) + len(ANSWER)] + self.turn_end)

    @cached_property
    def turn_end(self) -> str:
        """What ends an assistant's turn: its first run of control tokens, else the text behind it; empty where there is none."""
        ending = self.probed.ending
        control = control_tokens(self.tokenizer)
        run = re.match(rf"\s*(?:{'|'.join(map(re.escape, control))})+", ending) if control else None
        return run[0] if run else ending.rstrip()

    @property
    def reasoning(self) -> tuple[str, str]:
        """What closes a block of reasoning, and what stands between that and an answer. Raises DataError without one."""
        _, opening, _ = self.probed
        for opened, closed in BLOCKS:
            if opened in self.template or closed in self.template:
                return closed, opening.rpartition(closed)[2] if closed in opening else "\n\n"
        raise DataError(
            "tokens.thinking: this model's chat template has no block of reasoning that hanka knows; set it to off"
        )


def open_block(text: str) -> str | None:
    """Return the mark of the block of reasoning that a text leaves open, or None."""
    for opened, closed in BLOCKS:
        if text.rfind(opened) > text.rfind(closed):
            return opened
    return None


def _text_of(tokenizer: Tokenizer) -> str:
    """Return the template's text; of several, the one for plain conversations."""
    found = getattr(tokenizer, "chat_template", None)
    if isinstance(found, Mapping):
        found = found.get("default")
    if not found:
        raise DataError("tokens.template is `chat`, but this tokenizer has no chat template; set it to plain")
    return str(found)


def _dated(template: str, day: date) -> str:
    """Return a template with the date it asks for written into it, so that it says the same tomorrow."""
    fixed = NOW.sub(lambda match: repr(day.strftime(match[2])), template)
    if re.search(r"strftime_now\s*\(", fixed):
        raise DataError(
            "this model's chat template asks for the time in a way that cannot be fixed; set template: plain"
        )
    return fixed


def _user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def _assistant(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


def _roles(turns: Sequence[Turn]) -> str:
    return " → ".join(turn["role"] for turn in turns)
