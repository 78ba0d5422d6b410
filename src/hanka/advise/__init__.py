"""Advise: prompt a large model, or tune a smaller one? The practical guide's flow over what a study measured.

study or run → **inputs** → flow (ten questions, eleven exits) and remarks → verdict, beside what the run itself measured. `flow.py`,
`remarks.py` and `flips.py` are pure; `measured*.py` reads runs, `declared.py` studies, `answers.py` files and terminals. One
direction: nothing here trains or asks a model.

Source: Yang et al. (2023), "Harnessing the Power of LLMs in Practice", arXiv 2304.13712, its decision figure and remarks 1 to 8. Limits:
the flow is a rule of thumb of 2023, and its thresholds are defaults of this package where the guide gives none.
"""
