"""Category values go out once, under the lock, only where they differ, and never over what a person typed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
import responses
from hypothesis import given, settings
from hypothesis import strategies as st

from ecmbraze.errors import ConfigurationError, CredentialRefused, EcmbrazeError
from ecmbraze.model import Answer, Json, Verdict
from ecmbraze.systems.ecm.client import EcmClient
from tests.systems.ecm_answers import AUTH, BERLIN, HTML, ONE, client, detail, ready
from tests.systems.ecm_forms import (
    CATEGORIES,
    CATEGORY,
    COUNT,
    DAY,
    FORM,
    HOLDS,
    NODE,
    NODE_ID,
    OWNER,
    PUT,
    SINCE,
    SOURCE,
    STATUS,
    VIP,
    carried,
    form,
    written,
)
from tests.systems.rig import ECM_URL, http

LOCK = {f"{CATEGORY}_1": {"metadata_token": "token-1"}}
WITHDRAWN: dict[str, Json] = {"Consent.Email Status": "Withdrawn"}
OK: dict[str, Any] = {"results": {}}
ERROR = {"error": "Nope"}
CONFLICT = {"error": "Could not update metadata (edit conflict)."}


def _locked(token: str) -> dict[str, Any]:
    """Return the answer of a node that gives values and lock of the category."""
    state = {"categories": [{str(CATEGORY): {"metadata_token": token}}]}
    return {"results": {"data": {"categories": [{STATUS: ""}]}, "state": state}}


@pytest.fixture
def net() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mocked:
        ready(mocked)
        mocked.add(responses.GET, CATEGORIES, json=carried((16878, "Customer"), (CATEGORY, "Consent")))
        yield mocked


def serve(net: responses.RequestsMock, status: int = 200, body: Any = OK, schema: Any = None, **of_form: Any) -> None:
    """Serve the form, and the answer to the update; a text is a page."""
    net.add(responses.GET, FORM, json=form(**of_form, schema=schema))
    net.add(responses.PUT, PUT, status=status, **({"body": body} if isinstance(body, str) else {"json": body}))


def node(net: responses.RequestsMock, holds: Any = None, **properties: Any) -> None:
    """Serve the node's own properties, its holds, and our account."""
    net.add(responses.GET, NODE, json={"results": {"data": {"properties": {"id": NODE_ID, **properties}}}})
    net.add(responses.GET, HOLDS, json={"data": holds or []})
    net.add(responses.GET, AUTH, json={"data": {"id": 1000, "name": "svc"}})


def write(values: Mapping[str, Json] = WITHDRAWN, expected: Mapping[str, Json] | None = None, **options: Any) -> Answer:
    return client(**options).set_values(NODE_ID, values, expected or {})


def requests(net: responses.RequestsMock) -> list[str]:
    urls = [(call.request.method, str(call.request.url).split("?")[0]) for call in net.calls]
    return [f"{method} {url.removeprefix(ECM_URL)}" for method, url in urls if not url.endswith("/auth")]


class TestTheWrite:
    """What goes out."""

    def test_the_changed_value_goes_out_under_the_lock_of_the_form(self, net: responses.RequestsMock) -> None:
        serve(net)
        assert write().verdict is Verdict.ACCEPTED
        assert written(net) == [{**LOCK, STATUS: "Withdrawn"}]

    def test_it_takes_three_requests_the_first_time_and_two_from_then_on(self, net: responses.RequestsMock) -> None:
        serve(net)
        ecm = client()
        ecm.set_values(NODE_ID, WITHDRAWN, {})
        first = requests(net)
        ecm.set_values(NODE_ID, WITHDRAWN, {})
        assert len(first) == 3
        assert len(requests(net)) == 5

    def test_a_category_known_from_reading_workspaces_is_not_asked_for(self, net: responses.RequestsMock) -> None:
        definitions = {str(CATEGORY): {"persona": "category", "name": "Consent"}}
        net.add(responses.GET, ONE, json=detail(values={}, definitions=definitions))
        serve(net)
        ecm = client()
        ecm.workspace(NODE_ID)
        assert ecm.set_values(NODE_ID, WITHDRAWN, {}).verdict is Verdict.ACCEPTED
        assert f"GET /api/v2/nodes/{NODE_ID}/categories" not in requests(net)

    def test_what_is_as_wanted_is_not_written_again(self, net: responses.RequestsMock) -> None:
        serve(net, values={STATUS: "Withdrawn"})
        answer = write()
        assert (answer.verdict, answer.reason) == (Verdict.ACCEPTED, "already so")
        assert written(net) == []

    def test_only_what_differs_is_written(self, net: responses.RequestsMock) -> None:
        serve(net, values={STATUS: "Withdrawn", SOURCE: None})
        write({**WITHDRAWN, "Consent.Email Source": "list"})
        assert written(net) == [{**LOCK, SOURCE: "list"}]

    def test_without_a_token_in_the_form_the_node_gives_one_with_its_values(self, net: responses.RequestsMock) -> None:
        serve(net, token=None, values={STATUS: "Not objected"})
        state = {"categories": [{"16878": {"metadata_token": "other"}, str(CATEGORY): {"metadata_token": "token-2"}}]}
        there = {"categories": [{STATUS: "Opted in"}]}
        net.add(responses.GET, NODE, json={"results": {"data": there, "state": state}})
        write(expected={"Consent.Email Status": "Opted in"})
        assert written(net) == [{f"{CATEGORY}_1": {"metadata_token": "token-2"}, STATUS: "Withdrawn"}]

    def test_a_server_without_tokens_is_written_without_one(self, net: responses.RequestsMock) -> None:
        serve(net, token=None)
        net.add(responses.GET, NODE, json={"results": {"data": {"categories": []}}})
        assert write().verdict is Verdict.ACCEPTED
        assert written(net) == [{STATUS: "Withdrawn"}]


class TestTheValue:
    """How a value is written, and compared."""

    @pytest.mark.parametrize(
        ("wanted", "sent"),
        [
            ("2026-03-01T13:05:00Z", "2026-03-01T14:05:00"),
            ("2026-03-01T14:05:00.250+01:00", "2026-03-01T14:05:00"),
            ("2026-07-01T14:05:00", "2026-07-01T14:05:00"),
            ("2026-03-01", "2026-03-01T00:00:00"),
        ],
    )
    def test_an_instant_is_written_as_the_clock_of_the_server_shows_it(
        self, net: responses.RequestsMock, wanted: str, sent: str
    ) -> None:
        serve(net)
        write({"Consent.Email Since": wanted})
        assert written(net) == [{**LOCK, SINCE: sent}]

    def test_a_date_without_time_of_day_is_written_at_noon_so_that_no_zone_shifts_it(
        self, net: responses.RequestsMock
    ) -> None:
        serve(net)
        write({"Consent.Checked On": "2026-02-28T23:30:00Z"})
        assert written(net) == [{**LOCK, DAY: "2026-03-01T12:00:00"}]

    @pytest.mark.parametrize(
        ("stored", "wanted"),
        [
            ({SINCE: "2026-03-01T14:05:00"}, {"Consent.Email Since": "2026-03-01T13:05:00Z"}),
            ({SINCE: "2026-03-01T13:05:00Z"}, {"Consent.Email Since": "2026-03-01T13:05:00+00:00"}),
            ({DAY: "2026-03-01T00:00:00"}, {"Consent.Checked On": "2026-03-01"}),
            ({COUNT: 3}, {"Consent.Changes": "3"}),
            ({VIP: True}, {"Consent.Vip": True}),
            ({VIP: None}, {"Consent.Vip": False}),
            ({SOURCE: "a\r\nb "}, {"Consent.Email Source": "a\nb"}),
            ({SOURCE: ""}, {"Consent.Email Source": None}),
            ({SOURCE: None}, {"Consent.Email Source": ""}),
        ],
    )
    def test_another_spelling_of_the_same_value_is_the_same(
        self, net: responses.RequestsMock, stored: dict[str, Any], wanted: dict[str, Json]
    ) -> None:
        serve(net, values=stored)
        assert write(wanted).reason == "already so"

    @pytest.mark.parametrize(
        ("dotted", "was", "key", "sent"),
        [
            ("Consent.Email Source", "list", SOURCE, ""),
            ("Consent.Email Since", "2026-03-01T14:05:00", SINCE, None),
            ("Consent.Changes", 3, COUNT, None),
            ("Consent.Vip", True, VIP, False),
        ],
    )
    def test_a_value_is_emptied_in_the_spelling_of_its_type(
        self, net: responses.RequestsMock, dotted: str, was: Any, key: str, sent: Any
    ) -> None:
        serve(net, values={key: was})
        write({dotted: None}, {dotted: was})
        assert written(net) == [{**LOCK, key: sent}]

    def test_a_text_of_the_greatest_length_is_written(self, net: responses.RequestsMock) -> None:
        serve(net)
        assert write({"Consent.Email Source": "x" * 32}).verdict is Verdict.ACCEPTED

    def test_an_instant_needs_the_zone_of_the_server(self, net: responses.RequestsMock) -> None:
        serve(net)
        answer = write({"Consent.Email Since": "2026-03-01T13:05:00Z"}, zone=None)
        assert answer.verdict is Verdict.NOT_PROCESSED
        assert isinstance(answer.stop, ConfigurationError)
        assert "ecm.timezone" in str(answer.stop)

    @pytest.mark.parametrize(
        ("dotted", "wanted"),
        [
            ("Consent.Email Source", "x" * 33),
            ("Consent.Email Source", ["a", "b"]),
            ("Consent.Email Since", "yesterday"),
            ("Consent.Changes", "three"),
            ("Consent.Vip", "yes"),
        ],
    )
    def test_a_value_that_does_not_fit_is_refused_alone_and_nothing_is_written(
        self, net: responses.RequestsMock, dotted: str, wanted: Json
    ) -> None:
        serve(net)
        answer = write({dotted: wanted, **WITHDRAWN})
        assert (answer.verdict, answer.stop) == (Verdict.REFUSED, None)
        assert dotted in answer.reason
        assert written(net) == []


class TestEditedInEcm:
    """E30: the human wins."""

    def test_a_value_that_we_never_wrote_is_left_alone(self, net: responses.RequestsMock) -> None:
        serve(net, values={STATUS: "Opted in"})
        answer = write()
        assert answer.verdict is Verdict.REFUSED
        assert answer.reason == "edited_in_ecm: Consent.Email Status is 'Opted in', we never wrote it"
        assert written(net) == []

    def test_a_value_that_is_not_what_we_last_wrote_is_left_alone(self, net: responses.RequestsMock) -> None:
        serve(net, values={STATUS: "Opted in"})
        answer = write(expected={"Consent.Email Status": "Not objected"})
        assert answer.reason == "edited_in_ecm: Consent.Email Status is 'Opted in', we last wrote 'Not objected'"

    def test_a_value_that_somebody_emptied_is_left_empty(self, net: responses.RequestsMock) -> None:
        serve(net, values={STATUS: ""})
        answer = write(expected={"Consent.Email Status": "Not objected"})
        assert answer.reason == "edited_in_ecm: Consent.Email Status is empty, we last wrote 'Not objected'"

    def test_what_we_last_wrote_is_replaced(self, net: responses.RequestsMock) -> None:
        serve(net, values={STATUS: "Opted in", SINCE: "2026-03-01T14:05:00"})
        wanted = {**WITHDRAWN, "Consent.Email Since": "2026-03-02T13:05:00Z"}
        expected = {"Consent.Email Status": "Opted in", "Consent.Email Since": "2026-03-01T13:05:00Z"}
        assert write(wanted, expected).verdict is Verdict.ACCEPTED
        assert written(net) == [{**LOCK, STATUS: "Withdrawn", SINCE: "2026-03-02T14:05:00"}]

    def test_what_we_may_have_written_without_an_answer_is_replaced_too(self, net: responses.RequestsMock) -> None:
        serve(net, values={STATUS: "Opted in"})
        maybe = [{"Consent.Email Status": "Unknown"}, {"Consent.Email Status": "Opted in"}]
        last: dict[str, Json] = {"Consent.Email Status": "Not objected"}
        assert client().set_values(NODE_ID, WITHDRAWN, last, maybe[:1]).verdict is Verdict.REFUSED
        assert client().set_values(NODE_ID, WITHDRAWN, last, maybe).verdict is Verdict.ACCEPTED
        assert written(net) == [{**LOCK, STATUS: "Withdrawn"}]

    def test_one_edited_attribute_keeps_the_others_from_being_written(self, net: responses.RequestsMock) -> None:
        serve(net, values={SOURCE: "typed"})
        assert write({**WITHDRAWN, "Consent.Email Source": "list"}).verdict is Verdict.REFUSED
        assert written(net) == []

    def test_who_typed_what_we_want_anyway_is_no_conflict(self, net: responses.RequestsMock) -> None:
        serve(net, values={STATUS: "Withdrawn"})
        assert write(expected={"Consent.Email Status": "Opted in"}).verdict is Verdict.ACCEPTED

    def test_a_lock_lost_twice_is_somebody_at_work_there(self, net: responses.RequestsMock) -> None:
        serve(net, 409, CONFLICT)
        answer = write()
        assert (answer.verdict, answer.stop) == (Verdict.REFUSED, None)
        assert answer.reason.startswith("edited_in_ecm: ")
        assert len(requests(net)) == 5

    def test_a_lock_lost_to_an_edit_of_something_else_is_taken_anew(self, net: responses.RequestsMock) -> None:
        net.add(responses.GET, FORM, json=form())
        net.add(responses.GET, FORM, json=form(token="token-2", values={OWNER: "Zoe"}))
        net.add(responses.PUT, PUT, status=409, json=CONFLICT)
        net.add(responses.PUT, PUT, json=OK)
        assert write().verdict is Verdict.ACCEPTED
        again = {f"{CATEGORY}_1": {"metadata_token": "token-2"}, STATUS: "Withdrawn"}
        assert written(net) == [{**LOCK, STATUS: "Withdrawn"}, again]
        assert len(requests(net)) == 5

    def test_a_lock_lost_to_an_edit_of_our_attribute_writes_nothing_more(self, net: responses.RequestsMock) -> None:
        net.add(responses.GET, FORM, json=form())
        net.add(responses.GET, FORM, json=form(token="token-2", values={STATUS: "Opted in"}))
        net.add(responses.PUT, PUT, status=409, json=CONFLICT)
        assert write().reason == "edited_in_ecm: Consent.Email Status is 'Opted in', we never wrote it"
        assert len(written(net)) == 1

    def test_a_lock_lost_where_the_node_gave_it_is_taken_from_the_node_again(self, net: responses.RequestsMock) -> None:
        serve(net, 409, CONFLICT, token=None)
        net.add(responses.GET, NODE, json=_locked("token-2"))
        net.add(responses.GET, NODE, json=_locked("token-3"))
        assert write().verdict is Verdict.REFUSED
        assert [one[f"{CATEGORY}_1"]["metadata_token"] for one in written(net)] == ["token-2", "token-3"]

    @settings(max_examples=300, deadline=None, derandomize=True)
    @given(*[st.sampled_from(["", "Opted in", "Not objected", "Withdrawn"])] * 3, st.booleans())
    @pytest.mark.long
    def test_every_case_of_stored_wanted_and_expected(self, stored: str, wanted: str, last: str, wrote: bool) -> None:
        with responses.RequestsMock(assert_all_requests_are_fired=False) as mocked:
            ready(mocked)
            mocked.add(responses.GET, CATEGORIES, json=carried((CATEGORY, "Consent")))
            serve(mocked, values={STATUS: stored})
            name = "Consent.Email Status"
            answer = write({name: wanted}, {name: last} if wrote else {})
            if stored == wanted:
                assert (answer.reason, written(mocked)) == ("already so", [])
            elif stored == (last if wrote else ""):
                assert (answer.verdict, written(mocked)) == (Verdict.ACCEPTED, [{**LOCK, STATUS: wanted}])
            else:
                assert (answer.verdict, written(mocked)) == (Verdict.REFUSED, [])


class TestWhatNoRecordCanBeWrittenWith:
    """Exit 15, before anything is written."""

    @pytest.mark.parametrize(
        ("values", "said"),
        [
            ({"Consent.Email Statsu": "Withdrawn"}, "ECM has no attribute Consent.Email Statsu; did you mean"),
            ({"Consent.Email Status": "Withdrew"}, "does not offer 'Withdrew'; did you mean 'Withdrawn'?"),
            ({"Consent.Tags": "a"}, "Consent.Tags holds several values"),
            ({"Consent.History.Change": "a"}, "stands in the rows of 'History'"),
            ({"Consent.History": "a"}, "Consent.History holds rows"),
            ({"Consent.Owner": None}, "Consent.Owner is required and cannot be emptied"),
            ({"Consnet.Email Status": "Withdrawn"}, "carries no category that holds"),
            ({"Consent.Email Status": "Withdrawn", "Customer.Note": "x"}, "carries no category that holds"),
            ({}, "carries no category"),
        ],
    )
    def test_it_stops_the_flow_and_names_the_attribute(
        self, net: responses.RequestsMock, values: dict[str, Json], said: str
    ) -> None:
        serve(net)
        answer = write(values, {"Consent.Owner": "Ann"})
        assert answer.verdict is Verdict.NOT_PROCESSED
        assert isinstance(answer.stop, ConfigurationError)
        assert said in str(answer.stop)
        assert written(net) == []

    def test_a_read_only_attribute_stops_it_too(self, net: responses.RequestsMock) -> None:
        serve(net, schema={STATUS: {"readonly": True}})
        assert "is read-only" in str(write().stop)

    def test_two_attributes_of_one_name_stop_it_too(self, net: responses.RequestsMock) -> None:
        serve(net, schema={SOURCE: {"title": "Email Status"}})
        assert "two attributes are named Consent.Email Status" in str(write().stop)

    def test_two_categories_of_one_name_on_a_node_stop_it_too(self, net: responses.RequestsMock) -> None:
        net.replace(responses.GET, CATEGORIES, json=carried((1, "Consent"), (2, "Consent")))
        assert "2 categories named 'Consent'" in str(write().stop)

    def test_a_required_attribute_of_others_does_not_keep_us_from_writing_ours(
        self, net: responses.RequestsMock
    ) -> None:
        serve(net, values={OWNER: ""})
        assert write().verdict is Verdict.ACCEPTED
        assert written(net) == [{**LOCK, STATUS: "Withdrawn"}]


class TestTheCategory:
    """Two categories may share a name, and a node may lack what others carry."""

    def test_a_node_with_another_category_of_the_same_name_is_written_by_its_own(
        self, net: responses.RequestsMock
    ) -> None:
        definitions = {"555": {"persona": "category", "name": "Consent"}}
        net.add(responses.GET, ONE, json=detail(values={}, definitions=definitions))
        net.add(responses.GET, FORM, status=400, json={"error": "not applied"}, match=[_asks_for(555)])
        net.add(responses.GET, FORM, json=form(), match=[_asks_for(CATEGORY)])
        net.add(responses.PUT, PUT, json=OK)
        ecm = client()
        ecm.workspace(NODE_ID)
        assert ecm.set_values(NODE_ID, WITHDRAWN, {}).verdict is Verdict.ACCEPTED

    def test_one_node_without_the_category_is_refused_alone(self, net: responses.RequestsMock) -> None:
        serve(net)
        ecm = client()
        ecm.set_values(NODE_ID, WITHDRAWN, {})
        net.replace(responses.GET, FORM, status=400, json={"error": "not applied"})
        net.replace(responses.GET, CATEGORIES, json=carried((16878, "Customer")))
        answer = ecm.set_values(NODE_ID, WITHDRAWN, {})
        assert (answer.verdict, answer.stop) == (Verdict.REFUSED, None)
        assert "does not carry the category" in answer.reason

    def test_a_category_inside_the_name_of_another_is_the_longer_one(self, net: responses.RequestsMock) -> None:
        net.replace(responses.GET, CATEGORIES, json=carried((1, "Consent"), (CATEGORY, "Consent.Mail")))
        serve(net)
        assert write({"Consent.Mail.Email Status": "Withdrawn"}).verdict is Verdict.ACCEPTED


class TestTheAnswer:
    """What each answer proves."""

    @pytest.mark.parametrize(
        ("status", "body", "verdict"),
        [
            (200, HTML, Verdict.UNKNOWN),
            (200, "", Verdict.UNKNOWN),
            (500, HTML, Verdict.UNKNOWN),
            (502, HTML, Verdict.UNKNOWN),
            (302, "", Verdict.UNKNOWN),
            (400, ERROR, Verdict.REFUSED),
            (400, HTML, Verdict.UNKNOWN),
            (404, ERROR, Verdict.NOT_PROCESSED),
            (429, HTML, Verdict.NOT_PROCESSED),
            (500, ERROR, Verdict.UNKNOWN),
        ],
    )
    def test_it_is_judged_and_the_write_is_tried_once(
        self, net: responses.RequestsMock, status: int, body: Any, verdict: Verdict
    ) -> None:
        serve(net, status, body)
        node(net)
        assert write().verdict is verdict
        assert len(written(net)) == 1

    def test_an_expired_ticket_is_renewed_and_the_write_tried_once_more(self, net: responses.RequestsMock) -> None:
        serve(net, 401, {"error": "Authentication Required"})
        net.add(responses.PUT, PUT, json=OK)
        assert write().verdict is Verdict.ACCEPTED
        assert len(written(net)) == 2
        assert sum(str(call.request.url) == AUTH for call in net.calls) == 2

    def test_a_ticket_that_is_refused_right_after_the_login_stops_the_flow(self, net: responses.RequestsMock) -> None:
        serve(net, 401, {"error": "Authentication Required"})
        answer = write()
        assert answer.verdict is Verdict.NOT_PROCESSED
        assert isinstance(answer.stop, CredentialRefused)
        assert len(written(net)) == 2

    def test_a_sign_on_page_with_401_proves_nothing(self, net: responses.RequestsMock) -> None:
        serve(net, 401, HTML)
        assert write().verdict is Verdict.UNKNOWN
        assert len(written(net)) == 1

    @pytest.mark.parametrize("status", [400, 403, 500])
    def test_a_node_reserved_by_somebody_waits_and_is_named(self, net: responses.RequestsMock, status: int) -> None:
        serve(net, status, ERROR)
        node(net, reserved=True, reserved_user_id=1234)
        answer = write()
        assert (answer.verdict, answer.stop) == (Verdict.NOT_PROCESSED, None)
        assert answer.reason.startswith(f"locked_in_ecm: {NODE_ID} is reserved by member 1234")

    @pytest.mark.parametrize("status", [400, 403, 500])
    def test_a_node_on_hold_waits_and_is_named(self, net: responses.RequestsMock, status: int) -> None:
        serve(net, status, ERROR)
        node(net, holds=[{"hold_id": 7, "hold_name": "Case 12"}])
        answer = write()
        assert (answer.verdict, answer.stop) == (Verdict.NOT_PROCESSED, None)
        assert answer.reason.startswith(f"locked_in_ecm: {NODE_ID} is on hold")

    def test_a_node_reserved_by_ourselves_is_no_excuse(self, net: responses.RequestsMock) -> None:
        serve(net, 400, ERROR)
        node(net, reserved=True, reserved_user_id=1000)
        assert write().verdict is Verdict.REFUSED

    def test_a_missing_right_is_told_of_that_workspace(self, net: responses.RequestsMock) -> None:
        serve(net, 403, ERROR)
        node(net)
        answer = write()
        assert answer.verdict is Verdict.NOT_PROCESSED
        assert (answer.stop, isinstance(answer.denied, CredentialRefused)) == (None, True)
        assert f"edit the attributes of {NODE_ID}" in str(answer.denied)

    @pytest.mark.parametrize("status", [400, 403, 500])
    def test_a_right_that_ecm_says_is_missing_is_told_whatever_the_status(
        self, net: responses.RequestsMock, status: int
    ) -> None:
        serve(net, status, ERROR)
        node(net, perm_edit_attributes=False)
        answer = write()
        assert answer.verdict is Verdict.NOT_PROCESSED
        assert (answer.stop, isinstance(answer.denied, CredentialRefused)) == (None, True)

    def test_a_403_where_ecm_says_that_we_have_the_right_concerns_that_node_alone(
        self, net: responses.RequestsMock
    ) -> None:
        serve(net, 403, ERROR)
        node(net, perm_edit_attributes=True)
        answer = write()
        assert (answer.verdict, answer.stop) == (Verdict.NOT_PROCESSED, None)
        assert answer.reason.startswith("locked_in_ecm: ")

    def test_a_refusal_whose_cause_cannot_be_found_stops_nothing(self, net: responses.RequestsMock) -> None:
        serve(net, 403, ERROR)
        net.add(responses.GET, NODE, status=500, json={"error": "Sorry"})
        answer = write()
        assert (answer.verdict, answer.stop) == (Verdict.NOT_PROCESSED, None)

    def test_a_node_that_cannot_be_read_waits(self, net: responses.RequestsMock) -> None:
        net.replace(responses.GET, CATEGORIES, status=500, json={"error": "Could not get a node"})
        answer = write()
        assert (answer.verdict, answer.stop) == (Verdict.NOT_PROCESSED, None)
        assert "Could not get a node" in answer.reason

    def test_a_form_that_fails_to_come_leaves_the_row_waiting(self, net: responses.RequestsMock) -> None:
        net.add(responses.GET, FORM, body=HTML, status=503)
        answer = write()
        assert (answer.verdict, answer.stop) == (Verdict.NOT_PROCESSED, None)
        assert written(net) == []

    def test_a_refused_login_stops_the_flow(self) -> None:
        with responses.RequestsMock() as net:
            net.add(responses.POST, AUTH, status=401, json={"error": "Invalid username/password specified"})
            answer = write()
        assert answer.verdict is Verdict.NOT_PROCESSED
        assert isinstance(answer.stop, CredentialRefused)

    def test_a_server_that_is_not_there_has_written_nothing(self) -> None:
        ecm = EcmClient(http("http://127.0.0.1:9", "ecm"), username="svc", password="canary", zone=BERLIN)
        answer = ecm.set_values(NODE_ID, WITHDRAWN, {})
        assert (answer.verdict, answer.stop) == (Verdict.NOT_PROCESSED, None)

    def test_a_used_up_time_budget_stops_before_anything_is_written(self, net: responses.RequestsMock) -> None:
        net.add(responses.GET, FORM, status=429, json={})
        answer = client_with_budget(0).set_values(NODE_ID, WITHDRAWN, {})
        assert answer.verdict is Verdict.NOT_PROCESSED
        assert isinstance(answer.stop, EcmbrazeError)
        assert written(net) == []

    def test_neither_ticket_nor_password_stands_in_a_reason(self, net: responses.RequestsMock) -> None:
        serve(net, 400, {"error": "bad ticket ticket-1"})
        node(net)
        assert "ticket-1" not in write().reason


def client_with_budget(seconds: float) -> EcmClient:
    return EcmClient(http(ECM_URL, "ecm", deadline=lambda: seconds), username="svc", password="canary", zone=BERLIN)


def _asks_for(category: int) -> Any:
    return responses.matchers.query_param_matcher({"id": str(NODE_ID), "category_id": str(category)})


class TestObstacles:
    """What keeps a flow from writing, found beforehand and all at once."""

    VALUES: Mapping[str, Sequence[Json]] = {
        "Consent.Email Status": ("Opted in", "Withdrawn", "Unknown"),
        "Consent.Checked On": ("2026-11-28T23:45:59+00:00", None),
        "Consent.Email Source": ("x" * 33,),
        "Consent.Owner": ("Ann", None),
        "Consent.Tags": ("a",),
        "Consent.Missing": ("a",),
    }

    def found(self, net: responses.RequestsMock, schema: Any = None, **properties: Any) -> dict[str, str]:
        serve(net, schema=schema)
        node(net, **properties)
        obstacles = client().obstacles(NODE_ID, self.VALUES, files=True)
        assert written(net) == []
        return {f"{one.name}{' (right)' * one.is_right}{'?' * (not one.certain)}": one.said for one in obstacles}

    def test_each_attribute_is_told_by_its_own_name(self, net: responses.RequestsMock) -> None:
        assert self.found(net) == {
            "Consent.Email Status": "Extended ECM: Consent.Email Status does not offer 'Unknown'.",
            "Consent.Checked On": "Consent.Checked On keeps no time of day: a time that is written there becomes a day",
            "Consent.Email Source": "Consent.Email Source takes 32 characters, the value has 33",
            "Consent.Owner": "Extended ECM: Consent.Owner is required and cannot be emptied.",
            "Consent.Tags": "Extended ECM: Consent.Tags holds several values.",
        }

    def test_a_required_attribute_that_is_none_of_ours_is_a_doubt_while_it_is_empty(
        self, net: responses.RequestsMock
    ) -> None:
        found = self.found(net, schema={COUNT: {"required": True}, VIP: {"required": True}})
        assert found["Consent.Changes?"] == (
            "Consent.Changes is required and empty: ECM may refuse every update of Consent"
        )
        assert "Consent.Vip?" not in found

    def test_missing_rights_are_told_of_the_workspace(self, net: responses.RequestsMock) -> None:
        found = self.found(net, perm_edit_attributes=False, perm_create=True)
        assert found[" (right)"] == "ECM does not let this account edit the attributes of it"

    def test_a_right_to_add_matters_only_where_documents_are_filed(self, net: responses.RequestsMock) -> None:
        serve(net)
        node(net, perm_edit_attributes=True, perm_create=False)
        values = {"Consent.Email Status": ["Withdrawn"]}
        assert [one.said for one in client().obstacles(NODE_ID, values, files=True)] == [
            "ECM does not let this account add anything to it"
        ]
        assert client().obstacles(NODE_ID, values, files=False) == []

    def test_a_workspace_where_all_fits_has_none(self, net: responses.RequestsMock) -> None:
        serve(net)
        node(net, perm_edit_attributes=True, perm_create=True)
        values: Mapping[str, Sequence[Json]] = {
            "Consent.Email Status": ["Withdrawn"],
            "Consent.Email Since": ["2026-11-28T23:45:59+00:00", None],
        }
        assert client().obstacles(NODE_ID, values, files=True) == []
