"""What systems cost and return: amounts that a run measured × prices that its reader states."""
