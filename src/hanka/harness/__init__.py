"""Tasks of lm-evaluation-harness, asked of every variant through hanka's engines and judged by the harness itself.

`found` reads what a study names, `model` is the harness' view of an engine, `samples` turns its samples into predictions,
`shares` says what a limit leaves of a group.
"""
