"""Types of PEFT that are no tuner here, and why; said where a study names one."""

from __future__ import annotations

from collections.abc import Mapping

LEFT_OUT: Mapping[str, str] = {
    "poly": "it mixes adapters by the task of each row, which rows of a study do not carry into a pass",
    "multitask_prompt_tuning": "it chooses a prompt by the task of each row, which rows of a study do not carry into a pass",
    "xlora": "it mixes adapters that were trained before, and a variant here has one base",
    "cpt": "it begins with the tokens of examples, each marked as input, format or label, which a study does not say",
    "lily": "its router takes the mean over all tokens of a batch, so that an answer depends on the rows beside it and on "
    "tokens that come later",
    "shadow": "it runs a second network along the model's layers, which hand on something that is no tensor",
}
"By PEFT's name, in small letters."
