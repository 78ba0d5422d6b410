"""Chat templates to try hanka on: every one that the installed TRL ships, and the manners of families that it does not."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

from tiny_models import tiny_tokenizer

LOOP = "{% for m in messages %}"
END = "{% endfor %}"

OWN = {
    # turns in brackets, content stripped, the system turn inside the first question, a space before the answer's end
    "brackets": (
        "{% if messages[0]['role'] == 'system' %}{% set s = '<<SYS>>' + messages[0]['content'] + '<</SYS>> ' %}"
        "{% set messages = messages[1:] %}{% else %}{% set s = '' %}{% endif %}" + LOOP +
        "{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}"
        "{% if m['role'] == 'user' %}{{ '<s>[INST] ' + (s if loop.first else '') + m['content'].strip() + ' [/INST]' }}"
        "{% else %}{{ ' ' + m['content'].strip() + ' </s>' }}{% endif %}" + END
    ),
    "no_space_brackets": LOOP + "{% if m['role'] == 'user' %}[INST]{{ m['content'] }}[/INST]{% elif m['role'] == 'system' %}"
    "[SYSTEM_PROMPT]{{ m['content'] }}[/SYSTEM_PROMPT]{% else %}{{ m['content'] }}</s>{% endif %}" + END,
    # words for turns, the end of text ends an answer
    "words": LOOP + "{% if m['role'] == 'user' %}USER: {{ m['content'] }}\n{% elif m['role'] == 'assistant' %}"
    "ASSISTANT: {{ m['content'] }}</s>\n{% else %}{{ m['content'] }}\n{% endif %}" + END +
    "{% if add_generation_prompt %}ASSISTANT: {% endif %}",
    # no end of a turn at all, and an end that is text
    "no_end": LOOP + "### {{ m['role'] }}\n{{ m['content'] }}" + END + "{% if add_generation_prompt %}### assistant\n{% endif %}",
    "text_end": LOOP + "{{ m['role'] }}: {{ m['content'] }} ##END\n" + END + "{% if add_generation_prompt %}assistant: {% endif %}",
    # the day's date, two formats
    "dated": LOOP + "{% if loop.first %}Today: {{ strftime_now('%d %b %Y') }} ({{ strftime_now(\"%A\") }})\n{% endif %}"
    "<|{{ m['role'] }}|>{{ m['content'] }}<|end|>\n" + END + "{% if add_generation_prompt %}<|assistant|>{% endif %}",
    # reasoning by a switch of another name, and reasoning that only the prompt opens
    "switch": LOOP + "<|{{ m['role'] }}|>{{ m['content'] }}<|end|>\n" + END + "{% if add_generation_prompt %}<|assistant|>"
    "{% if thinking is defined and thinking %}<think>\n{% endif %}{% endif %}",
    "always_thinks": LOOP + "<|{{ m['role'] }}|>{{ m['content'] }}<|end|>\n" + END +
    "{% if add_generation_prompt %}<|assistant|>[THINK]{% endif %}",
    # an answer is opened by a channel that a prompt leaves to the model
    "channel": LOOP + "{% if m['role'] == 'assistant' %}<|start|>assistant<|channel|>final<|message|>{{ m['content'] }}"
    "{{ '<|return|>' if loop.last else '<|end|>' }}{% else %}<|start|>{{ m['role'] }}<|message|>{{ m['content'] }}<|end|>{% endif %}"
    + END + "{% if add_generation_prompt %}<|start|>assistant{% endif %}",
    # no system turn: refused, or left out in silence
    "refuses_system": LOOP + "{% if m['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "<|{{ m['role'] }}|>{{ m['content'] | trim }}<|end|>\n" + END + "{% if add_generation_prompt %}<|assistant|>{% endif %}",
    "drops_system": LOOP + "{% if m['role'] != 'system' %}<|{{ m['role'] }}|>{{ m['content'] }}<|end|>\n{% endif %}" + END +
    "{% if add_generation_prompt %}<|assistant|>{% endif %}",
}  # fmt: skip
"Name → template in the manner of a family."

CONTROL = re.compile(r"<\|[\w>]+\|?>|<\w+\|>|<｜[^｜<>{}]+｜>|</?(?:start|end)_of_\w+>|\[/?INST\]")


def shipped() -> dict[str, str]:
    """Return the templates that the installed TRL ships, by name; empty without it. Nothing of it is imported."""
    found = importlib.util.find_spec("trl")
    if found is None or found.origin is None:
        return {}
    folder = Path(found.origin).parent / "chat_templates"
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.jinja"))}


def tokenizer_for(template: str) -> Any:
    """Return a tiny tokenizer that has the template, and its marks as control tokens."""
    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = template
    marks = sorted(set(CONTROL.findall(template)))
    tokenizer.add_special_tokens({"additional_special_tokens": marks})
    return tokenizer
