"""Do hanka's label choices and ROUGE-L equal those of the tools they must equal?

    python benchmarks/agreement.py labels   # lm-eval's `hf` model: 200 items, 0 and 4 shots, same prompts
    python benchmarks/agreement.py rouge    # rouge-score: 1,000 generated pairs

Needs `pip install lm-eval==0.4.13 rouge-score==0.1.2` beside hanka; prints counts, never a time.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from pathlib import Path

STUDY = """\
name: agreement
base: {base}
data: {{source: mini}}
tasks: {{{task}: {{train: null, in_domain: [{dataset}], out_of_domain: []}}}}
methods: [base]
eval: {{shots: [0, 4], limit: {limit}}}
"""


DATASETS = {"sentiment": "tweets", "inference": "workplace", "detection": "history"}


def labels(base: str, limit: int, task: str) -> None:
    """Score test rows with hanka, then the stored prompts with lm-eval; count equal choices."""
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    from hanka.models.catalogue import find_model
    from hanka.models.loading import load_model
    from hanka.run import RunOptions, run_study
    from hanka.store.folder import read_json, read_predictions

    with tempfile.TemporaryDirectory() as scratch:
        study = Path(scratch) / "study.yaml"
        study.write_text(STUDY.format(base=base, limit=limit, task=task, dataset=DATASETS[task]), encoding="utf-8")
        outcome = run_study(study, Path(scratch) / "run", RunOptions())
        loaded = load_model(find_model(base, Path.cwd()), "float32")
        peer = HFLM(pretrained=loaded.model, tokenizer=loaded.tokenizer, batch_size=8, dtype="float32")
        for cell in read_json(outcome.folder.plan)["cells"]:
            record = read_json(outcome.folder.cell(cell["id"]) / "cell.json")
            predictions, _ = read_predictions(outcome.folder.cell(cell["id"]))
            requests = [
                Instance("loglikelihood", {}, (record["prefix"] + one.prompt, label), index)
                for index, one in enumerate(predictions)
                for label in record["labels"]
            ]
            theirs = [score for score, _ in peer.loglikelihood(requests, disable_tqdm=True)]
            n_labels = len(record["labels"])
            same, gap = 0, 0.0
            for index, one in enumerate(predictions):
                scores = theirs[index * n_labels : (index + 1) * n_labels]
                chosen = record["labels"][max(range(n_labels), key=scores.__getitem__)]
                same += chosen == one.parsed
                gap = max(gap, *(abs(a - b) for a, b in zip(scores, one.label_scores or (), strict=True)))
            row = {"test_set": cell["test_dataset"], "shots": cell["shots"], "n": len(predictions), "same_choice": same}
            print(json.dumps(row | {"largest_log_likelihood_gap": round(gap, 6)}))


def rouge(n_pairs: int) -> None:
    """Compare ROUGE-1/2/L on generated ASCII pairs."""
    from rouge_score.rouge_scorer import RougeScorer

    from hanka.metrics.rouge import rouge_l_score, rouge_n_score

    rng = random.Random(0)
    words = ["the", "The", "cat", "cat's", "sat,", "on", "a", "mat.", "42", "x_y", "re-do", "", "--", "It's", "end\nof"]
    scorer = RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=False)
    largest = 0.0
    for _ in range(n_pairs):
        target, answer = (" ".join(rng.choices(words, k=rng.randint(0, 30))) for _ in range(2))
        theirs = scorer.score(target, answer)
        ours = (rouge_n_score(target, answer, 1), rouge_n_score(target, answer, 2), rouge_l_score(target, answer))
        for value, name in zip(ours, ("rouge1", "rouge2", "rougeL"), strict=True):
            largest = max(largest, abs(value - theirs[name].fmeasure))
    print(json.dumps({"pairs": n_pairs, "largest_difference": largest}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["labels", "rouge"])
    parser.add_argument("--base", default="smollm2-135m-instruct")
    parser.add_argument("--task", choices=list(DATASETS), default="sentiment")
    parser.add_argument("--limit", type=int, default=200)
    arguments = parser.parse_args()
    if arguments.what == "labels":
        labels(arguments.base, arguments.limit, arguments.task)
    else:
        rouge(1000)
