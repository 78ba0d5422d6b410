"""Where prompt and answer meet: examples and demonstrations → text → token ids and spans.

Training and scoring both come through here, so they cannot disagree. Prompt and answer are tokenised
together; the answer begins at the first token where the ids of prompt + answer leave those of the
prompt alone. A token that merges across the boundary therefore belongs to the answer.

Under `protocol: paper` the published quirks are kept: the mask covers as many tokens as the prompt
alone has (a merged token is swallowed), few-shot classification prompts carry no BOS, zero-shot
generation carries two, and over-long training rows are cut on the right.
Source: Yang et al. (2024), arXiv 2403.09162, and its released scripts.
"""

from __future__ import annotations

from collections.abc import Sequence

from hanka.errors import DataError
from hanka.identity import canonical, sha256_text
from hanka.prompting.chat import Chat, Turn, open_block
from hanka.prompting.control import as_text, control_tokens, encode, plain
from hanka.prompting.encoded import Asked, Encoded, Ids, Query, TextPolicy, Tokenizer
from hanka.prompting.shared import shared_length
from hanka.records import Built, Example
from hanka.tasks.base import FIELD, Task
from hanka.tasks.messages import MESSAGES, asks_messages, read_messages, written_messages

SEPARATOR = "\n\n"
"Between demonstrations, and between the last one and the query."


class Prompter:
    """Renders and encodes for one tokenizer and one policy."""

    def __init__(self, tokenizer: Tokenizer, policy: TextPolicy) -> None:
        self.tokenizer = tokenizer
        self.policy = policy
        with_special = tokenizer(["a"], add_special_tokens=True)["input_ids"][0]
        self._adds_bos = tokenizer.bos_token_id is not None and with_special[:1] == [tokenizer.bos_token_id]
        self._wants_bos = policy.bos == "always" or (policy.bos == "model" and self._adds_bos)
        if policy.bos == "always" and tokenizer.bos_token_id is None:
            raise DataError("tokens.bos is `always`, but this tokenizer has no BOS token; set it to model or never")
        self.chat = Chat(tokenizer, policy) if policy.template == "chat" else None
        self._control = control_tokens(tokenizer) if policy.control == "text" else ()
        if self.chat is not None and policy.reasons:
            _ = self.chat.reasoning

    # ---- text

    def render(
        self,
        task: Task,
        prompt: str,
        demonstrations: Sequence[Example],
        examples: Sequence[Example],
        built: Sequence[Built] = (),
    ) -> tuple[str, list[str]]:
        """Render what all queries share once, and every query after it; where nothing is asked, without chat template.

        built: what stands before each query behind `demonstrations`, one per example; what all of them share joins the
        prefix. Returns (prefix, queries): prefix + query is what the model reads; the prefix is "" where nothing is
        shared, and where a chat template changes earlier turns.
        """
        before = list(built) if built else [Built((), {})] * len(examples)
        n_shared = shared_demonstrations(before) if built else 0
        shown = [*demonstrations, *(before[0].demonstrations[:n_shared] if before else ())]
        own = [Built(one.demonstrations[n_shared:], one.fields) for one in before]
        if self.chat is None or task.kind == "likelihood":
            return self._plain(task, prompt, shown, own, examples)
        return self._chats(self.chat, task, prompt, shown, own, examples)

    def _plain(
        self, task: Task, prompt: str, shown: Sequence[Example], own: Sequence[Built], examples: Sequence[Example]
    ) -> tuple[str, list[str]]:
        texts = [self._shown(task, prompt, one.demonstrations) + self._inserted(one) for one in own]
        common = texts[0] if len(set(texts)) == 1 else ""
        queries = [
            text[len(common) :] + self._text(task.render(one, prompt))
            for text, one in zip(texts, examples, strict=True)
        ]
        return self._shown(task, prompt, shown) + common, queries

    def _chats(
        self,
        chat: Chat,
        task: Task,
        prompt: str,
        shown: Sequence[Example],
        own: Sequence[Built],
        examples: Sequence[Example],
    ) -> tuple[str, list[str]]:
        """Render every conversation whole: some templates change earlier turns by what follows."""
        turns = self._turns(task, prompt, shown)
        texts = []
        for one, example in zip(own, examples, strict=True):
            *before, asked = self._asked_turns(task, prompt, example)
            asked = {**asked, "content": self._inserted(one) + asked["content"]}
            texts.append(
                self._conversation(
                    chat, [*turns, *self._turns(task, prompt, one.demonstrations), *before, asked], example
                )
            )
        prefix = chat.render(self._with_system(chat, turns, "a demonstration"), ask=False) if turns else ""
        if not all(text.startswith(prefix) for text in texts):
            prefix = ""
        return prefix, [text[len(prefix) :] for text in texts]

    def _conversation(self, chat: Chat, turns: list[Turn], example: Example) -> str:
        """Render one conversation up to its answer."""
        text = chat.prompt(self._with_system(chat, turns, f"row {example.id} brings a system turn"))
        if not self.policy.reasons and (mark := open_block(text)):
            raise DataError(
                f"this model's chat template opens a block of reasoning ({mark}) before an answer, and leaves it open; set "
                f"tokens.thinking to on, or tokens.template to plain"
            )
        return text

    def _with_system(self, chat: Chat, turns: list[Turn], where: str) -> list[Turn]:
        """Begin a conversation with the system turn that its data or the study gives it; the last one of its data counts."""
        systems = [turn for turn in turns if turn["role"] == "system"]
        if systems:
            chat.require_system(where)
            return [systems[-1], *(turn for turn in turns if turn["role"] != "system")]
        return [{"role": "system", "content": self.policy.system}, *turns] if self.policy.system else turns

    def _text(self, text: str) -> str:
        """Return a text of data as it is to be encoded: its control tokens marked, unless the study keeps them."""
        return as_text(text, self._control)

    def _inserted(self, built: Built) -> str:
        return self._text("".join(built.fields.values()))

    def _shown(self, task: Task, prompt: str, demonstrations: Sequence[Example]) -> str:
        return "".join(self._text(task.render(one, prompt) + one.target) + SEPARATOR for one in demonstrations)

    def _turns(self, task: Task, prompt: str, demonstrations: Sequence[Example]) -> list[Turn]:
        turns: list[Turn] = []
        for one in demonstrations:
            turns += self._asked_turns(task, prompt, one)
            turns.append({"role": "assistant", "content": self._text(one.target)})
        return turns

    def _asked_turns(self, task: Task, prompt: str, example: Example) -> list[Turn]:
        """Return an example's turns up to the one that is answered: its own messages, or one that asks."""
        if asks_messages(task.template(prompt)):
            return [
                {**turn, "content": self._text(turn["content"])} for turn in read_messages(example.fields[MESSAGES])
            ]
        return [{"role": "user", "content": self._text(task.render(example, prompt))}]

    def template_hash(self, task: Task, prompt: str) -> str:
        """Hash how a task is asked: template, labels, chat template, token policy. Equal in training and scoring.

        It does not depend on shots. A chat is rendered without demonstrations, which its template may refuse; the
        template's own text stands for how it would join them.
        """
        fields = {name: f"\u27e8{name}\u27e9" for name in FIELD.findall(task.template(prompt))}
        if asks_messages(task.template(prompt)):
            fields = {MESSAGES: written_messages([{"role": "user", "content": "\u27e8message\u27e9"}])}
        probe = Example("probe", fields, "\u27e8output\u27e9")
        policy = [self.policy.bos, self.policy.eos, self.policy.template, self.policy.protocol]
        if self.chat is None:
            text = self._shown(task, prompt, [probe]) + task.render(probe, prompt)
        else:
            text = self.render(task, prompt, [], [probe])[1][0] + canonical([self.chat.template, self.chat.turn_end])
        return sha256_text(canonical([text, list(task.labels), policy, self._adds_bos]))[:16]

    # ---- tokens

    def _tokens(self, texts: list[str]) -> list[Ids]:
        return encode(self.tokenizer, texts)

    def bos_ids(self, text: str, shots: int = 0, task: Task | None = None) -> Ids:
        """Return the BOS ids that stand before `text`: none or one; under `protocol: paper` what was published."""
        bos = self.tokenizer.bos_token_id
        if bos is None or (self.tokenizer.bos_token and text.startswith(self.tokenizer.bos_token)):
            return []
        if not self._wants_bos:
            return []
        if self.policy.protocol == "paper" and task is not None:
            if task.kind == "classification" and shots:
                return []
            if task.kind == "generation" and not shots:
                return [bos, bos]
        return [bos]

    def training_rows(self, prefixes: Sequence[str], queries: Sequence[str], targets: Sequence[str]) -> list[Encoded]:
        """Encode training rows: prefix + query + target + its end, supervised from the answer's first token.

        The end is EOS; in a chat that of the template's own turn, where it has one. Prefixes and queries as `render` gives them.
        """
        contexts = [prefix + query for prefix, query in zip(prefixes, queries, strict=True)]
        before = self._tokens(contexts)
        turn_end = self.chat.turn_end if self.chat is not None and self.policy.eos else ""
        answers = [self._text(target) + turn_end for target in targets]
        whole = self._tokens([context + answer for context, answer in zip(contexts, answers, strict=True)])
        eos = self.tokenizer.eos_token_id
        ending = [eos] if self.policy.eos and eos is not None and not turn_end else []
        rows = []
        for text, prompt_ids, ids in zip(contexts, before, whole, strict=True):
            bos = self.bos_ids(text)
            if self.policy.protocol == "paper":
                cut = min(len(prompt_ids), len(ids))
            else:
                cut = shared_length(prompt_ids, ids)
            rows.append(Encoded(bos + ids + ending, len(bos) + cut))
        return rows

    def ask(
        self,
        task: Task,
        prompt: str,
        demonstrations: Sequence[Example],
        examples: Sequence[Example],
        built: Sequence[Built] = (),
        writes: bool = False,
    ) -> Asked:
        """Render and encode the questions of a test set; under `protocol: paper` label ids are those of p1.

        built: as `render` takes it. writes: whether labels are written like any text instead of being scored.
        """
        prefix, queries = self.render(task, prompt, demonstrations, examples, built)
        shots = len(demonstrations) + max((len(one.demonstrations) for one in built), default=0)
        if task.kind == "likelihood":
            encoded = self.likelihood_queries([example.target for example in examples])
        elif task.kind == "classification" and not writes:
            published = None
            if self.policy.protocol == "paper" and prompt != "p1" and "p1" in task.prompts:
                published = self.render(task, "p1", demonstrations, examples, built)[1]
            encoded = self.label_queries(task, prefix, queries, shots, published)
        else:
            encoded = self.text_queries(task, prefix, queries, shots)
        return Asked(
            plain(prefix),
            [plain(query) for query in queries],
            encoded,
            self.template_hash(task, prompt),
            stop=self._stop() if task.is_written or writes else "",
        )

    def _stop(self) -> str:
        """Return the text that ends a turn, where no single token does."""
        end = self.chat.turn_end.strip() if self.chat is not None and self.policy.eos else ""
        return end if end and len(self._tokens([end])[0]) > 1 and end not in control_tokens(self.tokenizer) else ""

    def prompt_lengths(self, contexts: Sequence[str]) -> list[int]:
        """Count the tokens of prompts alone, BOS included."""
        return [
            len(self.bos_ids(text)) + len(ids) for text, ids in zip(contexts, self._tokens(list(contexts)), strict=True)
        ]

    def label_queries(
        self, task: Task, prefix: str, queries: Sequence[str], shots: int, published: Sequence[str] | None = None
    ) -> list[Query]:
        """Encode classification queries with every label as a continuation of one shared context.

        The context ends at the earliest token at which any label leaves the prompt, so all labels
        continue the same ids. A label that begins another one can only be told from it by where it ends, so each is scored with
        its end. published: queries of the prompt set whose label ids are used instead
        (`protocol: paper` scores every prompt set with the ids of p1).
        """
        labels = task.labels
        contexts = [prefix + query for query in queries]
        before = self._tokens(contexts)
        asked = before if published is None else self._tokens([prefix + query for query in published])
        asked_texts = contexts if published is None else [prefix + query for query in published]
        whole = self._tokens([context + self._text(label) for context in asked_texts for label in labels])
        ends = self._ends(task, contexts[0]) if contexts else ()
        encoded = []
        for index, (text, ids) in enumerate(zip(contexts, before, strict=True)):
            with_labels = whole[index * len(labels) : (index + 1) * len(labels)]
            cut = min(shared_length(asked[index], one) for one in with_labels)
            context = self.bos_ids(text, shots, task) + (ids[:cut] if published is None else ids)
            if not context:
                raise DataError(f"task {task.name}: no token stands before the label; lengthen the prompt")
            encoded.append(Query(plain(text), context, tuple(tuple(one[cut:]) for one in with_labels), ends))
        return encoded

    def _ends(self, task: Task, text: str) -> tuple[int, ...]:
        """Return the tokens that end an answer: EOS, and what begins the text behind an answer that is shown.

        A model that was trained here ends in EOS, or as its chat template ends a turn; one that follows demonstrations, in what
        stands behind theirs. text: a context as rendered. Empty where labels are scored alone.
        """
        eos = self.tokenizer.eos_token_id
        if not self.policy.scores_ends or eos is None:
            return ()
        labels = [self._text(label) for label in task.labels]
        behind = ["\n", SEPARATOR] if self.chat is None else [end for end in (self.chat.turn_end,) if end]
        alone = self._tokens([text + label for label in labels])
        found = {eos}
        for tail in behind:
            for before, ids in zip(alone, self._tokens([text + label + tail for label in labels]), strict=True):
                if ids[: len(before)] == before:  # else the tail joins the label's last token
                    found.add(ids[len(before)])
        return tuple(sorted(found))

    def _turn_ends(self) -> tuple[int, ...]:
        """Return the tokens that end a written turn beside the model's own: control tokens of the template's end."""
        if self.chat is None or not self.policy.eos:
            return ()
        control = {ids[0] for ids in self._tokens(list(control_tokens(self.tokenizer))) if len(ids) == 1}
        return tuple(sorted(control & set(self._tokens([self.chat.turn_end])[0]))) if self.chat.turn_end else ()

    def text_queries(self, task: Task, prefix: str, queries: Sequence[str], shots: int) -> list[Query]:
        """Encode queries for generation. White space that ends a prompt is left to the model's first token."""
        contexts = [prefix + query for query in queries]
        before = self._tokens(contexts)
        continued = self._tokens([context + "a" if context[-1:].isspace() else context for context in contexts])
        ends = self._turn_ends()
        return [
            Query(plain(text), self.bos_ids(text, shots, task) + ids[: shared_length(ids, longer)], (), ends)
            for text, ids, longer in zip(contexts, before, continued, strict=True)
        ]

    def reasoning_queries(self, asked: Asked) -> list[Query]:
        """Return a test set's questions as they are asked for reasoning: writing ends with the block, too."""
        assert self.chat is not None
        closed = self._tokens([self.chat.reasoning[0]])[0]
        ends = tuple(sorted({*self._turn_ends(), *(closed if len(closed) == 1 else ())}))
        return [query._replace(labels=(), ends=ends) for query in asked.encoded]

    def behind(self, task: Task, opened: Sequence[Query], written: Sequence[str]) -> list[Query]:
        """Encode questions whose answer begins behind what a model wrote; opened: as `reasoning_queries` gives them.

        What was written is encoded by itself: it begins where the model's turn, or its block of reasoning, was opened.
        """
        labels = [self._text(label) for label in task.labels]
        before = self._tokens(list(written))
        whole = self._tokens([text + label for text in written for label in labels])
        ends = self._ends(task, opened[0].text + written[0]) if labels and opened else self._turn_ends()
        found: list[Query] = []
        for at, (query, text, ids) in enumerate(zip(opened, written, before, strict=True)):
            with_labels = whole[at * len(labels) : (at + 1) * len(labels)]
            cut = min((shared_length(ids, one) for one in with_labels), default=len(ids))
            scored = tuple(tuple(one[cut:]) for one in with_labels)
            found.append(Query(query.text + text, query.ids + ids[:cut], scored, ends))
        return found

    def likelihood_queries(self, texts: Sequence[str], prefix: str = "") -> list[Query]:
        """Encode texts to be scored: a query's only label is the text, after BOS (as the policy says) and `prefix`.

        Where nothing would stand before a text, the EOS that ends a text before it does, so that every token is scored.
        Raises DataError where the tokenizer has neither.
        """
        end = self.tokenizer.eos_token_id
        before = self._tokens([prefix])[0] if prefix else []
        queries = []
        for text, ids in zip(texts, self._tokens([prefix + self._text(text) for text in texts]), strict=True):
            bos, cut = self.bos_ids(prefix + text), shared_length(before, ids)
            bos = [end] if end is not None and not bos and not cut else bos
            if not bos and not cut:
                raise DataError("this tokenizer has neither BOS nor EOS for a text to begin after")
            queries.append(Query(prefix + text, bos + ids[:cut], (tuple(ids[cut:]),)))
        return queries


def shared_demonstrations(built: Sequence[Built]) -> int:
    """Count the leading demonstrations that stand before every query."""
    first, *others = [one.demonstrations for one in built] or [()]
    count = len(first)
    for other in others:
        alike = (index for index, (one, two) in enumerate(zip(first, other, strict=False)) if one != two)
        count = min(count, next(alike, len(other)))
    return count
