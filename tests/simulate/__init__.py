"""Seeded worlds of edits, faults, kills and clocks, and an oracle over what both systems truly hold."""
