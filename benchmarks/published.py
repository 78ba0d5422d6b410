"""The main paper's published procedure, written anew from its description, in a process of its own.

Training: the transformers Trainer on rows padded on the right, cut at max_length, the prompt masked; the model is
loaded anew for every variant and saved whole. Evaluation: per model and task the model is loaded once, and every
prompt goes through it whole, demonstrations included, padded on the left: for classification one pass whose last
logits decide between the labels' first tokens, then greedy tokens up to five as published; for generation greedy
text up to the first blank line. Source: Yang et al. (2024), arXiv 2403.09162, section 3 and the released scripts.

What differs from the paper's setting: float32 on a processor instead of bf16 on GPUs; `generate` stands in for vLLM;
no literal `<s>` before zero-shot prompts, which belongs to Llama; rows come in the order of the run beside it; all
models go through one process, which saves the procedure the start of an interpreter per model and task. Rows per
micro-batch and per evaluation batch are those that were fastest, not the published 2 and 4.
"""

from __future__ import annotations

import re
import time
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.floors import Work, count_parameters, distinct_prefixes, least_training

DECODED = 5
"Tokens decoded greedily for a classification; only the first position decides."
FIELD = re.compile(r"\{(\w+)\}")


class Row(NamedTuple):
    """A training row."""

    ids: list[int]
    "Prompt, target and EOS, cut at max_length."
    start: int
    "Index of the first supervised token."


def render(template: str, row: dict[str, str]) -> str:
    """Fill a template; braces inside the data stay."""
    return FIELD.sub(lambda match: row[match[1]], template)


def prefix_of(template: str, demonstrations: list[dict[str, str]]) -> str:
    """Write demonstrations as published: prompt, output, blank line."""
    return "".join(render(template, one) + one["output"] + "\n\n" for one in demonstrations)


def training_rows(tokenizer: Any, variant: dict[str, Any], max_length: int) -> list[Row]:
    """Tokenise a variant's rows: source and target together, masked as far as the source alone reaches."""
    before = prefix_of(variant["template"], variant["demonstrations"])
    rows = []
    for one in variant["rows"]:
        source = before + render(variant["template"], one)
        ids = tokenizer(source + one["output"] + tokenizer.eos_token, truncation=True, max_length=max_length).input_ids
        rows.append(Row(ids, min(len(tokenizer(source, truncation=True, max_length=max_length).input_ids), len(ids))))
    return rows


def load(folder: str) -> Any:
    """Load a model in float32."""
    import torch
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def train(model: Any, tokenizer: Any, rows: list[Row], plan: dict[str, Any], where: tuple[Path, int]) -> list[float]:
    """Train one epoch in place, save into a folder, and return the loss of each step. where: folder, micro-batch."""
    from transformers import DataCollatorForSeq2Seq, Trainer, TrainingArguments

    folder, micro_batch = where
    data = [{"input_ids": row.ids, "labels": [-100] * row.start + row.ids[row.start :]} for row in rows]
    arguments = TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=micro_batch,
        gradient_accumulation_steps=plan["batch_size"] // micro_batch,
        num_train_epochs=1,
        learning_rate=plan["learning_rate"],
        lr_scheduler_type="linear",
        warmup_steps=0,
        weight_decay=0.0,
        optim="adamw_torch_fused",
        train_sampling_strategy="sequential",
        use_cpu=True,
        dataloader_pin_memory=False,
        save_strategy="no",
        report_to="none",
        logging_steps=1,
        disable_tqdm=True,
    )
    collator = DataCollatorForSeq2Seq(tokenizer, label_pad_token_id=-100)
    trainer = Trainer(model=model, args=arguments, train_dataset=data, data_collator=collator)
    trainer.train()
    trainer.save_model(str(folder))
    tokenizer.save_pretrained(folder)
    return [float(entry["loss"]) for entry in trainer.state.log_history if "loss" in entry]


def label_ids(tokenizer: Any, cell: dict[str, Any]) -> list[int]:
    """Return the first token of each label behind the training prompt."""
    text = render(cell["template_p1"], cell["items"][0])
    alone = tokenizer(text).input_ids
    found = []
    for label in cell["labels"]:
        whole = tokenizer(text + label).input_ids
        found.append(next(new for at, new in enumerate(whole) if at >= len(alone) or new != alone[at]))
    return found


def classify(model: Any, batch: Any, choices: list[int]) -> list[int]:
    """Return the index of the best label per row; then decode on, as published."""
    import torch

    ids, mask = batch.input_ids, batch.attention_mask
    position = (mask.cumsum(-1) - 1).clamp(min=0)
    cache, best = None, []
    for step in range(DECODED):
        out = model(input_ids=ids, attention_mask=mask, position_ids=position, past_key_values=cache, use_cache=True)
        logits, cache = out.logits[:, -1], out.past_key_values
        if step == 0:
            best = logits[:, choices].argmax(-1).tolist()
        ids = logits.argmax(-1, keepdim=True)
        mask = torch.cat([mask, mask.new_ones((len(mask), 1))], dim=1)
        position = position[:, -1:] + 1
    return best


def answer(model: Any, tokenizer: Any, cell: dict[str, Any], plan: dict[str, Any], size: int) -> list[str]:
    """Answer one cell's items in batches of `size`."""
    import torch

    before = prefix_of(cell["template"], cell["demonstrations"])
    texts = [before + render(cell["template"], item) for item in cell["items"]]
    choices = label_ids(tokenizer, cell) if cell["labels"] else []
    found: list[str] = []
    for start in range(0, len(texts), size):
        batch = tokenizer(texts[start : start + size], padding=True, return_tensors="pt")
        with torch.no_grad():
            if choices:
                found += [cell["labels"][index] for index in classify(model, batch, choices)]
                continue
            written = model.generate(**batch, do_sample=False, max_new_tokens=plan["max_new_tokens"])
        new = tokenizer.batch_decode(written[:, batch.input_ids.shape[1] :], skip_special_tokens=True)
        found += [text.strip().split("\n\n", 1)[0].strip() for text in new]
    return found


def run(plan: dict[str, Any], folder: str, micro_batch: int, eval_batch: int) -> dict[str, Any]:
    """Train and evaluate everything (child process); return answers, losses, seconds and counts."""
    from transformers import AutoTokenizer

    started = time.perf_counter()
    tokenizer = AutoTokenizer.from_pretrained(plan["model"], padding_side="right")
    folders, losses = {}, {}
    for variant in plan["variants"]:
        folders[variant["id"]] = plan["model"]
        if variant["rows"]:
            where = Path(folder) / variant["id"]
            rows = training_rows(tokenizer, variant, plan["max_length"])
            losses[variant["id"]] = train(load(plan["model"]), tokenizer, rows, plan, (where, micro_batch))
            folders[variant["id"]] = str(where)
    trained = time.perf_counter()
    tokenizer.padding_side = "left"
    invocations: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for cell in plan["cells"]:
        invocations[cell["variant_id"], cell["task"]].append(cell)
    answers = {}
    for (variant_id, _), cells in invocations.items():
        model = load(folders[variant_id])
        for cell in cells:
            answers[cell["id"]] = answer(model, tokenizer, cell, plan, eval_batch)
    ended = time.perf_counter()
    counts = count(plan, tokenizer) | {"parameters": count_parameters(load(plan["model"]))}
    return {
        "seconds": ended - started,
        "train_seconds": trained - started,
        "answers": answers,
        "losses": losses,
        "counts": counts,
    }


def count(plan: dict[str, Any], tokenizer: Any) -> dict[str, Any]:
    """Count what the procedure forwards and the least there is, in forward passes: training counts three times."""
    whole, least = Work(0, 0), Work(0, 0)
    size = plan["batch_size"]
    for variant in plan["variants"]:
        if variant["rows"]:
            rows = training_rows(tokenizer, variant, plan["max_length"])
            n_tokens = sum(len(row.ids) for row in rows)
            whole = whole.plus(Work(n_tokens, n_tokens).times(3))
            cuts = [rows[start : start + size] for start in range(0, len(rows), size)]
            least = least.plus(least_training(cuts).times(3))
    contexts: dict[str, set[tuple[int, ...]]] = defaultdict(set)
    for cell in plan["cells"]:
        before = prefix_of(cell["template"], cell["demonstrations"])
        asked = tokenizer([before + render(cell["template"], item) for item in cell["items"]]).input_ids
        contexts[cell["variant_id"]] |= set(map(tuple, asked))
        n_tokens, n_rows = sum(map(len, asked)), len(asked)
        steps = (DECODED if cell["labels"] else plan["max_new_tokens"]) - 1
        whole = whole.plus(Work(n_tokens + n_rows * steps, (n_tokens if cell["labels"] else n_rows) + n_rows * steps))
    for rows_asked in contexts.values():
        least = least.plus(Work(distinct_prefixes(rows_asked), len(rows_asked)))
    return {"whole": whole, "least_without_decoding": least}
