"""Which rows to label next: how many, which of a pool, and what each stands for (`hanka sample`).

pool → `pool` (what can be drawn) → `amount` (how many) → `draw` (which) → `written`. Reading side: no model is loaded.
"""
