"""Conversations as data: turns up to the one that is answered, and how files write them.

A task whose prompt is `{messages}` asks conversations. In an example they stand as JSON, written and read here. Files hold them as chat
APIs do (`role`, `content`) or as ShareGPT does (`from`, `value`); content may be a list of parts, of which text is read. Limits: turns
of tools, and images, are not read; a row that holds one is left out for that reason.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from hanka.identity import canonical

MESSAGES = "messages"
"Input field that holds a conversation up to the turn that is answered."
COLUMNS = (MESSAGES, "conversations", "conversation")
"What files call the column, unless `fields` says."
ROLES: Mapping[str, str] = {
    "system": "system", "developer": "system", "user": "user", "human": "user", "assistant": "assistant", "gpt": "assistant",
    "model": "assistant", "bot": "assistant", "chatgpt": "assistant",
}  # fmt: skip
"What files call a role → the role."


def asks_messages(template: str) -> bool:
    """Tell whether a prompt template asks conversations."""
    return template.strip() == f"{{{MESSAGES}}}"


def written_messages(turns: Sequence[Mapping[str, str]]) -> str:
    """Return a conversation as the field of an example."""
    return canonical([{"role": turn["role"], "content": turn["content"]} for turn in turns])


def read_messages(text: str) -> list[dict[str, str]]:
    """Return the turns of a field that `written_messages` wrote."""
    found: list[dict[str, str]] = json.loads(text)
    return found


def conversation(value: Any) -> list[dict[str, str]]:
    """Read a conversation of a file, which ends in an answer. Raises ValueError that says what is wrong with it."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise ValueError("is text, not a list of messages") from None
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise ValueError("is no list of messages" if value else "is empty")
    turns = [_turn(place, one) for place, one in enumerate(value, start=1)]
    roles = [turn["role"] for turn in turns]
    if "user" not in roles:
        raise ValueError("has no turn of a user")
    if roles[-1] != "assistant":
        raise ValueError(f"ends with a turn of the {roles[-1]}, so nothing answers it")
    if "assistant" in roles[: roles.index("user")]:
        raise ValueError("begins with an answer, before any turn of a user")
    return turns


def answered(turns: Sequence[Mapping[str, str]], *, every: bool) -> list[tuple[str, str]]:
    """Return (conversation so far, answer) of the last turn, or of every turn of the assistant."""
    places = [place for place, turn in enumerate(turns) if turn["role"] == "assistant"]
    return [(written_messages(turns[:place]), turns[place]["content"]) for place in (places if every else places[-1:])]


def _turn(place: int, one: Any) -> dict[str, str]:
    if not isinstance(one, Mapping):
        raise ValueError(f"has a turn ({place}) that is no message with `role` and `content`")
    said = one.get("role", one.get("from"))
    role = ROLES.get(str(said).lower())
    if role is None:
        raise ValueError(f"has a turn ({place}) of role {said!r}, which is not read")
    if one.get("tool_calls"):
        raise ValueError(f"has a turn ({place}) that calls tools, which are not read")
    content = one.get("content", one.get("value"))
    if isinstance(content, Sequence) and not isinstance(content, str):
        content = _text_of_parts(place, content)
    if not isinstance(content, str) or not content.strip():
        raise ValueError(f"has a turn ({place}, {role}) without text")
    return {"role": role, "content": content.strip() if role == "assistant" else content}


def _text_of_parts(place: int, parts: Sequence[Any]) -> str:
    texts = []
    for part in parts:
        if not isinstance(part, Mapping) or part.get("type", "text") != "text" or not isinstance(part.get("text"), str):
            kind = part.get("type") if isinstance(part, Mapping) else type(part).__name__
            raise ValueError(f"has a turn ({place}) with a part of type {kind!r}, which is not read")
        texts.append(part["text"])
    return "".join(texts)
