"""The flow as a drawing: ten questions in a column, an exit to the right of each, the way taken in bold.

path → **SVG**. Drawn by hand, not as a chart: boxes, lines and words, in the page's own variables and `currentColor`, so that it serves
light, dark and print. 340 units wide, which a narrow screen shows whole.
"""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup, escape

from hanka.advise.flow import Exit, ExitReached, Path, Step
from hanka.advise.sentences import exit_word, title
from hanka.report.words import Words

WIDTH = 340
ROW = 58
BOX = (1, 208, 38)
"Left, width and height of a question."
EXIT = (258, 81, 26)
"Left, width and height of an exit."
FAINT = "0.6"
"Opacity of what is not on the way."


def flow_drawing(path: Path, words: Words) -> Markup:
    """Draw the flow. Every text is escaped; nothing is fetched."""
    height = ROW * len(path.steps) + EXIT[2] + 4
    parts = [part for step in path.steps for part in _step(step, path, words)]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" aria-hidden="true">'
    return Markup(head) + Markup("").join(parts) + Markup("</svg>")  # noqa: S704 - numbers of our own


def flow_said(path: Path, words: Words) -> str:
    """Say the drawing: each question on the way, then the exits that can be reached."""
    steps = [
        words.plain(
            "advise_spoken_step", number=one.question.number, title=title(one.question.number, words).rstrip("?？"),
            answer=words.plain(f"advise_state_{one.state}"),
        )
        for one in path.steps
        if one.is_reached
    ]  # fmt: skip
    exits = [
        words.plain(
            "advise_spoken_exit",
            number=one.number,
            answer=words.plain(f"advise_{one.answer}"),
            exit=exit_word(one.exit, words),
        )
        for one in path.exits
    ]
    gap = "" if words.lang == "ja" else " "
    return gap.join([words.plain("advise_figure") + ("。" if words.lang == "ja" else "."), *steps, *exits])


def _step(step: Step, path: Path, words: Words) -> Iterator[Markup]:
    """Yield a question's box, the line to its exit, and the line to the next question or to the last exit."""
    question = step.question
    top = ROW * (question.number - 1) + 1
    yield _box(step, top, words)
    for answer in ("yes", "no"):
        target = question.leads(answer)
        taken = step.is_reached and answer in step.branches
        word = words.plain(f"advise_{answer}")
        if isinstance(target, int):
            yield _down(top, word, taken)
        elif question.number == len(path.steps) and answer == "no":
            yield _down(top, word, taken)
            yield _exit(target, (1.0, ROW * len(path.steps) + 1.0), _is_reached(path, question.number, answer), words)
        else:
            yield _right(top, word, taken)
            yield _exit(
                target, (EXIT[0], top + (BOX[2] - EXIT[2]) / 2), _is_reached(path, question.number, answer), words
            )


def _is_reached(path: Path, number: int, answer: str) -> bool:
    return any((one.number, one.answer) == (number, answer) for one in path.exits if isinstance(one, ExitReached))


def _box(step: Step, top: float, words: Words) -> Markup:
    left, width, height = BOX
    bold = step.is_reached
    dash = "" if not bold or step.state in ("yes", "no") else ' stroke-dasharray="5 4"'
    said = words.plain(f"advise_state_{step.state}") if bold else words.plain("advise_not_reached")
    line = "var(--accent)" if bold else "var(--line-strong)"
    return (
        _m(f'<g opacity="{1 if bold else FAINT}"><rect x="{left}" y="{top}" width="{width}" height="{height}" fill="var(--panel)" '
           f'stroke="{line}" stroke-width="{2 if bold else 1}"{dash}/>')
        + _text(left + 10, top + 16, f"{step.question.number}  {title(step.question.number, words)}", 13, bold)
        + _text(left + 10, top + 31, said, 11, False)
        + _m("</g>")
    )  # fmt: skip


def _right(top: float, word: str, taken: bool) -> Markup:
    middle = top + BOX[2] / 2
    start, end = BOX[0] + BOX[1], EXIT[0]
    return _line(f"M{start} {middle}H{end}", taken) + _text(start + 6, middle - 4, word, 11, taken, faint=not taken)


def _down(top: float, word: str, taken: bool) -> Markup:
    x, start, end = BOX[0] + 24, top + BOX[2], top + ROW
    return _line(f"M{x} {start}V{end}", taken) + _text(x + 6, (start + end) / 2 + 4, word, 11, taken, faint=not taken)


def _exit(exit_: Exit, place: tuple[float, float], is_reached: bool, words: Words) -> Markup:
    (left, top), (_, width, height) = place, EXIT
    fill = "var(--accent)" if is_reached else "none"
    ink = "var(--paper)" if is_reached else "currentColor"
    return (
        _m(f'<g opacity="{1 if is_reached else FAINT}"><rect x="{left}" y="{top}" width="{width}" height="{height}" fill="{fill}" '
           f'stroke="{"var(--accent)" if is_reached else "var(--line-strong)"}"/>')
        + _m(f'<text x="{left + width / 2}" y="{top + 17}" font-size="12" text-anchor="middle" fill="{ink}"'
             f'{" font-weight=" + chr(34) + "bold" + chr(34) if is_reached else ""}>')
        + escape(exit_word(exit_, words)) + _m("</text></g>")
    )  # fmt: skip


def _line(path: str, taken: bool) -> Markup:
    ink = "var(--accent)" if taken else "var(--line-strong)"
    return _m(
        f'<path d="{path}" fill="none" stroke="{ink}" stroke-width="{2.5 if taken else 1}" opacity="{1 if taken else FAINT}"/>'
    )


def _text(x: float, y: float, text: str, size: int, is_bold: bool, faint: bool = False) -> Markup:
    weight = ' font-weight="bold"' if is_bold else ""
    head = f'<text x="{x}" y="{y}" font-size="{size}" fill="currentColor"{weight}{f" opacity={chr(34)}{FAINT}{chr(34)}" if faint else ""}>'
    return _m(head) + escape(text) + _m("</text>")


def _m(text: str) -> Markup:
    """Mark what is written here, of numbers and names of our own."""
    return Markup(text)  # noqa: S704
