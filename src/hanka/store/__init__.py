"""The store: content-addressed folders, atomic writes, readers. No pickle anywhere."""

from __future__ import annotations

from hanka.store.folder import SUMMARY_COLUMNS, RunFolder

__all__ = ["SUMMARY_COLUMNS", "RunFolder"]
