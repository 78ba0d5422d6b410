"""Answers of a model behind an endpoint.

Labels are scored as the engine `local` scores them, by the log-probability of each word behind the question and of what may end an
answer, where the server gives log-probabilities of a prompt; else they are written and read. Text is written with the server's own
sampling. Every answer is kept as it comes (`responses.py`); what the work took is in the cell's record.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hanka.engines.contract import Decoding, LabelAnswer, Refusal, TextAnswer, TextScore, WrittenLabel
from hanka.engines.served.answers import behind_reasoning, cut_text, label_answer, read_text, stepped_answer
from hanka.engines.served.asking import CHAT, COMPLETIONS, Asker
from hanka.engines.served.scores import (
    GIVES_NONE,
    PROBES,
    Echo,
    answer_scores,
    cut_of,
    in_place,
    next_token,
    read_echo,
)
from hanka.engines.served.steps import ALL_TOKENS, Path, paths_of, prompts_of, read_next, tail_of
from hanka.engines.served.written import constraint, label_tokens, read_label
from hanka.errors import UnitError
from hanka.identity import stream_seed
from hanka.models.served import HOW_LABELS, ServedModel
from hanka.models.spelling import END, spelt, turns_of
from hanka.prompting import Query
from hanka.prompting.prompter import SEPARATOR

LINE_END = "\n"
"What may end an answer, beside an empty line and the model's own end of text."
MOST_STOPS = 4
"Stop texts that servers take."


class ServedEngine:
    """Answers with a server."""

    def __init__(self, lent: ServedModel, batch_tokens: int) -> None:
        self.served = lent.served
        self.batch_tokens = batch_tokens
        self.asker = Asker(lent)
        self._reads_prompts: bool | None = None
        self._line_ends: tuple[str, ...] | None = None

    context_length = 1 << 20
    "Tokens that fit are the server's to know: it refuses what does not."

    @property
    def notes(self) -> tuple[str, ...]:
        """Say what a reader of its numbers must know."""
        found = [self.served.note]
        if self._reads_prompts is False:
            found.append(
                "the server's log-probabilities of a prompt are not those of its tokens (found by continuing known texts); labels are "
                "scored by what it says of the token it would write next"
            )
        if self.served.labels == "logprobs" and not self.served.eos:
            found.append(
                "labels are scored with a line's end behind them, not with the model's end of text (`server.eos`)"
            )
        return tuple(found)

    def halve(self) -> bool:
        """Nothing here is too large."""
        return False

    def account(self) -> dict[str, Any]:
        """Return what answering took since the last call: requests, those answered before, and seconds of one."""
        return self.asker.account()

    # ---- labels

    def score_labels(self, queries: Sequence[Query]) -> Sequence[LabelAnswer | WrittenLabel | Refusal]:
        """Return every label's log-likelihood, or the label that was written; see `Engine`."""
        if self.served.labels != "logprobs":
            return self._written(queries)
        return self._scored_whole(queries) if self._in_place() else self._scored_by_steps(queries)

    def _scored_whole(self, queries: Sequence[Query]) -> list[LabelAnswer | Refusal]:
        """Score every label with every end behind its question, as one text each."""
        places = [
            (at, label, end)
            for at, query in enumerate(queries)
            for label in range(len(query.labels))
            for end in self._ends(query)
        ]
        texts = [queries[at].text + spelt(queries[at].labels[label]) + end for at, label, end in places]
        by_query: dict[int, list[tuple[int, str, Echo | Refusal, int | None]]] = {}
        for (at, label, end), (echo, count) in zip(places, self._echoes(texts), strict=True):
            by_query.setdefault(at, []).append((label, end, echo, count))
        return [label_answer(query, by_query[at], self.served.eos) for at, query in enumerate(queries)]

    def _scored_by_steps(self, queries: Sequence[Query]) -> list[LabelAnswer | Refusal]:
        """Score every label token by token, by what the server might write next."""
        found: list[LabelAnswer | Refusal] = []
        planned = self._paths(queries)
        wanted = [
            {} if isinstance(paths, Refusal) else prompts_of(query.text, paths)
            for query, paths in zip(queries, planned, strict=True)
        ]
        body = self.asker.body({"max_tokens": 1, "temperature": 0, "logprobs": ALL_TOKENS})
        asked = [(prompt, tuple(sorted(tokens))) for one in wanted for prompt, tokens in one.items()]
        unique = list(dict.fromkeys(asked))
        bodies = [body | {"prompt": prompt} for prompt, _ in unique]
        read = dict(zip(unique, self.asker.ask(COMPLETIONS, bodies, [read_next(tokens) for _, tokens in unique],
                                          [list(tokens) for _, tokens in unique]), strict=True))  # fmt: skip
        for query, paths, mine in zip(queries, planned, wanted, strict=True):
            answers = {prompt: read[prompt, tuple(sorted(tokens))] for prompt, tokens in mine.items()}
            found.append(stepped_answer(query, paths, answers))
        return found

    def _paths(self, queries: Sequence[Query]) -> list[list[list[Path]] | Refusal]:
        """Return how every label of every question falls into tokens; questions that end alike share what is asked for it."""
        tails = [tail_of(query.text) for query in queries]
        labels = [[spelt(ids) for ids in query.labels] for query in queries]
        texts = {
            tail + label + end: None
            for tail, words, query in zip(tails, labels, queries, strict=True)
            for label in words for end in self._ends(query)
        }  # fmt: skip
        read = {text: echo for text, (echo, _) in zip(texts, self._echoes(list(texts)), strict=True)}
        refused = next((echo for echo in read.values() if isinstance(echo, Refusal)), None)
        if refused is not None:
            return [refused for _ in queries]
        echoes = {text: echo for text, echo in read.items() if isinstance(echo, Echo)}
        return [
            paths_of(tail, words, self._ends(query), echoes)
            for tail, words, query in zip(tails, labels, queries, strict=True)
        ]

    def _ends(self, query: Query) -> tuple[str, ...]:
        """Return the texts that are asked behind each label: one without anything where labels are scored alone."""
        if not query.ends:
            return ("",)
        own = (self.served.eos,) if self.served.eos else ()
        return (*(self._line_tokens() if ord(LINE_END) in query.ends else ()), *own) or ("",)

    def _line_tokens(self) -> tuple[str, ...]:
        """Return the ends of a line that are tokens of their own for this server: an empty line may be two of one."""
        if self._line_ends is None:
            text = PROBES[0] + " Paris"
            ((echo, _),) = self._echoes([text + SEPARATOR])
            behind = () if isinstance(echo, Refusal) else echo.tokens[cut_of([echo], len(text)) :]
            self._line_ends = (LINE_END, SEPARATOR) if len(behind) == 1 else (LINE_END,)
        return self._line_ends

    def _in_place(self) -> bool:
        """Tell whether the server's log-probabilities of a prompt can be read; asked once, by continuing known texts."""
        if self._reads_prompts is None:
            body = self.asker.body({"max_tokens": 1, "temperature": 0, "logprobs": 1})
            began = self.asker.ask(COMPLETIONS, [body | {"prompt": probe} for probe in PROBES], next_token)
            known = [
                (probe, one["token"], one["log_prob"])
                for probe, one in zip(PROBES, began, strict=True)
                if isinstance(one, dict) and one["token"] and one["log_prob"] is not None
            ]
            if not known:
                refused = next((one.reason for one in began if isinstance(one, Refusal)), "")
                raise UnitError(f"{self.served.url}: {refused or GIVES_NONE}")
            read = self._echoes([probe + token for probe, token, _ in known])
            seen = [
                (float(log_prob), echo)
                for (probe, _, log_prob), (echo, _) in zip(known, read, strict=True)
                if not isinstance(echo, Refusal) and cut_of([echo], len(probe)) == len(echo.tokens) - 1
            ]
            self._reads_prompts = in_place(seen)
        return self._reads_prompts

    def _echoes(self, texts: Sequence[str]) -> list[tuple[Echo | Refusal, int | None]]:
        """Read texts: their tokens with log-probabilities, and how many the server says it read."""
        body = self.asker.body({"max_tokens": 1, "temperature": 0, "echo": True, "logprobs": 1})
        bodies = [body | {"prompt": text} for text in texts]
        readers = [read_echo(text, self.served.eos) for text in texts]
        found: list[tuple[Echo | Refusal, int | None]] = []
        for one in self.asker.ask(COMPLETIONS, bodies, readers):
            if isinstance(one, Refusal):
                found.append((one, None))
            elif one["starts"] is None:
                found.append((Refusal("the server's tokens do not spell the text that was asked"), one["n_read"]))
            else:
                found.append((Echo(tuple(one["tokens"]), tuple(one["starts"]), tuple(one["log_probs"])), one["n_read"]))
        return found

    def _written(self, queries: Sequence[Query]) -> list[WrittenLabel | Refusal]:
        """Let labels be written, and read which one it is."""
        path = self._path
        words = [tuple(spelt(label) for label in query.labels) for query in queries]
        bodies = []
        for query, labels in zip(queries, words, strict=True):
            hint = self.served.hint.replace("{labels}", ", ".join(label.strip() for label in labels))
            limit = label_tokens(labels) + self.served.thinking
            stops = {} if path == CHAT or self.served.thinking else {"stop": [LINE_END]}
            body = self.asker.body({"max_tokens": limit, "temperature": 0} | stops)
            bodies.append(body | self._question(query.text, hint) | constraint(self.served.labels, labels))
        found: list[WrittenLabel | Refusal] = []
        for labels, one in zip(words, self.asker.ask(path, bodies, read_text), strict=True):
            answer = behind_reasoning(one)
            if isinstance(answer, Refusal):
                found.append(answer)
            else:
                said = answer.text.strip() if path == CHAT else answer.text.strip().split(LINE_END)[0]
                label = read_label(said, labels)
                found.append(WrittenLabel(answer.text, label, answer.n_tokens, answer.n_read, answer.reasoning))
        return found

    # ---- text

    def generate(self, queries: Sequence[Query], decoding: Decoding) -> list[TextAnswer | Refusal]:
        """Continue every query; an answer ends before a stop that follows something visible."""
        path, limit = self._path, decoding.max_new_tokens + self.served.thinking
        body = self.asker.body({"max_tokens": limit, "temperature": decoding.temperature})
        drawn = decoding.temperature > 0
        body |= {"top_p": decoding.top_p} if drawn else {}
        stops = {"stop": list(decoding.stop[:MOST_STOPS])} if decoding.stop and not self.served.thinking else {}
        asked: list[dict[str, Any]] = [body | self._question(query.text, "") for query in queries]
        if drawn:
            numbers: dict[str, int] = {}
            for query, one in zip(queries, asked, strict=True):
                number = numbers[query.text] = numbers.get(query.text, -1) + 1
                one["seed"] = stream_seed("served", decoding.seed, query.text, number) % (1 << 31)
        first = [behind_reasoning(one) for one in self.asker.ask(path, [one | stops for one in asked], read_text)]
        again = [at for at, one in enumerate(first) if stops and isinstance(one, TextAnswer) and not one.text.strip()]
        for at, written in zip(again, self.asker.ask(path, [asked[at] for at in again], read_text), strict=True):
            first[at] = behind_reasoning(written)  # it began with a stop: what follows counts
        return [
            one if isinstance(one, Refusal) else one._replace(text=cut_text(one.text, decoding.stop)) for one in first
        ]

    def score_text(self, queries: Sequence[Query]) -> list[TextScore | Refusal]:
        """Return the log-likelihood of every token of every text, as the server's tokenizer cuts it."""
        if self.served.labels != "logprobs":
            return [
                Refusal(f"texts are scored by log-probabilities alone, and {HOW_LABELS[self.served.labels]}")
                for _ in queries
            ]
        if not self._in_place():
            why = "the server's log-probabilities of a prompt are not those of its tokens, so no text can be scored"
            return [Refusal(why) for _ in queries]
        texts, contexts = [], []
        for query in queries:
            before = (self.served.eos if END in query.ids else "") + spelt(query.ids)
            contexts.append(before)
            texts.append(before + spelt(query.labels[0]))
        if not all(contexts):
            why = "say how the model's end of text is spelt (`server: {eos: ...}`): a text begins behind it"
            return [Refusal(why) for _ in queries]
        found: list[TextScore | Refusal] = []
        for context, (echo, count) in zip(contexts, self._echoes(texts), strict=True):
            if isinstance(echo, Refusal):
                found.append(echo)
            else:
                found.append(TextScore(answer_scores(echo, cut_of([echo], len(context))), count))
        return found

    # ---- requests

    @property
    def _path(self) -> str:
        return CHAT if self.served.api == "chat" else COMPLETIONS

    def _question(self, text: str, hint: str) -> dict[str, Any]:
        """Return a question in the form of the protocol; a hint stands behind the last turn, or before a text that goes on."""
        if self.served.api == "completions":
            return {"prompt": f"{hint}{SEPARATOR}{text}" if hint else text}
        *before, last = turns_of(text)
        said = {**last, "content": f"{last['content']}{SEPARATOR}{hint}"} if hint else last
        return {"messages": [*before, said]}
