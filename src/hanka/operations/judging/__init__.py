"""A base model as annotator or judge, never without how far it agrees with people and what it looks at wrongly.

a run's answers → questions → **asked in both orders (`hanka.judge`)** → verdicts → agreement, biases, rates → a page. Reading side: what is
here needs no model.
"""
