"""How far a judge agrees with people, what it looks at wrongly, and what it says of systems.

Verdicts and people → measures. Every rate stands beside the agreement; without `least` labelled rows that the judge answered there is none. Rates are
corrected (Rogan & Gladen 1978) on the rows that nobody labelled, so that the labelled ones, which say how the judge errs, are other
rows. Rows of one text count as what they are worth. Limits: labelled rows have to be drawn at random from what is judged (a sheet is); each
interval is for itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hanka.analysis.shares import bounded_share
from hanka.errors import JudgeError
from hanka.operations.judging.people import TIE, People
from hanka.operations.judging.questions import Judged
from hanka.operations.judging.results import Measures, Rate
from hanka.operations.judging.spec import JudgeSpec
from hanka.operations.judging.verdicts import UNDECIDED, Verdict, Verdicts
from hanka.stats import Interval, exact_interval, normal_quantile, paired_groups, score_interval
from hanka.stats.biases import Bias, Group, effect_of_pairs, label_length_bias, length_bias, place_bias, turned_share
from hanka.stats.kappa import Kappa, cohens_kappa, confusion, effect_of_groups
from hanka.stats.misclassified import Corrected, Hits, corrected_rate, hits_of, tells_apart
from hanka.stats.resampling import cluster_units

FEWEST = 10
"Texts of each half, or pairs, below which nothing is said of length."


def measure(spec: JudgeSpec, judged: Judged, verdicts: Verdicts, people: People) -> Measures:
    """Return a judge's numbers. Raises JudgeError where too few labelled rows were answered, or agreement is not defined."""
    both = [one for one in verdicts.rows if one.row.key in people.labels]
    if len(both) < spec.least:
        raise JudgeError(
            f"the judge answered {len(both)} of the rows that people labelled, and {spec.least} are needed before it is heard; label more rows, "
            "or see why it did not answer: "
            + (", ".join(f"{why} ({n})" for why, n in verdicts.failures.items()) or "all were answered")
        )
    ours, theirs = [people.labels[one.row.key] for one in both], [one.verdict for one in both]
    words = _words(spec, judged, theirs)
    agreement, effect = _agreement(spec, both, ours, theirs, words)
    n_same = sum(one == other for one, other in zip(ours, theirs, strict=True))
    raw = exact_interval(n_same / effect, max(1.0, len(both) / effect), spec.level)
    length, length_why = _length(spec, judged, both, ours)
    return Measures(
        asks=spec.asks,
        words=words,
        flagged=judged.systems if spec.asks == "pair" else spec.flagged,
        agreement=agreement,
        effect=effect,
        raw=(n_same / len(both), raw.low, raw.high),
        confusion=confusion(ours, theirs, words).tolist(),
        turned=turned_share(hits_of([one.turned for one in verdicts.rows], groups_of(verdicts.rows)), spec.level),
        place=_place(spec, verdicts),
        length=length,
        length_why=length_why,
        rates=_rates(spec, judged, verdicts, people),
        difference=_difference(spec, judged, verdicts),
        n_missing=verdicts.n_missing,
        failures=verdicts.failures,
        n_people_unknown=people.n_unknown,
        n_people_empty=people.n_empty,
        level=spec.level,
    )


def _words(spec: JudgeSpec, judged: Judged, theirs: Sequence[str]) -> tuple[str, ...]:
    if spec.asks == "pair":
        return (*judged.systems, TIE)
    return (*spec.labels, *((UNDECIDED,) if UNDECIDED in theirs else ()))


def _agreement(
    spec: JudgeSpec, both: Sequence[Verdict], ours: Sequence[str], theirs: Sequence[str], words: Sequence[str]
) -> tuple[Kappa, float]:
    """Return kappa with rows of one text counting as what they are worth."""
    try:
        effect = effect_of_groups(ours, theirs, words, groups_of(both))
        return cohens_kappa(confusion(ours, theirs, words), spec.level, effect), effect
    except ValueError as error:
        raise JudgeError(
            f"agreement cannot be measured on {len(both)} labelled rows: {error}; label rows of every kind"
        ) from None


def groups_of(rows: Sequence[Verdict]) -> list[str]:
    """Return what rows belong to: their text's group, or their sample, which several systems answered."""
    return [one.row.group or f"{one.row.key.test} {one.row.key.sample}" for one in rows]


def _place(spec: JudgeSpec, verdicts: Verdicts) -> Bias | None:
    if spec.asks != "pair":
        return None
    places = [one.place for one in verdicts.rows]
    effect = effect_of_pairs(
        [at == 1 for at in places], [at == 2 for at in places], groups_of(verdicts.rows), spec.level
    )
    return place_bias(places.count(1), places.count(2), len(places), spec.level, effect)


def _length(spec: JudgeSpec, judged: Judged, both: Sequence[Verdict], ours: Sequence[str]) -> tuple[Bias | None, str]:
    """Return what a judge makes of length beyond people, or the key of the reason why that cannot be told."""
    if spec.asks == "pair":
        pairs = [
            (one, said)
            for one, said in zip(both, ours, strict=True)
            if TIE not in (one.verdict, said) and one.row.lengths[0] != one.row.lengths[1]
        ]
        if len(pairs) < FEWEST:
            return None, "few_pairs"
        longer = [judged.systems[one.row.lengths[0] < one.row.lengths[1]] for one, _ in pairs]
        judge = [one.verdict == name for (one, _), name in zip(pairs, longer, strict=True)]
        people = [said == name for (_, said), name in zip(pairs, longer, strict=True)]
        effect = effect_of_pairs(judge, people, groups_of([one for one, _ in pairs]), spec.level)
        return length_bias(judge, people, spec.level, effect), ""
    lengths = np.array([one.row.lengths[0] for one in both])
    middle = float(np.median(lengths))
    halves = [_half(spec, both, ours, lengths > middle), _half(spec, both, ours, lengths <= middle)]
    if min(one.n for one in halves) < FEWEST:
        return None, "one_length"
    return label_length_bias(halves[0], halves[1], spec.level), ""


def _half(spec: JudgeSpec, both: Sequence[Verdict], ours: Sequence[str], kept: np.ndarray) -> Group:
    rows = [(one, said) for one, said, is_in in zip(both, ours, kept.tolist(), strict=True) if is_in]
    judge, people = [one.verdict in spec.flagged for one, _ in rows], [said in spec.flagged for _, said in rows]
    only_judge = sum(a and not b for a, b in zip(judge, people, strict=True))
    only_people = sum(b and not a for a, b in zip(judge, people, strict=True))
    effect = effect_of_pairs(judge, people, groups_of([one for one, _ in rows]), spec.level) if rows else 1.0
    return Group(only_judge, only_people, len(rows), effect)


def _rates(spec: JudgeSpec, judged: Judged, verdicts: Verdicts, people: People) -> tuple[Rate, ...]:
    """Return the rate of what is flagged for each system; of pairs how often each wins."""
    if spec.asks == "pair":
        return tuple(_rate(spec, name, verdicts.rows, (name,), people, verdicts) for name in judged.systems)
    names = judged.systems or ("",)
    by = {name: [one for one in verdicts.rows if one.row.key.system == name] for name in names}
    return tuple(_rate(spec, name, rows, spec.flagged, people, verdicts) for name, rows in by.items() if rows)


def _rate(
    spec: JudgeSpec, name: str, rows: Sequence[Verdict], flagged: Sequence[str], people: People, verdicts: Verdicts
) -> Rate:
    n_flagged = sum(one.verdict in flagged for one in rows)
    ends = bounded_share([one.verdict in flagged for one in rows], groups_of(rows), (1 - spec.level) / 2)
    assert ends.low is not None
    assert ends.high is not None
    labelled = [people.labels[one.row.key] in flagged for one in rows if one.row.key in people.labels]
    corrected, why = _corrected(spec, rows, flagged, people, verdicts)
    return Rate(
        name, n_flagged, len(rows), n_flagged / len(rows), ends.low, ends.high, corrected, why,
        (sum(labelled), len(labelled)),
    )  # fmt: skip


def _corrected(
    spec: JudgeSpec, rows: Sequence[Verdict], flagged: Sequence[str], people: People, verdicts: Verdicts
) -> tuple[Corrected | None, str]:
    found, left = errors_of(verdicts, people, flagged)
    alone = [one for one in rows if one.row.key not in people.labels]
    if not found.n or not left.n:
        return None, "one_kind"
    if not alone:
        return None, "all_labelled"
    if not tells_apart(found, left, spec.level):
        return None, "not_told_apart"
    return corrected_rate(flags_of(alone, flagged), found, left, spec.level), ""


def flags_of(rows: Sequence[Verdict], flagged: Sequence[str]) -> Hits:
    """Count what the judge flags, whole groups as what they are worth."""
    return hits_of([one.verdict in flagged for one in rows], groups_of(rows))


def errors_of(verdicts: Verdicts, people: People, flagged: Sequence[str]) -> tuple[Hits, Hits]:
    """Return how often the judge flags what people flag, and leaves what they do not."""
    both = [one for one in verdicts.rows if one.row.key in people.labels]
    so, rest = ([one for one in both if (people.labels[one.row.key] in flagged) is is_so] for is_so in (True, False))
    left = hits_of([one.verdict not in flagged for one in rest], groups_of(rest))
    return flags_of(so, flagged), left


def _difference(spec: JudgeSpec, judged: Judged, verdicts: Verdicts) -> tuple[float, float, float, int] | None:
    if spec.asks != "pair":
        return None
    n = len(verdicts.rows)
    first, second = ([one.verdict == name for one in verdicts.rows] for name in judged.systems)
    value, z = (sum(first) - sum(second)) / n, normal_quantile(spec.level)
    units = cluster_units(groups_of(verdicts.rows), n)
    n_units = len(np.unique(units))
    if n_units == n:
        found = score_interval(sum(first), sum(second), n, z)
    else:  # of one text nothing can be told
        found = paired_groups(first, second, units).interval(z) if n_units > 1 else Interval(-1.0, 1.0)
    return value, found.low, found.high, n
