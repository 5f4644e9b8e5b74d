"""Consent, pure: what a message demands of it, and how its record in Extended ECM is decided, worded and written."""
