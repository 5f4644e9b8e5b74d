"""Step 3: what is staged leaves: divided, screened, sent, settled; plans nothing."""
