"""lm-evaluation-harness' view of an engine: what it asks of a model, answered by hanka's shared-prefix engine.

Texts become tokens as in the harness' own `hf` model: context and continuation together, a space at the end of a context left to the
continuation, BOS as the tokenizer adds it (or as `tokens.bos` says), rows longer than the model's context cut at the left, which is counted.
Requests of one document share their context, so its choices are scored as a tree. Whether a continuation is what the model would have
written by itself is found out where a task reads it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from lm_eval.api.model import TemplateLM
from lm_eval.models.utils import handle_stop_sequences, has_bos_prefix, normalize_gen_kwargs, postprocess_generated_text
from lm_eval.utils import get_rolling_token_windows, make_disjoint_window

from hanka.engines.contract import Decoding, Engine, LabelAnswer, Refusal
from hanka.errors import UnitError
from hanka.harness.found import GENERATED
from hanka.prompting import Query, TextPolicy


class Cut(NamedTuple):
    """Tokens of a request within the model's context, and the text before the continuation."""

    context: list[int]
    continuation: list[int]
    text: str = ""


class EngineModel(TemplateLM):  # type: ignore[misc]  # the harness is not typed
    """An engine as the harness asks it; raises UnitError where the engine gives no number."""

    def __init__(self, engine: Engine, tokenizer: Any, policy: TextPolicy, context_length: int) -> None:
        super().__init__()
        self.engine, self.tokenizer, self.policy = engine, tokenizer, policy
        self.max_length = context_length
        self.reads_greedy = False
        "Whether the task at hand reads what the model would have written by itself."
        self.n_cut = 0
        "Requests that were cut to the model's context so far."

    # ---- tokens

    @property
    def eot_token_id(self) -> int:
        """Return the token that ends a text."""
        return int(self.tokenizer.eos_token_id)

    @property
    def prefix_token_id(self) -> int:
        """Return the token that stands before a text which nothing stands before."""
        bos = self.tokenizer.bos_token_id
        return self.eot_token_id if bos is None else int(bos)

    @property
    def tokenizer_name(self) -> str:
        """Return what the harness' cache would know the tokenizer by; nothing is cached."""
        return ""

    def tok_encode(self, string: str, add_special_tokens: bool | None = None, **_: Any) -> list[int]:
        """Return the token ids of a text; None: special tokens as the tokenizer and the study's policy add them."""
        if add_special_tokens is None:
            add_special_tokens = {"always": True, "never": False}.get(self.policy.bos)
            if add_special_tokens is None:
                add_special_tokens = True
            if has_bos_prefix(string, self.tokenizer.bos_token):
                add_special_tokens = False
        ids = list(self.tokenizer([string], add_special_tokens=add_special_tokens)["input_ids"][0])
        bos = self.tokenizer.bos_token_id
        wanted = self.policy.bos == "always" and bos is not None and add_special_tokens
        return [bos, *ids] if wanted and ids[:1] != [bos] else ids  # some tokenizers have one and add none

    def apply_chat_template(self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        """Render turns by the model's own template."""
        return str(
            self.tokenizer.apply_chat_template(
                chat_history,
                tokenize=False,
                add_generation_prompt=add_generation_prompt,
                continue_final_message=not add_generation_prompt,
            )
        )

    def _cut(self, text: str, context: Sequence[int], continuation: Sequence[int]) -> Cut:
        """Keep the last tokens that fit, as the harness does."""
        whole, room = [*context, *continuation], self.max_length + 1
        self.n_cut += len(whole) > room
        kept = whole[-room:]
        at = max(1, len(kept) - len(continuation))
        return Cut(kept[:at], kept[at:], text)

    # ---- what is asked

    def _loglikelihood_tokens(
        self, requests: Sequence[tuple[Any, list[int], list[int]]], **_: Any
    ) -> list[tuple[float, bool]]:
        """Return the log-likelihood of every continuation, and whether it is what the model would write."""
        cuts = [self._cut(texts[0], context, continuation) for texts, context, continuation in requests]
        distinct = list({(tuple(one.context), tuple(one.continuation)): one for one in cuts}.values())
        scored = self._with_greedy(distinct) if self.reads_greedy else self._as_trees(distinct)
        known = {
            (tuple(one.context), tuple(one.continuation)): said for one, said in zip(distinct, scored, strict=True)
        }
        return [known[tuple(one.context), tuple(one.continuation)] for one in cuts]  # equal requests have equal scores

    def _with_greedy(self, cuts: Sequence[Cut]) -> list[tuple[float, bool]]:
        return [(math.fsum(one.scores), one.is_greedy) for one in self._texts(cuts)]

    def _as_trees(self, cuts: Sequence[Cut]) -> list[tuple[float, bool]]:
        """Score continuations that follow each other behind one context as a tree, as many as a pass may hold."""
        together: list[list[Cut]] = []
        held = 0
        for one in cuts:
            fits = (
                together and together[-1][0].context == one.context and held + len(one.continuation) <= self.tree_tokens
            )
            if not fits:
                together.append([])
                held = 0
            together[-1].append(one)
            held += len(one.continuation)
        queries = [
            Query(own[0].text, own[0].context, tuple(tuple(one.continuation) for one in own)) for own in together
        ]
        found: list[tuple[float, bool]] = []
        for answer in self.engine.score_labels(queries):
            if isinstance(answer, Refusal):
                raise UnitError(answer.reason)
            if not isinstance(answer, LabelAnswer):
                raise UnitError("the engine writes labels, and scores none")
            found += [(_finite(math.fsum(tokens)), False) for tokens in answer.log_likelihoods]
        return found

    @property
    def tree_tokens(self) -> int:
        """Return the tokens of continuations behind one context that are scored at once."""
        return max(1, self.engine.batch_tokens // 16)

    def loglikelihood_rolling(self, requests: Sequence[Any], disable_tqdm: bool = False) -> list[float]:
        """Return the log-likelihood of whole texts, in windows of the model's context."""
        windows: list[list[Cut]] = []
        for request in requests:
            ids = self.tok_encode(request.args[0])
            rolled = get_rolling_token_windows(
                token_list=ids, prefix_token=self.prefix_token_id, max_seq_len=self.max_length, context_len=1
            )
            pairs = map(make_disjoint_window, rolled)
            windows.append([Cut(list(before), list(own)) for before, own in pairs])
        scores = iter(self._texts([one for own in windows for one in own]))
        return [math.fsum(math.fsum(next(scores).scores) for _ in own) for own in windows]

    def generate_until(self, requests: Sequence[Any], disable_tqdm: bool = False) -> list[str]:
        """Continue every context until a stop, those of equal settings together."""
        written: list[str] = [""] * len(requests)
        groups: dict[str, list[int]] = {}
        for index, request in enumerate(requests):
            groups.setdefault(repr(request.args[1]), []).append(index)
        for members in groups.values():
            for index, text in zip(members, self._continued([requests[index].args for index in members]), strict=True):
                written[index] = text
        return written

    def _continued(self, asked: Sequence[tuple[str, dict[str, Any]]]) -> Iterator[str]:
        given = normalize_gen_kwargs(asked[0][1], GENERATED)
        stops = handle_stop_sequences(given["until"], eos=getattr(self.tokenizer, "eos_token", None))
        most = int(given["max_gen_toks"])
        room = self.max_length - most
        if room < 1:
            raise UnitError(f"{most} tokens are to be written, and the model's context holds {self.max_length}")
        decoding = Decoding(
            most,
            tuple(stop for stop in stops if stop),
            float(given.get("temperature") or 0.0) if given.get("do_sample") else 0.0,
            float(given.get("top_p") or 1.0),
        )
        queries = []
        for context, _ in asked:
            ids = self.tok_encode(context)
            self.n_cut += len(ids) > room
            queries.append(Query(context, ids[-room:], ()))
        for answer in self.engine.generate(queries, decoding):
            if isinstance(answer, Refusal):
                raise UnitError(answer.reason)
            yield postprocess_generated_text(answer.text, stops, None)

    def _texts(self, cuts: Sequence[Cut]) -> Iterator[_Text]:
        queries = [Query(one.text, one.context, (tuple(one.continuation),)) for one in cuts]
        for answer in self.engine.score_text(queries):
            if isinstance(answer, Refusal):
                raise UnitError(answer.reason)
            if self.reads_greedy and answer.is_greedy is None:
                raise UnitError("the task reads what the model would write by itself, and this engine does not say")
            yield _Text(tuple(map(_finite, answer.log_likelihoods)), bool(answer.is_greedy))


class _Text(NamedTuple):
    scores: tuple[float, ...]
    is_greedy: bool


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise UnitError(f"the model gives no number here: a log-likelihood is {value}; its weights are damaged")
    return value
