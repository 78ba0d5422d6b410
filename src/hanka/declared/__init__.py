"""Files that a user writes: YAML with the line of every key, and what is wrong with them in one line.

Below everything that has such a file: studies, and what is decided or watched after a run.
"""
