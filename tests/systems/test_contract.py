"""The promises of the ports, kept by the clients; and whatever JSON a server sends, nothing but our own errors."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import responses
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecmbraze.errors import EcmbrazeError
from ecmbraze.model import Answer, Kind, TrackBatch, TriggerBatch, TriggerRecipient, Verdict
from ecmbraze.ports import MessageSink, PeopleReader, RecordReader, RecordSink, WorkspaceReader
from ecmbraze.systems.braze.client import BrazeClient
from ecmbraze.systems.ecm.client import EcmClient
from tests.systems.ecm_answers import AUTH, DEFINITIONS, INFO, client, detail, page, row
from tests.systems.ecm_forms import carried, form
from tests.systems.rig import API_KEY, BRAZE_URL, ECM_URL, http

ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
# Answers of the right shape with something odd in one place go deeper than answers of any shape.
SPOTS = [
    (),
    ("results",),
    ("results", "data"),
    ("results", "data", "categories"),
    ("results", "data", "properties"),
    ("results", "metadata", "categories"),
    ("paging",),
    ("paging", "actions"),
    ("users",),
    ("status",),
    ("emails",),
    ("errors",),
    ("message",),
    ("server",),
    ("forms",),
    ("error",),
]
# Where a form, and what a create or an update answers, can be odd inside.
FORM_SPOTS = [
    ("data",),
    ("options",),
    ("options", "fields"),
    ("schema",),
    ("schema", "properties"),
    ("schema", "properties", "16900_2"),
    ("data", "16900_1"),
    ("data", "16900_2"),
]


def bent(spot: tuple[str, ...], odd: Any) -> Any:
    """Return an answer that suits every endpoint, but for one place."""
    good: dict[str, Any] = {
        **detail(definitions={"16878": DEFINITIONS}),
        "paging": page(1, 1, [row(1)], 1)["paging"],
        "message": "success",
        "users": [{"external_id": "C-1"}],
        "status": {"C-1": "Subscribed"},
        "emails": [{"email": "a@b.c"}],
        "server": {"current_date": "2026-03-10T10:00:00"},
        "ticket": "ticket-1",
    }
    if not spot:
        return odd
    inside = good
    for name in spot[:-1]:
        inside = inside[name]
    inside[spot[-1]] = odd
    return good


ECM_CALLS: list[Callable[[EcmClient], object]] = [
    EcmClient.server_now,
    EcmClient.workspace_types,
    EcmClient.whoami,
    EcmClient.ping,
    lambda ecm: list(ecm.list_workspaces(33)),
    lambda ecm: ecm.workspace(90101),
    lambda ecm: ecm.attributes(90101),
]
BRAZE_CALLS: list[Callable[[BrazeClient], object]] = [
    lambda braze: braze.profiles(["C-1", "alias:crm:A-1", "email:a@b.c"]),
    lambda braze: braze.group_states("g", ["C-1"]),
    lambda braze: braze.hard_bounces(datetime(2026, 1, 1, tzinfo=UTC)),
    lambda braze: braze.names("canvas", "x"),
]
BATCH = TrackBatch(attributes=(("C-1", {"a": 1}),), events=(("C-1", {"name": "e", "time": "2026-03-10T09:00:00Z"}),))
SEND = TriggerBatch(
    kind=Kind.CANVAS, message_id="x", recipients=(TriggerRecipient(recipient="C-1", properties={}, attributes={}),)
)


class TestWorkspaceReader:
    """EcmClient."""

    def test_every_method_of_the_port_is_there_with_its_arguments(self) -> None:
        assert_same_shape(WorkspaceReader, EcmClient)

    @settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
    @given(st.sampled_from(SPOTS), ANY, st.sampled_from(ECM_CALLS), st.sampled_from([200, 400, 500]))
    @pytest.mark.long
    def test_whatever_json_comes_only_our_errors_come_out(
        self, spot: tuple[str, ...], odd: Any, call: Callable[[EcmClient], object], status: int
    ) -> None:
        with responses.RequestsMock(assert_all_requests_are_fired=False) as net:
            net.add(responses.POST, AUTH, json={"ticket": "ticket-1"})
            net.add(responses.GET, re.compile(ECM_URL), json=bent(spot, odd), status=status)
            try:
                call(client())
            except EcmbrazeError as error:
                assert error.exit_code in (3, 5, 7, 15)  # noqa: PT017 the class is asserted by the except


class TestRecordSink:
    """EcmClient, writing, and reading back what it wrote."""

    @pytest.mark.parametrize("port", [RecordSink, RecordReader])
    def test_every_method_of_the_port_is_there_with_its_arguments(self, port: type) -> None:
        assert_same_shape(port, EcmClient)

    @settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
    @given(st.sampled_from(SPOTS), ANY, st.sampled_from([200, 201, 302, 400, 403, 404, 409, 500, 503]), st.booleans())
    @pytest.mark.long
    def test_whatever_comes_is_an_answer(self, spot: tuple[str, ...], odd: Any, status: int, late: bool) -> None:
        with responses.RequestsMock(assert_all_requests_are_fired=False) as net:
            net.add(responses.POST, AUTH, json={"ticket": "ticket-1"})
            reads = 200 if late else status
            net.add(responses.GET, re.compile(r".*/forms/"), json=form() if late else bent(spot, odd), status=reads)
            net.add(responses.GET, re.compile(r".*/categories"), json=carried((16900, "Consent")), status=reads)
            for method in (responses.GET, responses.POST, responses.PUT):
                net.add(method, re.compile(ECM_URL), json=bent(spot, odd), status=status)
            ecm = client()
            for answer in (
                ecm.set_values(90101, {"Consent.Email Status": "Withdrawn"}, {}),
                ecm.put_document(90101, "F", "d.txt", b"x", "text/plain"),
            ):
                assert isinstance(answer, Answer)
                assert answer.verdict is not Verdict.ACCEPTED or 200 <= status < 300

    @settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
    @given(st.sampled_from(FORM_SPOTS), ANY)
    @pytest.mark.long
    def test_whatever_a_form_holds_nothing_but_an_answer_comes_out(self, spot: tuple[str, ...], odd: Any) -> None:
        told = form()
        inside = told["forms"][0]
        for name in spot[:-1]:
            inside = inside[name]
        inside[spot[-1]] = odd
        with responses.RequestsMock(assert_all_requests_are_fired=False) as net:
            net.add(responses.POST, AUTH, json={"ticket": "ticket-1"})
            net.add(responses.GET, re.compile(r".*/forms/"), json=told)
            net.add(responses.GET, re.compile(r".*/categories"), json=carried((16900, "Consent")))
            net.add(responses.GET, re.compile(ECM_URL), json={"results": {"data": {}}})
            net.add(responses.PUT, re.compile(ECM_URL), json={"results": {}})
            assert isinstance(client().set_values(90101, {"Consent.Email Status": "Withdrawn"}, {}), Answer)

    @settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
    @given(st.sampled_from(SPOTS), ANY, st.sampled_from([200, 400, 500]))
    @pytest.mark.long
    def test_whatever_is_read_back_only_our_errors_come_out(self, spot: tuple[str, ...], odd: Any, status: int) -> None:
        with responses.RequestsMock(assert_all_requests_are_fired=False) as net:
            net.add(responses.POST, AUTH, json={"ticket": "ticket-1"})
            net.add(responses.GET, re.compile(ECM_URL), json=bent(spot, odd), status=status)
            try:
                assert client().document_content(90101, "", "d.txt") is None
            except EcmbrazeError as error:
                assert error.exit_code in (3, 5, 7, 15)  # noqa: PT017 the class is asserted by the except


class TestPeopleReader:
    """BrazeClient, reading."""

    def test_every_method_of_the_port_is_there_with_its_arguments(self) -> None:
        assert_same_shape(PeopleReader, BrazeClient)

    @settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
    @given(st.sampled_from(SPOTS), ANY, st.sampled_from(BRAZE_CALLS), st.sampled_from([200, 201, 400, 500]))
    @pytest.mark.long
    def test_whatever_json_comes_only_our_errors_come_out(
        self, spot: tuple[str, ...], odd: Any, call: Callable[[BrazeClient], object], status: int
    ) -> None:
        with responses.RequestsMock(assert_all_requests_are_fired=False) as net:
            for method in (responses.GET, responses.POST):
                net.add(method, re.compile(BRAZE_URL), json=bent(spot, odd), status=status)
            try:
                call(BrazeClient(http(BRAZE_URL), api_key="canary-key"))
            except EcmbrazeError as error:
                assert error.exit_code in (5, 7, 15)  # noqa: PT017 the class is asserted by the except


class TestMessageSink:
    """BrazeClient, writing."""

    def test_every_method_of_the_port_is_there_with_its_arguments(self) -> None:
        assert_same_shape(MessageSink, BrazeClient)

    @settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
    @given(st.sampled_from(SPOTS), ANY, st.sampled_from([200, 201, 202, 302, 400, 403, 404, 408, 413, 415, 500, 503]))
    @pytest.mark.long
    def test_whatever_comes_is_an_answer(self, spot: tuple[str, ...], odd: Any, status: int) -> None:
        with responses.RequestsMock(assert_all_requests_are_fired=False) as net:
            net.add(responses.POST, re.compile(BRAZE_URL), json=bent(spot, odd), status=status)
            braze = BrazeClient(http(BRAZE_URL), api_key="canary-key")
            for answer in (braze.track(BATCH), braze.trigger(SEND), braze.withdraw(["C-1"], "email")):
                assert isinstance(answer, Answer)
                assert answer.verdict is not Verdict.ACCEPTED or 200 <= status < 300

    def test_a_key_that_fits_in_no_header_is_an_answer_too(self) -> None:
        answer = BrazeClient(http("http://127.0.0.1:9"), api_key=f"{API_KEY}\n\u20ac").track(BATCH)
        assert answer.verdict is Verdict.NOT_PROCESSED
        assert "canary" not in answer.reason


def assert_same_shape(port: type, client_class: type) -> None:
    for name, promised in inspect.getmembers(port, inspect.isfunction):
        if not name.startswith("_"):
            kept = inspect.signature(getattr(client_class, name))
            assert list(kept.parameters) == list(inspect.signature(promised).parameters), name


@pytest.mark.parametrize("path", [AUTH, INFO])
def test_every_address_keeps_the_base_path(path: str) -> None:
    assert path.startswith("http://ecm.test/otcs/cs.exe/api/")
