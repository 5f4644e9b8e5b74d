"""Seeded worlds of the flow consent: what people choose in Braze, what staff do in ECM, and an oracle over both."""
