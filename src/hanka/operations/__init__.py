"""Operation: what is decided, watched and recorded once a study has been run.

Reads what runs stored (and logs of live traffic), writes files of its own; trains and asks nothing. One folder each.
"""
