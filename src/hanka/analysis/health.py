"""Did a variant train? From what training left behind (variant.json, train_log.jsonl) and from what its cells say.

evidence → **one status per variant**, with its reason and the numbers behind it → findings.json["training"]. A variant that
did not train says nothing about whether adapting would have paid.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hanka.analysis.asked import rows_and_seed
from hanka.analysis.collapse import Collapse, collapses
from hanka.analysis.curve import curve_of
from hanka.analysis.evidence import Evidence
from hanka.analysis.sentences import Unfit
from hanka.analysis.shares import share_of_count
from hanka.analysis.signs import STATUSES, Reason, Status, Trained, fall_at_the_end, fitted, judge
from hanka.records import is_unadapted
from hanka.store.folder import RunFolder, read_json_or_none

SAID = 3
"Collapses outside the trained domain that the first screen tells; the others are in their section."
WORDS: Mapping[Status, tuple[str, str]] = {
    "silent": ("Training changed nothing", "学習による変化がありません"),
    "collapsed": ("Collapsed in its own domain", "学習したドメインで出力が崩れています"),
    "undertrained": (
        "Undertrained, so nothing follows about whether adapting would pay",
        "学習不足のため、適応の効果は判断できません",
    ),
    "overtrained": ("Overtrained", "過学習の兆候があります"),
}
"What the first screen calls a status."


@dataclass(frozen=True, slots=True)
class Health:
    """What is said of one variant."""

    variant: Mapping[str, Any]
    "Its fields, from plan.json."
    trained: Trained
    "What its training left behind."
    reasons: tuple[Reason, ...]
    "All signs, worst first; none where nothing is wrong."
    collapses: tuple[Collapse, ...]
    "Signs of collapse in any of its cells."
    level: float
    "Of the intervals."

    @property
    def status(self) -> Status:
        """Return the worst sign."""
        return self.reasons[0].status if self.reasons else "fitted"

    @property
    def unfit(self) -> Unfit | None:
        """Return why nothing follows from this training about whether adapting would pay; None where something does."""
        if self.status not in ("silent", "collapsed", "undertrained"):
            return None
        return Unfit(self.reasons[0].en, self.reasons[0].ja)

    @property
    def told(self) -> list[Collapse]:
        """Return the collapses that are told: what the base model does itself only where it is the variant's status."""
        return [one for one in self.collapses if one.is_new or self.status == "collapsed"]

    def as_json(self) -> dict[str, Any]:
        """Return it as findings.json holds it."""
        names = ("label", "base", "train_task", "train_dataset", "train_size", "seed")
        usual = fitted(self.trained)
        return (
            {"variant_id": self.variant["id"]}
            | {name: self.variant[name] for name in names}
            | {
                "status": self.status,
                "signs": list(dict.fromkeys(one.status for one in self.reasons)),
                "reason_en": " ".join(one.en for one in self.reasons) or usual.en,
                "reason_ja": "".join(one.ja for one in self.reasons) or usual.ja,
                "numbers": numbers(self.trained, self.level),
                "kept_step": self.trained.kept or len(self.trained.losses),
                "curve": curve_of(self.trained.log),
                "collapses": [one.as_json() for one in self.told],
            }
        )


def health_of(evidence: Evidence) -> list[Health]:
    """Return what is said of every variant, in the order of the plan.

    Left out are those that were not made, and those of which nothing is known: neither looked at in training, nor collapsed.
    """
    signs: dict[str, list[Collapse]] = {}
    for cell in evidence.done():
        if not cell.is_unadapted:
            signs.setdefault(str(cell.variant["id"]), []).extend(collapses(evidence, cell))
    found = []
    for variant in evidence.plan["variants"]:
        if is_unadapted(variant["method"]):
            continue
        trained, shown = read_trained(evidence.folder, variant["id"]), signs.get(variant["id"], [])
        if trained is not None and (trained.fit or shown):
            found.append(Health(variant, trained, tuple(judge(trained, shown)), tuple(shown), evidence.level))
    return found


def read_trained(folder: RunFolder, variant_id: str) -> Trained | None:
    """Read what a training left behind; None where the variant was not made. What cannot be read counts as not there."""
    made = read_json_or_none(folder.variant(variant_id) / "variant.json")
    if not isinstance(made, dict) or made.get("status") != "done":
        return None
    record = made.get("record") or {}
    log = _log(folder, variant_id)
    return Trained(
        losses=[float(line["loss"]) for line in log],
        validation=[(int(step), float(loss)) for step, loss in record.get("validation", ())],
        kept=int(record.get("kept_step") or 0),
        fit={(one["rows"], one["when"], one["metric"]): one for one in record.get("fit", ())},
        change=record.get("change") or {},
        log=log,
    )


def _log(folder: RunFolder, variant_id: str) -> list[dict[str, Any]]:
    try:
        text = (folder.variant(variant_id) / "train_log.jsonl").read_text(encoding="utf-8")
        lines = [json.loads(line) for line in text.splitlines()]
    except (OSError, ValueError):
        return []
    return [line for line in lines if isinstance(line, dict) and isinstance(line.get("loss"), (int, float))]


def numbers(trained: Trained, level: float) -> list[dict[str, Any]]:
    """Return the numbers behind a status: name, n, value and, of shares, the interval."""
    found: list[dict[str, Any]] = []
    for (rows, when, metric), one in trained.fit.items():
        name = f"{'own' if rows == 'train' else rows}_{metric}_{when}"
        low = high = None
        if metric == "accuracy":
            measured = share_of_count(one["value"], one["n"], level)
            low, high = measured.low, measured.high
        found.append({"name": name, "n": one["n"], "value": one["value"], "low": low, "high": high})
    own = trained.fit.get(("train", "after", "accuracy"))
    if own is not None:
        for name in ("majority", "nats_per_row", "guessing_nats"):
            found.append({"name": f"own_{name}", "n": own["n"], "value": own[name], "low": None, "high": None})
    fall = fall_at_the_end(trained.losses)
    if fall is not None:
        found.append({"name": "fall_at_the_end", "n": len(trained.losses), "value": fall, "low": None, "high": None})
    return found


def cautions(found: Sequence[Health]) -> list[dict[str, str]]:
    """Return what has to be said on the first screen: of each status the variants that have it, then collapses elsewhere."""
    notes = []
    for status in STATUSES[:-1]:
        having = [one for one in found if one.status == status]
        if having:
            first = having[0].reasons[0]
            en, ja = (_named(having, lang) for lang in ("en", "ja"))
            word_en, word_ja = WORDS[status]
            notes.append(_note(f"{word_en}: {en}. {first.en}", f"{word_ja}：{ja}。{first.ja}"))
    elsewhere = [(one, sign) for one in found for sign in one.collapses if not sign.is_inside]
    for one, sign in elsewhere[:SAID]:
        said = sign.as_json()
        en, ja = (_named([one], lang) for lang in ("en", "ja"))
        notes.append(
            _note(f"{en}, outside its domain. {said['message_en']}", f"{ja}、学習ドメイン外：{said['message_ja']}")
        )
    if len(elsewhere) > SAID:
        n = len(elsewhere) - SAID
        notes.append(_note(f"{n} more cells outside the trained domain have collapsed; see “Did it train?”.",
                           f"学習ドメイン外で出力が崩れたセルがほかに {n} 個あります（「学習はできているか」を参照）。"))  # fmt: skip
    return notes


def _note(en: str, ja: str) -> dict[str, str]:
    return {"kind": "training_status", "message_en": en, "message_ja": ja}


def _named(found: Sequence[Health], lang: str) -> str:
    """Name a variant by entry, rows and seed, and how many more there are."""
    one, more = found[0].variant, len(found) - 1
    if lang == "en":
        return f"{one['label']} ({rows_and_seed(one)})" + (f" and {more} more" if more else "")
    return f"{one['label']}（{one['train_size']:,} 件、シード {one['seed']}）" + (f"ほか {more} 個" if more else "")
