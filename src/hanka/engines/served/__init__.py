"""The engine of models behind an endpoint: questions as requests, answers as they come back, none asked twice."""
