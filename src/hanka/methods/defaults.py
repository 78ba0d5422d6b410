"""How long and how fast a variant trains where the study does not say: by tuner and number of rows.

study → **plan** → adapt: what is null in `train:` is settled for each variant, stands in its parameters and so in its id. A
value that a study states always wins. Methods share the values: `fticl` and `spider` train the same weights as `sft`.

Source: benchmarks/results/pilot.json (`python -m benchmarks.pilot`; its table is in docs/training.md): SmolLM2-135M, 40 rows of tweets and
of narrative-answers at each rate, at a third and at three times of it, 400 rows of tweets and 40 of boolq at the rate itself; linear
schedule without warm-up, 20 steps of 8 rows (50 with 400). A third is slower with every tuner but none, where it makes no
difference; three times as much is faster on tweets, harms bitfit, and is no better on narrative-answers, where the answers' form was
learnt and the labels hardly.
Limits: one small model, one seed, tasks with labels: these rates are shown to train, not to be the best, and a large model may want a smaller one.
Tuners other than none, lora, bitfit and ia3 were not in the pilot: theirs is the rate of the one of these four they are most like, and tried by no one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from hanka.methods.contract import Adaptation
from hanka.training.pace import USUAL, Pace

RATES: Mapping[str, float] = {
    "none": 1e-4, "lora": 1e-3, "bitfit": 3e-3, "ia3": 1e-2,
    # whole weights of the base, as all of them
    **dict.fromkeys(("last_layers", "head", "attention", "gate_up", "osf"), 1e-4),
    # vectors, as biases
    **dict.fromkeys(("ln_tuning", "beft", "trainable_tokens"), 3e-3),
    # changes of weights by factors that begin at or near zero, as LoRA
    **dict.fromkeys(("adalora", "bottleneck", "loha", "lokr", "hira", "gralora", "glora", "delora", "deft", "miss", "peanut"), 1e-3),
    **dict.fromkeys(("adamss", "oft", "boft", "hra", "psoft", "shira", "supertuning", "frod"), 1e-3),
    # few weights on top of what is drawn, or of factors that begin at one, as IA3
    **dict.fromkeys(("vera", "pvera", "randlora", "vblora", "unilora", "tinylora", "road"), 1e-2),
    **dict.fromkeys(("fourierft", "waveft", "c3a"), 1e-2),
    # vectors before rows, as PEFT's example of prefix tuning has it
    **dict.fromkeys(("prompt_tuning", "p_tuning", "prefix_tuning", "cartridge", "adaption_prompt"), 1e-2),
}  # fmt: skip
"Peak learning rate by tuner; that of `USUAL` for one that is not here."
ROWS_READ = 160
"Rows that are read in all, each as often as it takes: the 20 steps of 8 rows after which the pilot's variants had fitted."
MOST_EPOCHS = 10
"However few the rows are."


def pace_of(tuner: str, n_rows: int) -> Pace:
    """Return epochs, learning rate and share of warm-up for a tuner and a number of training rows."""
    epochs = min(MOST_EPOCHS, -(-ROWS_READ // n_rows))
    return Pace(epochs, RATES.get(tuner, USUAL.learning_rate), USUAL.warmup_ratio)


def settled(adaptation: Adaptation, n_rows: int) -> Adaptation:
    """Return an adaptation with what it leaves open filled in; as it is where it is no course.

    A learning rate that is stated comes without warm-up unless that is stated, too: they belong together.
    """
    if adaptation.tuner is None:
        return adaptation
    train, pace = adaptation.train, pace_of(adaptation.tuner.name, n_rows)
    if train.learning_rate is not None:
        pace = pace._replace(warmup_ratio=USUAL.warmup_ratio)
    left_open = {name: value for name, value in pace._asdict().items() if getattr(train, name) is None}
    if train.steps is not None or train.total_tokens is not None:  # say how long it trains, so passes do not
        left_open["epochs"] = None
    return replace(adaptation, train=train.model_copy(update=left_open)) if left_open else adaptation
