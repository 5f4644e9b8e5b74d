"""Step 0: what earlier rounds left open: doubts, evidence, samples read back; plans nothing."""
