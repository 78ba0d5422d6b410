"""The log of decisions: who approved, promoted, released and rolled back what, and when. Append-only, with a hash chain.

`append`, `read` and `verify` are all that other parts need (`approvals.about_run` says how an entry names a run); what is approved and
what is served stands in `approvals` and `serving`. Limits: names are as they are given, nobody's identity is checked; whoever rewrites the whole file makes a chain that is whole
in itself, which only a head that was kept elsewhere tells from the true one.
"""

from __future__ import annotations

from hanka.operations.ledger.chain import Break, Verified, read, verify
from hanka.operations.ledger.entries import Entry, append
from hanka.operations.ledger.repair import repair

__all__ = ["Break", "Entry", "Verified", "append", "read", "repair", "verify"]
