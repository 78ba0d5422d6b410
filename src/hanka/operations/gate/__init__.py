"""May this ship? A policy, judged on what a run stored: pass, fail or inconclusive.

policy (`policy.py`) + run → who is judged (`systems.py`) → where each rule applies (`places.py`) → one check per rule and test
set (`measured.py`, `differences.py`, `rates.py`) → outcome (`judge.py`) → page, Markdown, JUnit, JSON.
"""
