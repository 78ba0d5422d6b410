"""What is said of sizes of a model, in English and Japanese: how many ladders have which shape, and each that turns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from hanka.analysis.questions.scale.judged import Judged, Shape, Step
from hanka.analysis.questions.scale.ladder import Way

SHAPES: Mapping[Shape, tuple[str, str]] = {
    "u": ("U-shaped", "U 字型"),
    "drops": ("drop", "下がる"),
    "inverted_u": ("rise and drop again", "上がってから下がる"),
    "open": ("open", "未確定"),
    "rises": ("rise, monotone within error", "誤差の範囲で単調に上がる"),
    "equal": ("equal within the margin", "差は許容範囲内"),
}
"What curves over sizes do, what turns first."


def way_name(way: Way) -> str:
    """Name what is done with a base, in words of the study alone."""
    shots = f"{way.asked.shots}-shot" + ("" if way.asked.context in ("", "drawn") else f" {way.asked.context}")
    return f"{way.label}, {shots}" if not way.dataset else f"{way.label} ({way.dataset}, {way.size:,}), {shots}"


def summary(counts: Mapping[str, int], told: Sequence[Judged]) -> tuple[str, str]:
    """Say how many curves over sizes have which shape."""
    sizes = max(len(one.ladder.cells) for one in told)
    en = ", ".join(f"{counts[shape]} {name}" for shape, (name, _) in SHAPES.items() if counts.get(shape))
    ja = "、".join(f"「{name}」{counts[shape]} 本" for shape, (_, name) in SHAPES.items() if counts.get(shape))
    return (
        f"Over up to {sizes} sizes of the base, of {len(told)} curves (a system on a test set): {en}.",
        f"ベースモデルの最大 {sizes} 通りの規模について、{len(told)} 本の曲線（システムとテストセットの組）の内訳は、{ja}です。",
    )


def sentence(one: Judged) -> tuple[str, str]:
    """Say where a larger base is shown not to be better."""
    ladder = one.ladder
    metric_ja = ladder.metric.display_ja or ladder.metric.display
    head_en = f"{ladder.test} ({ladder.metric.display}), {way_name(ladder.way)}"
    head_ja = f"{ladder.test}（{metric_ja}）、{way_name(ladder.way)}"
    steps = [_step(step) for step in one.telling]
    verb_en, verb_ja = {
        "u": ("U-shaped: worse", "U 字型です。"),
        "inverted_u": ("better and worse again:", "上がってから下がります。"),
        "drops": ("drops", "下がります。"),
    }[one.shape]
    return (
        f"{head_en}: {verb_en} {', then '.join(en for en, _ in steps)}.",
        f"{head_ja}：{verb_ja}{'、次に '.join(ja for _, ja in steps)}。",
    )


def _step(step: Step) -> tuple[str, str]:
    found = step.difference
    ends = "" if found.low is None or found.high is None else f" [{found.low:+.3f}, {found.high:+.3f}]"
    number = f"{found.value:+.3f}{ends} (n = {found.n})"
    small, large = step.smaller.name, step.larger.name
    return f"from {small} to {large} {number}", f"{small} から {large} で {number}"


def notes(told: Sequence[Judged], level: float, n_steps: int, n_left_out: int) -> Iterator[tuple[str, str]]:
    """Yield what the answer rests on, and what it leaves out."""
    yield (
        f"The intervals of differences ({level:.0%}) hold together over {n_steps} differences, on the same rows, prompts, draws and seeds of both "
        "bases; those of values are each for itself. A filled point is of a curve that turns.",
        f"差の区間（{level:.0%}）は {n_steps} 個の差について同時に成り立ち、両方のベースモデルの同じ行、プロンプト、抽出、シードに基づきます。値の区間は個々の値に"
        "対するものです。塗りつぶした点は、向きが変わる曲線のものです。",
    )
    families = list(dict.fromkeys(one.ladder.family for one in told))
    if any(one.is_mixed for one in families):
        yield (
            "No three bases differ by the size in their name alone, so all are taken together: they differ in more than size.",
            "名前の規模の部分だけが異なるベースモデルが 3 つないため、すべてを一緒に比べています。違いは規模だけではありません。",
        )
    left_out = [name for one in families for name in one.left_out]
    if left_out:
        yield (
            f"Left out, for a base of the same size comes before: {', '.join(left_out)}.",
            f"同じ規模のベースモデルが先にあるため除いたもの：{'、'.join(left_out)}。",
        )
    if n_left_out:
        yield (
            f"{n_left_out} curve(s) are left out: some two bases share too few scored rows, or no prompt, draw and seed.",
            f"採点済みの共通の行が少なすぎるか、プロンプト、抽出、シードの組が共通しないベースモデルがあるため、曲線 {n_left_out} 本を除いています。",
        )
