"""What `success` decides: who waits, who is silent, and which follow-up each of them has; asks no system."""
