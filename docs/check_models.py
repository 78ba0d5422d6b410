"""Compare the catalogue of base models with what the hub says of each: licence, sizes, languages. Needs a network.

    python docs/check_models.py            # every model of the hub; exits with 1 where something differs
    python docs/check_models.py NAME ...   # some of them

What the hub does not say is not compared. A gated model is read as far as its public page goes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hanka.models.listed import MODELS, ModelEntry

LICENCES = {"apache-2.0": "Apache-2.0", "mit": "MIT"}
"As the hub tags them → as the catalogue writes them; others are compared by their beginning."


def main(names: Sequence[str]) -> int:
    """Print a line per difference; return the exit code."""
    from huggingface_hub import HfApi

    api, n_wrong = HfApi(), 0
    for entry in (one for one in MODELS if one.hub_id and (not names or one.name in names)):
        try:
            found = api.model_info(entry.hub_id, expand=["cardData", "config", "safetensors"])
        except Exception as error:  # the client lets its HTTP library's errors through
            print(f"{entry.name}: cannot be asked: {' '.join(str(error).split())[:150]}")
            n_wrong += 1
            continue
        for line in differences(entry, card_of(found), sizes_of(found)):
            print(f"{entry.name}: {line}")
            n_wrong += 1
    print(f"{n_wrong} differences")
    return int(n_wrong > 0)


def card_of(found: Any) -> Mapping[str, Any]:
    """Return what a model's page states."""
    card = getattr(found, "card_data", None)
    return card.to_dict() if card is not None else {}


def sizes_of(found: Any) -> Mapping[str, int]:
    """Return the numbers that the hub reads off the weights."""
    weights = getattr(found, "safetensors", None)
    return {"n_parameters": int(weights.total)} if weights is not None else {}


def differences(entry: ModelEntry, card: Mapping[str, Any], sizes: Mapping[str, int]) -> Iterator[str]:
    """Yield what differs between the catalogue and the hub, a line each."""
    licence = str(card.get("license") or "")
    known = LICENCES.get(licence)
    if known and not entry.licence.startswith(known):
        yield f"licence is {entry.licence!r} here and {licence!r} on the hub"
    if licence and not known and entry.commercial == "yes":
        yield f"commercial use is `yes` here, and the licence on the hub is {licence!r}"
    languages = card.get("language")
    if languages and entry.languages and set(entry.languages) - set(languages):
        yield f"languages are {', '.join(entry.languages)} here and {', '.join(languages)} on the hub"
    n_parameters = sizes.get("n_parameters")
    if n_parameters and n_parameters != entry.n_parameters:
        yield f"parameters are {entry.n_parameters:,} here and {n_parameters:,} on the hub"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
