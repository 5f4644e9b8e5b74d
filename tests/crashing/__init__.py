"""Kill the program at every point at which it could lose or repeat something."""
