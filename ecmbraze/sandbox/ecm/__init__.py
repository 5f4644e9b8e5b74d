"""The simulated Extended ECM, written from api/ecm.md section 13; imports nothing outside the sandbox."""

from ecmbraze.sandbox.ecm.app import create_app
from ecmbraze.sandbox.ecm.store import EcmStore

__all__ = ["EcmStore", "create_app"]
