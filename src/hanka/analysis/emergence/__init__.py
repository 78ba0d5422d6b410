"""The emergence law of measurements: what it is fitted to, what it predicts, how that is said and drawn."""
