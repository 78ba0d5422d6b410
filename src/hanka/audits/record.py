"""What the audits looked at and what they found → audits.json, table, report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from hanka.errors import AuditError
from hanka.records import AuditWarning


@dataclass(slots=True, eq=False)
class Audits:
    """What was looked at and what was found."""

    warnings: list[AuditWarning] = field(default_factory=list)
    "Findings."
    checks: list[dict[str, Any]] = field(default_factory=list)
    "Every check with how many rows it looked at."
    policy: dict[str, Any] = field(default_factory=dict)
    "Token policy and what it comes to with this tokenizer."

    def checked(self, audit: str, where: str, n_checked: int, n_harmless: int = 0) -> None:
        """Note that a check was made. n_harmless: what it came across that does no harm here."""
        harmless = {"harmless": n_harmless} if n_harmless else {}
        self.checks.append({"audit": audit, "where": where, "checked": n_checked} | harmless)

    def found(self, audit: str, where: str, ids: Sequence[str], total: int, message: str) -> None:
        """Note a finding if there is any."""
        self.checked(audit, where, total)
        if ids:
            self.warnings.append(AuditWarning(audit, where, len(ids), total, message, tuple(ids[:5])))

    def counted(self, audit: str, where: str, count: int, total: int, message: str) -> None:
        """Note a finding of which no row can be named, if there is any."""
        self.checked(audit, where, total)
        if count > 0:
            self.warnings.append(AuditWarning(audit, where, count, total, message))

    def as_json(self) -> dict[str, Any]:
        """Return what audits.json holds."""
        return {"warnings": [asdict(one) for one in self.warnings], "checks": self.checks, "policy": self.policy}

    def raise_if_strict(self, strict: bool) -> None:
        """Raise AuditError naming the findings if the study is strict."""
        if strict and self.warnings:
            first = self.warnings[0]
            raise AuditError(
                f"strict: {len(self.warnings)} audit findings, first {first.audit} in {first.where}: {first.count} of "
                f"{first.total} rows, {first.message}; mend the data or set strict: false"
            )
