"""Serve the control API: clock, switches, faults, journal; the only way tests reach into the sandbox."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException

from ecmbraze.sandbox.clock import SandboxClock, parse_instant
from ecmbraze.sandbox.control_ecm import create_control as create_ecm_control
from ecmbraze.sandbox.ecm import EcmStore
from ecmbraze.sandbox.ecm.refusals import RefusalError
from ecmbraze.sandbox.faults import Fault, FaultPlan
from ecmbraze.sandbox.journal import Journal


def create_control_app(
    clock: SandboxClock, journal: Journal, faults: FaultPlan, ecm: EcmStore, braze: Blueprint
) -> Flask:
    """Return the control application; ``braze`` is mounted below ``/braze``, the ECM's part below ``/ecm``."""
    app = Flask(__name__)
    app.register_blueprint(_basics(clock, ecm))
    app.register_blueprint(_faults(faults))
    app.register_blueprint(_journal(journal))
    app.register_blueprint(create_ecm_control(ecm), url_prefix="/ecm")
    app.register_blueprint(braze, url_prefix="/braze")
    app.register_error_handler(ValueError, _wrong)
    app.register_error_handler(KeyError, _wrong)
    app.register_error_handler(RefusalError, lambda refusal: (jsonify(error=refusal.text("en")), 400))
    app.register_error_handler(HTTPException, lambda error: (jsonify(error=error.description), error.code or 500))
    return app


def sent() -> Any:
    """Return the JSON of a control request, an empty object when there is none."""
    return request.get_json(force=True, silent=False) if request.content_length else {}


def _wrong(error: Exception) -> tuple[Response, int]:
    return jsonify(error=str(error)), 400


def _basics(clock: SandboxClock, ecm: EcmStore) -> Blueprint:
    basics = Blueprint("basics", __name__)

    @basics.get("/health")
    def health() -> Response:
        return jsonify(ok=True, now=clock.now().isoformat())

    @basics.route("/clock", methods=["GET", "POST"])
    def show_clock() -> Response:
        wanted = sent() if request.method == "POST" else {}
        if "now" in wanted:
            clock.set(parse_instant(wanted["now"]))
        if "advance_s" in wanted:
            clock.advance(float(wanted["advance_s"]))
        if "frozen" in wanted:
            clock.freeze(bool(wanted["frozen"]))
        return jsonify(now=clock.now().isoformat(), frozen=clock.frozen)

    @basics.route("/switches", methods=["GET", "POST"])
    def show_switches() -> Response:
        with ecm.lock:
            if request.method == "POST":
                ecm.switches.change(sent())
            return jsonify(ecm.switches.read())

    return basics


def _faults(plan: FaultPlan) -> Blueprint:
    faults = Blueprint("faults", __name__)

    @faults.route("/faults", methods=["GET", "POST", "DELETE"])
    def show_faults() -> Response:
        if request.method == "DELETE":
            plan.clear()
        if request.method == "POST":
            wanted = sent()
            plan.add([Fault.read(raw) for raw in (wanted if isinstance(wanted, list) else [wanted])])
        return jsonify(plan.listing())

    return faults


def _journal(book: Journal) -> Blueprint:
    journal = Blueprint("journal", __name__)

    @journal.route("/journal", methods=["GET", "DELETE"])
    def show_journal() -> Response:
        if request.method == "DELETE":
            book.clear()
        return jsonify(book.read(int(request.args.get("since", 0)), request.args.get("system")))

    return journal
