"""The loop a user could write instead: requests and json, each thing read once, filled requests, no state, no promise.

`python -m benchmarks.speed.bareloop URL WHAT [CONNECTIONS]`, where WHAT is `quiet`, `attributes` or `onboarding`; or
`track`, which sends the rows of the file `rows.db` and reads nothing of Extended ECM.
"""

from __future__ import annotations

import json
import sqlite3
import string
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import requests

_NAMES = {4: "stage", 5: "adviser", 6: "product", 7: "region", 8: "segment"}
_CAMPAIGN = "3f0c0000-0000-4000-8000-000000000001"


def _ask(session: requests.Session, method: str, url: str, **more: Any) -> Any:
    answer = session.request(method, url, timeout=60, **more)
    answer.raise_for_status()
    return json.loads(answer.content)


def _rows(ecm: requests.Session, url: str) -> Iterator[dict[str, Any]]:
    """Yield every row: what one listing does not serve is asked for by the first letters of names."""
    total = yield from _listed(ecm, url, 100_000)
    for letter in string.ascii_uppercase if total > 100_000 else ():
        yield from _listed(ecm, url, 100_000, where_name=f"startswith_{letter}")


def _listed(ecm: requests.Session, url: str, most: int, **filters: str) -> Generator[dict[str, Any], None, int]:
    """Yield the rows of one listing, none where it has more than ``most``; return how many it has."""
    number = 1
    while True:
        query = {"where_workspace_type_id": "244", "expanded_view": "true", "page": str(number), "limit": "500"}
        page = _ask(ecm, "GET", f"{url}/otcs/cs.exe/api/v2/businessworkspaces", params={**query, **filters})
        if page["paging"]["total_count"] <= most:
            for one in page["results"]:
                yield one["data"]["properties"]
        if number >= page["paging"]["page_total"] or page["paging"]["total_count"] > most:
            return int(page["paging"]["total_count"])
        number += 1


def _detail(ecm: requests.Session, url: str, row: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    query = [("fields", "properties"), ("fields", "categories")]
    found = _ask(ecm, "GET", f"{url}/otcs/cs.exe/api/v2/businessworkspaces/{row['id']}", params=query)
    values = found["results"]["data"]["categories"]["43060"]
    return values["43060_2"], {f"ecm_{name}": values[f"43060_{key}"] for key, name in _NAMES.items()}


def _shown(row: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return row["wnf_att_cwv_2"], {f"ecm_{name}": row[f"wnf_att_cwv_{key}"] for key, name in _NAMES.items()}


def _parts(everything: Sequence[Any], size: int) -> list[Sequence[Any]]:
    return [everything[at : at + size] for at in range(0, len(everything), size)]


def track(url: str) -> None:
    """Do the simpler work of the peers once."""
    with requests.Session() as braze, closing(sqlite3.connect("rows.db")) as file:
        braze.trust_env = False
        braze.headers["Authorization"] = "Bearer key"
        found = file.execute("SELECT * FROM people")
        names = [column[0] for column in found.description]
        while rows := found.fetchmany(75):
            people = [{**dict(zip(names, row, strict=True)), "_update_existing_only": True} for row in rows]
            _ask(braze, "POST", f"{url}/users/track", json={"attributes": people})


def main(url: str, what: str, connections: int) -> None:
    """Do the useful work once."""
    ecm, braze = requests.Session(), requests.Session()
    for session in (ecm, braze):
        session.trust_env = False
        session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=connections))
    signed = {"username": "svc", "password": "secret"}
    ecm.headers["OTCSTicket"] = _ask(ecm, "POST", f"{url}/otcs/cs.exe/api/v1/auth", data=signed)["ticket"]
    braze.headers["Authorization"] = "Bearer key"
    since = (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%S")
    changed = [row for row in _rows(ecm, url) if row["modify_date"] >= since]
    if what == "quiet":
        return
    with ThreadPoolExecutor(connections) as pool:
        each: Callable[..., Any] = map if connections == 1 else pool.map
        people = dict(each(partial(_detail, ecm, url), changed) if what == "onboarding" else map(_shown, changed))
        post = partial(_ask, braze, "POST")
        exports = (
            {"external_ids": list(part), "fields_to_export": ["external_id", "email_subscribe"]}
            for part in _parts(list(people), 50)
        )
        read = each(lambda body: post(f"{url}/users/export/ids", json=body), exports)
        known = [
            user["external_id"]
            for found in read
            for user in found["users"]
            if user["email_subscribe"] != "unsubscribed"
        ]
        told = what == "onboarding"
        happened = datetime.now(UTC).isoformat()
        tracks = [
            {
                "attributes": [{"external_id": one, "_update_existing_only": True, **people[one]} for one in part],
                **(
                    {
                        "events": [
                            {
                                "external_id": one,
                                "name": "contract_approved",
                                "time": happened,
                                "_update_existing_only": True,
                            }
                            for one in part
                        ]
                    }
                    if told
                    else {}
                ),
            }
            for part in _parts(known, 37 if told else 75)
        ]
        list(each(lambda body: post(f"{url}/users/track", json=body), tracks))
        sends = [
            {
                "campaign_id": _CAMPAIGN,
                "broadcast": False,
                "recipients": [{"external_user_id": one, "send_to_existing_only": True} for one in part],
            }
            for part in (_parts(known, 50) if told else [])
        ]
        list(each(lambda body: post(f"{url}/campaigns/trigger/send", json=body), sends))


if __name__ == "__main__":
    if sys.argv[2] == "track":
        track(sys.argv[1])
    else:
        main(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 1)
