"""Which models may be used: every need is asked, and what is not stated is not passed."""

from __future__ import annotations

from hanka.advise.thresholds import Thresholds
from hanka.advise.usable import Needs, Usable, usable_models
from hanka.models.listed import MODELS, Commercial, ModelEntry


def model(
    name: str, n: int = 10**9, languages: tuple[str, ...] = ("en",), commercial: Commercial = "yes", context: int = 2048
) -> ModelEntry:
    return ModelEntry(name, "hub", "X", n, "", languages=languages, commercial=commercial, context=context)


LIST = (
    model("english"), model("silent", languages=()), model("both", languages=("en", "ja"), n=3 * 10**9),
    model("paid", commercial="conditions"), model("never", commercial="no"), model("untold", commercial="not stated"),
    model("long", context=8192), model("unsized", context=0), model("huge", n=70 * 10**9),
)  # fmt: skip


def judged(needs: Needs, side: str = "FT") -> dict[str, Usable]:
    return {one.name: one for one in usable_models(needs, side, Thresholds(), LIST)}  # type: ignore[arg-type]


def test_a_language_that_is_not_there_forbids_and_one_that_is_not_stated_is_unknown() -> None:
    found = judged(Needs(languages=("ja",)))
    assert (found["english"].may, found["english"].against) == ("no", ("language",))
    assert (found["silent"].may, found["silent"].unknown) == ("unknown", ("language",))
    assert found["both"].may == "yes"


def test_commercial_use_is_asked_only_where_it_is_needed() -> None:
    assert judged(Needs(commercial=True))["never"].may == "no"
    assert judged(Needs(commercial=True))["paid"].may == "conditions"
    assert judged(Needs(commercial=True))["untold"].may == "unknown"
    assert judged(Needs(commercial=False))["never"].may == "yes"
    assert judged(Needs())["never"].may == "yes"


def test_the_longest_prompt_has_to_fit() -> None:
    found = judged(Needs(longest_prompt_tokens=4000))
    assert (found["english"].may, found["english"].against) == ("no", ("context",))
    assert found["long"].may == "yes"
    assert (found["unsized"].may, found["unsized"].unknown) == ("unknown", ("context",))
    assert judged(Needs(longest_prompt_tokens=2048))["english"].may == "yes"


def test_a_model_beyond_the_practical_line_is_none_to_tune_and_the_first_to_prompt() -> None:
    assert (judged(Needs())["huge"].may, judged(Needs())["huge"].against) == ("no", ("size",))
    assert usable_models(Needs(), "LLM", Thresholds(), LIST)[0].name == "huge"


def test_no_model_of_the_catalogue_is_dropped() -> None:
    assert {one.name for one in usable_models(Needs(("ja",), True, 10**6), "FT", Thresholds())} == {
        one.name for one in MODELS
    }
