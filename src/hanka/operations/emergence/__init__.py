"""The emergence law over a table of published or measured values: read, predicted, shown as a page."""
