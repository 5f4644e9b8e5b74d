"""Step 1: what both systems say now, listed and read into the plan file; plans nothing."""
