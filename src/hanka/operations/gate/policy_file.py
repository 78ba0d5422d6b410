"""A policy as a file: read with the files that it names, every mistake with file, line and key."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from hanka.declared.messages import first_mistake
from hanka.declared.source import FileKind, Key, Source, read_file
from hanka.errors import HankaError, PolicyError
from hanka.identity import sha256_text
from hanka.operations.gate.policy import RATES, Guardrail, Policy, Rule, named

POLICY = FileKind(
    noun="policy",
    error=PolicyError,
    keys="`candidate:`, `against:`, `rules:` and `guardrails:`",
    missing="docs/gate.md shows one to begin with",
    empty="docs/gate.md shows a policy to begin with",
)


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A policy with the file it came from."""

    policy: Policy
    "What it asks."
    source: Source
    "The file."
    sha256: str
    "Of what it asks: the same policy written differently has the same."

    def items(self) -> list[tuple[Key, Rule | Guardrail]]:
        """Return rules, then guardrails, each with its key in the file."""
        rules: list[tuple[Key, Rule | Guardrail]] = [(("rules", at), one) for at, one in enumerate(self.policy.rules)]
        return [*rules, *((("guardrails", at), one) for at, one in enumerate(self.policy.guardrails))]

    def error(self, key: Key, message: str) -> HankaError:
        """Return the one-line error for a key."""
        return self.source.error(key, message)


def read_policy(path: Path) -> Asked:
    """Read a policy file. Raises PolicyError with file, line and key."""
    return policy_of(read_file(path, POLICY))


def policy_of(source: Source) -> Asked:
    """Check what a policy file says. Raises PolicyError with file, line and key."""
    try:
        policy = Policy.model_validate(source.values)
    except ValidationError as error:
        raise first_mistake(source, error, Policy) from None
    policy = _with_files(policy, source)
    judges = "".join(one.judged.asked.spec.model_dump_json() for one in policy.guardrails if one.judged is not None)
    asked = Asked(policy, source, sha256_text(policy.model_dump_json() + judges))
    if policy.candidate.run:
        raise asked.error(
            ("candidate", "run"), "the candidate is of the run that is judged; name that run on the command line"
        )
    if policy.against.run and not policy.against.variant:
        raise asked.error(
            ("against", "variant"), "say which variant of that run, as in {run: ../released, variant: sft}"
        )
    if not asked.items():
        raise asked.error((), "asks nothing; give at least one of `rules` or `guardrails`")
    known: dict[str, Key] = {}
    for key, one in asked.items():
        if one.title in known:
            raise asked.error(key, f"two rules are called {one.title!r}; give one a `name:` of its own")
        known[one.title] = key
    return asked


def _with_files(policy: Policy, source: Source) -> Policy:
    """Read the files that detectors name, seen from the policy's folder; their content is part of what is asked."""
    folder, rails = source.path.resolve().parent, []
    for at, rail in enumerate(policy.guardrails):
        name = next(iter(named(rail, (*RATES, "detector", "judged"))), "")
        try:
            changed: dict[str, Any] = {name: rail.rate.loaded(folder)} if rail.rate is not None else {}
            if rail.judged is not None:
                changed = {name: rail.judged.loaded(folder)}
        except HankaError as error:
            raise source.error(("guardrails", at, name), str(error)) from None
        rails.append(rail.model_copy(update=changed))
    return policy.model_copy(update={"guardrails": tuple(rails)})
