"""What rules of every flow may name of a customer, as the flow `success` makes it of their open cases; makes none."""

from __future__ import annotations

OPEN_SINCE, OVERDUE_SINCE, LAST_ACTIVITY = "customer.open_since", "customer.overdue_since", "customer.last_activity"
CUSTOMER_FACTS = (OPEN_SINCE, OVERDUE_SINCE, LAST_ACTIVITY)
"""Days, empty where nothing is open; dates, never counters."""
