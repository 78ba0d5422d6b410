"""TRL's SFTTrainer itself on the same rows, where it is importable: what its own steps take.

It runs at the setting that was fastest on its rebuilt path. A step's time goes from the trainer's step begin to its
step end, so data loading between steps and the set-up of `train` are left out, in the peer's favour.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from hanka.models.loading import quiet
from hanka.prompting import Encoded

WARM_UP = 2
"Steps that are not counted."


def importable() -> bool:
    """Tell whether TRL and what it needs are here."""
    return all(find_spec(name) for name in ("trl", "datasets"))


def step_seconds(model: Any, tokenizer: Any, rows: Sequence[Encoded], rows_at_once: int, padded: bool) -> list[float]:
    """Return the seconds of SFTTrainer's optimizer steps over `rows`."""
    import torch
    from transformers import TrainerCallback

    seconds: list[float] = []

    class Watch(TrainerCallback):  # type: ignore[misc]
        began = 0.0

        def on_step_begin(self, *_arguments: Any, **_more: Any) -> None:
            self.began = time.perf_counter()

        def on_step_end(self, *_arguments: Any, **_more: Any) -> None:
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            seconds.append(time.perf_counter() - self.began)

    with tempfile.TemporaryDirectory(prefix="hanka-gpu-bench-") as folder, quiet():
        trainer = _build(model, tokenizer, rows, {"rows": rows_at_once, "padded": padded, "folder": folder})
        trainer.add_callback(Watch())
        trainer.train()
    return seconds[WARM_UP:]


def _build(model: Any, tokenizer: Any, rows: Sequence[Encoded], setting: dict[str, Any]) -> Any:
    from trl import SFTConfig, SFTTrainer

    from datasets import Dataset

    ordered = sorted(rows, key=lambda row: -len(row.ids))
    items = [{"input_ids": row.ids, "labels": [-100] * row.start + row.ids[row.start :]} for row in ordered]
    n_steps = WARM_UP + 4
    on_cpu = next(model.parameters()).device.type == "cpu"
    config = SFTConfig(
        output_dir=setting["folder"],
        per_device_train_batch_size=setting["rows"],
        gradient_accumulation_steps=len(rows) // setting["rows"],
        max_steps=n_steps,
        learning_rate=1e-6,
        lr_scheduler_type="constant",
        weight_decay=0.0,
        max_grad_norm=1.0,
        optim="adamw_torch_fused",
        train_sampling_strategy="sequential",
        bf16=True,
        use_cpu=on_cpu,
        gradient_checkpointing=False,
        dataloader_pin_memory=not on_cpu,
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
        max_length=None,
        packing=False,
        padding_free=not setting["padded"],
    )
    return SFTTrainer(
        model=model, args=config, train_dataset=Dataset.from_list(items * n_steps), processing_class=tokenizer
    )
