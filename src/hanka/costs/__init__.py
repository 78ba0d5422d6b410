"""What work costs: tokens, seconds, memory, disk, before it runs."""
