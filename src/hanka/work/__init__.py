"""What carries units out: making variants, asking cells, and what is measured on the way."""
