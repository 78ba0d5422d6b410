"""Why a base model could not be had, in one line a user can act on. Light: no torch, no hub client."""

from __future__ import annotations

from hanka.models.catalogue import ModelRef


def explain_failure(ref: ModelRef, error: Exception) -> str:
    """Say in one line why a model could not be had, and what to do."""
    names = {kind.__name__ for one in (error, error.__cause__, error.__context__) if one for kind in type(one).__mro__}
    text = " ".join(str(error).split())
    lower = text.lower()
    if "GatedRepoError" in names or "gated repo" in lower:
        return (
            f"model {ref.name!r} is gated: accept its licence on the hub, then log in with `hf auth login` "
            f"or set HF_TOKEN; or choose another base with --base"
        )
    if "RepositoryNotFoundError" in names or "is not a local folder and is not a valid model identifier" in text:
        return f"model {ref.name!r} is not on the hub (or is private): check the id, or log in with `hf auth login`"
    if "RevisionNotFoundError" in names:
        return f"model {ref.name!r} has no revision {ref.revision!r}: pin one that exists with {ref.hub_id}@<commit>"
    offline = (
        "couldn't connect",
        "offline",
        "name resolution",
        "name or service",
        "connection",
        "timed out",
        "locate the file",
    )
    if ref.kind == "hub" and (
        names & {"LocalEntryNotFoundError", "TransportError", "ConnectError"} or any(word in lower for word in offline)
    ):
        return (
            f"model {ref.name!r} is not in the local cache and the hub cannot be reached: go online once, give a "
            f"local folder, or use --base smollm2-135m-instruct"
        )
    if "safetensors" in lower and ("no file named" in lower or "not found" in lower or "does not appear" in lower):
        return f"model {ref.name!r} has no safetensors weights, and hanka loads nothing else: convert it first"
    if "trust_remote_code" in lower:
        return (
            f"model {ref.name!r} needs its own code: set base: {{model: {ref.hub_id or ref.name}@<commit>, "
            f"trust_remote_code: true}} if you trust it"
        )
    return f"model {ref.name!r} cannot be loaded: {text[:300]}"
