"""The simulated Braze, written from api/braze.md section 13; shares no code with the product's client."""

from ecmbraze.sandbox.braze.app import create_app
from ecmbraze.sandbox.braze.control import create_control
from ecmbraze.sandbox.braze.store import BrazeStore

__all__ = ["BrazeStore", "create_app", "create_control"]
