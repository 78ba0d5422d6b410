"""Tokenizers of bases that read text: what is asked is spelt exactly, so that questions are asked of them as of any other base."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from hanka.errors import DataError, ModelError

END = 256
"The id of the end of a text, beside those of the 256 bytes; how a served model spells it is its own."
TURN, SAID = "\u241e", "\u241f"
"What begins a turn, and what stands between its role and its text."


class ByteTokenizer:
    """Text as its UTF-8 bytes: ids that spell prompts and labels exactly."""

    bos_token_id: int | None = None
    eos_token_id: int | None = None
    bos_token: str | None = None
    chat_template: str | None = None

    def __call__(self, text: list[str], *, add_special_tokens: bool) -> dict[str, list[list[int]]]:
        """Return the bytes of texts; there are no special tokens."""
        return {"input_ids": [list(one.encode("utf-8", "surrogatepass")) for one in text]}

    def apply_chat_template(self, conversation: list[dict[str, str]], **options: Any) -> str:
        """Refuse: what reads text alone knows no turns."""
        raise ModelError("this base has no chat template; set tokens.template to plain")

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text that ids spell."""
        return bytes(ids).decode("utf-8", "surrogatepass")


class ServedTokenizer(ByteTokenizer):
    """The same for a model behind an endpoint, whose tokenizer and chat template are the server's own."""

    eos_token_id: int | None = END
    chat_template: str | None = "turns, in the server's own template"

    def apply_chat_template(
        self, conversation: list[dict[str, str]], *, add_generation_prompt: bool = False, **options: Any
    ) -> str:
        """Write turns one behind the other, each after its role; `turns_of` reads them. Raises DataError for text with the marks."""
        for turn in conversation:
            if TURN in turn["content"] or SAID in turn["content"]:
                raise DataError(f"a text holds {TURN} or {SAID}, by which turns are told apart here; replace it")
        text = "".join(f"{TURN}{turn['role']}{SAID}{turn['content']}" for turn in conversation)
        return text + f"{TURN}assistant{SAID}" if add_generation_prompt else text


def turns_of(text: str) -> list[dict[str, str]]:
    """Return the turns that a text of `ServedTokenizer` holds; one that is only opened is left out."""
    found = (turn.partition(SAID) for turn in text.split(TURN)[1:])
    return [{"role": role, "content": content} for role, _, content in found if content or role != "assistant"]


def spelt(ids: Iterable[int]) -> str:
    """Return the text that bytes spell, without ends."""
    return bytes(one for one in ids if one < END).decode("utf-8", "surrogatepass")
