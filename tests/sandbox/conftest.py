"""Fixtures of the sandbox's own tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.exceptions import HTTPException

from ecmbraze.sandbox.braze import create_control
from ecmbraze.sandbox.remote import RemoteSandbox
from tests.forking.sandboxes import sandbox as sandbox_process
from tests.sandbox.braze_desk import Braze
from tests.sandbox.desk import NOW, Desk


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def braze() -> Braze:
    return Braze()


@pytest.fixture
def control(braze: Braze) -> FlaskClient:
    app = Flask(__name__)
    app.register_blueprint(create_control(braze.store))
    app.register_error_handler(ValueError, lambda error: ({"error": str(error)}, 400))
    app.register_error_handler(HTTPException, lambda error: ({"error": error.description}, error.code or 500))
    return app.test_client()


@pytest.fixture(scope="module")
def running() -> Iterator[RemoteSandbox]:
    with sandbox_process(now=NOW) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: RemoteSandbox) -> Iterator[RemoteSandbox]:
    running.set_clock(NOW)
    yield running
    running.clear_faults()
    running.clear_journal()
