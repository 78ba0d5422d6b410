"""What could spoil the numbers, looked for before any training → audits.json, table, report.

Rows of own files that are not used; overlap and contradictions between training, tests and demonstrations, groups on both sides;
repeated rows; labels outside the label set or without a row; rows lost to truncation; answers that merge with the prompt; references longer than the generation cap; labels that
begin with the same token; passages that hold a row or its answer; prompts that differ between training and scoring. Every finding carries counts;
`strict: true` turns them into one error.
"""

from __future__ import annotations

from hanka.audits.contexts import audit_contexts
from hanka.audits.record import Audits
from hanka.audits.rows import audit_rows
from hanka.audits.tokens import audit_served_labels, audit_tokens, require_common_vocabularies

__all__ = [
    "Audits",
    "audit_contexts",
    "audit_rows",
    "audit_served_labels",
    "audit_tokens",
    "require_common_vocabularies",
]
