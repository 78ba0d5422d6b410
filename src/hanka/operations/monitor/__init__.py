"""Watching what was shipped: logs of live traffic against the run it came from.

logs → rows → windows → detectors → alarms → state, page, study for retraining
"""
