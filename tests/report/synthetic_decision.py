"""What analysis would decide about a made-up run: one entry per trained task, in the shape of findings.json."""

from __future__ import annotations

from typing import Any

from synthetic_shape import LABELS, TRAINED, Book, Row

MARGINS = {"equivalence": 0.02, "harm": 0.05, "worthwhile": 0.02}
OUTCOMES = {"sentiment": "trade-off", "inference": "undecided"}
SENTENCES = {
    "trade-off": "a trade-off. sft gains in domain and loses on xsum.",
    "undecided": "undecided. The best candidate neither shows a gain nor rules out one worth having.",
    "adapt": "adapt with sft on 512 rows.",
    "keep": "keep the base model.",
}


def claim(tests: list[str], relation: str, metric: str, before: float, after: float, verdict: str, **more: Any) -> Row:
    """A judged difference; its simultaneous interval is 0.06 wide on either side."""
    delta = after - before
    return {
        "tests": tests, "relation": relation, "metric": metric, "rival_shots": None, "rival_context": None, "n": 200,
        "n_units": 200, "n_seeds": 1, "value": after, "base_value": before, "delta": delta, "sim_low": delta - 0.06,
        "sim_high": delta + 0.06, "p_value": 0.01, "p_adjusted": 0.04, "verdict": verdict, "margins": MARGINS, "variance": {},
    } | more  # fmt: skip


def decision(book: Book, outcomes: dict[str, str] | None = None) -> Row:
    """The decision on every trained task of a book."""
    dress, given = book.shape.dress, OUTCOMES | (outcomes or {})
    tuned = [one for one in book.variants if one.train_task]
    per_task = [entry(task, given[task], book) for task in (book.shape.tasks if tuned else ())]
    return {
        "outcome": per_task[0]["outcome"] if len(per_task) == 1 else "undecided",
        "sentence_en": dress("Both tasks in one line."), "sentence_ja": dress("両方のタスクを 1 行で。"),
        "margins": MARGINS, "n_contrasts": {"benefit": 2, "harm": 4}, "per_task": per_task,
    }  # fmt: skip


def entry(task: str, outcome: str, book: Book) -> Row:
    """The decision on one trained task: its size, harms and open test sets follow from the outcome."""
    shape, dress = book.shape, book.shape.dress
    size = max(shape.sizes)
    own = TRAINED[task][0]
    gain = {"adapt": 0.3, "trade-off": 0.3, "undecided": 0.03, "keep": 0.0}[outcome]
    shown = "better" if outcome in ("adapt", "trade-off") else "undecided"
    benefit = claim([dress(own)], "in_domain", "accuracy", 0.53, 0.53 + gain, shown, rival_shots=2)
    harms, unclear = [], []
    for test_task, tests in shape.tests.items():
        for name, domain in tests:
            if name == own:
                continue
            relation = (
                "cross_task" if test_task != task else "in_domain" if domain == TRAINED[task][1] else "out_of_domain"
            )
            verdict = (
                "worse" if outcome == "trade-off" and name == "xsum" else "leaning" if name == "yelp" else "equivalent"
            )
            metric = "accuracy" if test_task in LABELS else "rouge_l"
            after = {"worse": 0.02, "leaning": 0.56, "equivalent": 0.6}[verdict]
            harms.append(claim([dress(name)], relation, metric, 0.6 if metric == "accuracy" else 0.2, after, verdict))
            if verdict == "leaning":
                unclear.append([dress(name)])
    system = {"base": dress("smollm2-135m-instruct"), "train_dataset": dress(own), "train_size": size}
    rival = claim([dress(own)], "in_domain", "accuracy", 0.53, 0.5, "undecided")
    systems = [
        system | {"method": dress("sft"), "outcome": outcome, "benefits": [benefit], "harmed": [], "open": unclear},
        system | {"method": dress("fticl"), "outcome": "keep", "benefits": [rival], "harmed": [], "open": []},
    ]
    decide = {"about": "benefit", "tests": [dress(own)], "rows": 612, "rows_now": 200, "seeds": 5}
    return system | {
        "task": task, "outcome": outcome, "recommend": dress("sft") if shown == "better" else "base",
        "candidate": dress("sft"), "n_seeds": 1, "asked": {"shots": 0, "context": "drawn"}, "benefit": benefit,
        "harms": harms, "decide": decide if outcome == "undecided" else None, "systems": systems,
        "sentence_en": dress(f"{task}: {SENTENCES[outcome]}"), "sentence_ja": dress(f"{task}：数値で見た結論です。"),
        "flip_en": dress("Without xsum it would not be a trade-off."), "flip_ja": dress("xsum を外すと、結論が変わります。"),
    }  # fmt: skip
