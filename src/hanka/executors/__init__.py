"""Who carries out units, and in which process."""
