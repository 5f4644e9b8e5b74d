"""What a status other than 200 means is the same wherever it comes from: passing, refused, or of this one record."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest
import responses

from ecmbraze.errors import EcmbrazeError, TemporaryError
from ecmbraze.model import DocumentRow
from ecmbraze.systems.ecm.client import EcmClient
from tests.systems.ecm_answers import AUTH, HTML, INFO, TYPE, TYPES, client
from tests.systems.rig import ECM_URL

WORKSPACE = 90101
Call = Callable[[EcmClient], object]
ROW = DocumentRow(
    id=90201,
    name="Offer.pdf",
    folder="",
    mime_type="application/pdf",
    created_at=datetime(2026, 3, 1, tzinfo=UTC),
    modified_at=datetime(2026, 3, 1, tzinfo=UTC),
)
OF_THE_SYSTEM: dict[str, Call] = {
    "types": EcmClient.workspace_types,
    "whoami": EcmClient.whoami,
    "account": EcmClient.account_id,
    "listing": lambda ecm: list(ecm.list_workspaces(TYPE)),
}
OF_ONE_RECORD: dict[str, Call] = {
    "workspace": lambda ecm: ecm.workspace(WORKSPACE),
    "attributes": lambda ecm: ecm.attributes(WORKSPACE),
    "documents": lambda ecm: list(ecm.documents(WORKSPACE)),
    "document": lambda ecm: ecm.document(ROW, classified=False),
    "categories": lambda ecm: list(ecm.categories_below(WORKSPACE)),
}
# What the run can do without: it says so in its report and finds the change later.
OPTIONAL: dict[str, Call] = {
    "search": lambda ecm: list(ecm.documents_changed_since(date(2026, 3, 1))),
    "rows": lambda ecm: ecm.document_rows([90201]),
}
CALLS = {**OF_THE_SYSTEM, **OF_ONE_RECORD, **OPTIONAL}
PASSING = (408, 502, 503, 504, 520)


def code(call: Call, status: int, *, html: bool = False) -> int:
    """Return the exit code behind the error of a call, every read of which is answered with the status."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as net:
        net.add(responses.POST, AUTH, json={"ticket": "ticket-1"})
        net.add(responses.GET, INFO, json={"server": {"current_date": "2026-03-10T10:00:00"}})
        for method in (responses.GET, responses.POST):
            body = {"body": HTML} if html else {"json": {"error": "no"}}
            net.add(method, re.compile(re.escape(ECM_URL)), status=status, **body)
        with pytest.raises(EcmbrazeError) as caught:
            call(client())
    return caught.value.exit_code


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("status", PASSING)
def test_a_status_that_passes_is_temporary_whatever_the_body(name: str, status: int) -> None:
    assert [code(CALLS[name], status), code(CALLS[name], status, html=True)] == [5, 5]


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("status", [400, 403, 404, 500])
def test_a_web_page_is_temporary_whatever_its_status(name: str, status: int) -> None:
    assert code(CALLS[name], status, html=True) == 5


@pytest.mark.parametrize("name", OF_THE_SYSTEM)
@pytest.mark.parametrize(("status", "exit_code"), [(400, 5), (403, 7), (404, 5), (500, 5)])
def test_what_no_single_record_is_to_blame_for_stops_with_the_code_of_its_status(
    name: str, status: int, exit_code: int
) -> None:
    assert code(OF_THE_SYSTEM[name], status) == exit_code


@pytest.mark.parametrize("name", OF_ONE_RECORD)
@pytest.mark.parametrize("status", [400, 403, 404, 500])
def test_e23_one_record_that_is_missing_or_forbidden_stops_nothing(name: str, status: int) -> None:
    assert code(OF_ONE_RECORD[name], status) == 3


@pytest.mark.parametrize("name", OPTIONAL)
@pytest.mark.parametrize("status", [400, 403, 404, 500])
def test_what_a_run_can_do_without_is_always_temporary(name: str, status: int) -> None:
    assert code(OPTIONAL[name], status) == 5


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("html", [False, True])
def test_a_redirect_is_wrong_configuration(name: str, html: bool) -> None:
    assert code(CALLS[name], 302, html=html) == 15


def test_a_passing_500_of_the_workspace_types_is_asked_again() -> None:
    types = [{"data": {"properties": {"wksp_type_name": "Contract", "wksp_type_id": TYPE}}}]
    with responses.RequestsMock() as net:
        net.add(responses.POST, AUTH, json={"ticket": "ticket-1"})
        net.add(responses.GET, TYPES, status=500, json={"error": "database"})
        net.add(responses.GET, TYPES, json={"results": types})
        assert client().workspace_types() == {"Contract": TYPE}


def test_a_500_of_the_workspace_types_that_stays_is_temporary_and_not_an_empty_list() -> None:
    with responses.RequestsMock() as net:
        net.add(responses.POST, AUTH, json={"ticket": "ticket-1"})
        net.add(responses.GET, TYPES, status=500, json={"error": "database"})
        with pytest.raises(TemporaryError, match="businessworkspacetypes failed 4 times"):
            client().workspace_types()
