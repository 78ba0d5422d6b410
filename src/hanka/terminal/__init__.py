"""What people and programs see of plans, runs and registries: tables, progress, diagnosis."""
