"""Both systems as one process that answers bytes rendered beforehand: nothing of what it costs is the client's.

The shapes are those of api/ecm.md 1 to 3 and api/braze.md 1 to 4. Beyond
100,000 workspaces the pages end, and what begins with a given text is listed by itself (api/ecm.md 3.2). Rows are one
template filled in, since the pages of a million are 2 GB. `/bench` steers it: GET returns and forgets what was
counted, POST takes ``edition`` (which values the workspaces show), ``latency`` (seconds before Braze answers) and
``storm`` (writes that Braze takes per second before it answers 429, in the ``dialect`` ``reset`` or ``retry``).
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import sys
import time
from bisect import bisect_left
from collections import Counter
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qs, urlsplit

TYPE, CATEGORY = 244, 43060
# Between one workspace and the next lie the nodes of what is in it, and names do not come in the order of ids.
_FIRST, _APART, _STRIDE = 100_000, 20, 7919
ATTRIBUTES = ("Stage", "Adviser", "Product", "Region", "Segment")
_NAMES = {2: "Customer Number", 3: "Contract Status", **dict(enumerate(ATTRIBUTES, 4))}
_MADE, _WINDOW_S = "2026-01-05T08:00:00", 1.0
# Rows of one listing that are served at most (api/ecm.md 3.2), and the letters names begin with.
WINDOW, _LETTERS = 100_000, 26
_TEXT = {"type": -1, "type_name": "String", "multi_value": False, "max_length": 64, "persona": "", "description": None}
# What else stands in a row of a listing, as long as the real one has it.
_BESIDE: dict[str, Any] = {
    "type": 848,
    "type_name": "Business Workspace",
    "description": "",
    "container": True,
    "size": 0,
    "size_formatted": "0 Items",
    "mime_type": None,
    "volume_id": -2000,
    "owner_user_id": 1000,
    "reserved": False,
    "reserved_user_id": 0,
    "reserved_date": None,
    "favorite": False,
    "order": None,
    "original_id": 0,
    "icon": "/cssupport/otsapxecm/wksp_contract.png",
    "perm_see": True,
    "create_user_id": 1000,
    "modify_user_id": 2000,
    "hidden": False,
    "perm_see_contents": True,
    "perm_modify": True,
    "perm_edit_attributes": True,
    "perm_create": True,
    "perm_add_major_version": True,
    "perm_reserve": True,
    "perm_delete": True,
    "perm_delete_versions": False,
    "perm_edit_permissions": True,
    "wnf_wksp_type_id": TYPE,
    "wnf_wksp_template_id": 43075,
}


def customer(number: int) -> str:
    """Return the external id of the person whose workspace has this number."""
    return f"C-{number:06}"


class World:
    """So many workspaces, each of one person, with the values of one edition."""

    def __init__(self, people: int, *, columns: bool) -> None:
        self.people, self.columns = people, columns
        self.counted: Counter[str] = Counter()
        self.latency, self.storm, self.dialect = 0.0, 0, ""
        self.window, self.taken, self.opens = 0.0, 0, 0.0
        told = {
            f"wnf_att_cwv_{key}": {"key": f"wnf_att_cwv_{key}", "name": name, **_TEXT} for key, name in _NAMES.items()
        }
        self._meta = json.dumps({"properties": told if columns else {}}).encode()
        self._person = json.dumps(self._user("%06d", {f"ecm_{name.lower()}": f"{name} %d" for name in ATTRIBUTES}))
        self.show(0)

    def show(self, edition: int) -> None:
        """Give every workspace the values of an edition."""
        self.edition, self.modified = edition, _MADE
        if edition:
            self.modified = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() - 60))
        shown = self._columns(
            {key: f"{name} %(value)d" for key, name in _NAMES.items()} | self._fixed("C-%(number)06d")
        )
        row = self._properties("%(id)d", "%(name)s", shown)
        actions = {"data": {}, "map": {"default_action": "open"}, "order": []}
        text = json.dumps({"actions": actions, "data": {"properties": row}})
        self._row = text.replace('"%(id)d"', "%(id)d")  # a number, the rest is text

    def name(self, number: int) -> str:
        """Return the name of a workspace: in the order of their numbers, one letter after the other."""
        return f"{chr(ord('A') + number * _LETTERS // self.people)}-Onboarding {number:06}"

    def node(self, number: int) -> int:
        """Return the node id of the workspace with this number."""
        return _FIRST + number * _STRIDE % self.people * _APART

    def number(self, node: str) -> int:
        """Return the number of the workspace with this node id."""
        return (int(node) - _FIRST) // _APART * pow(_STRIDE, -1, self.people) % self.people

    def _fixed(self, person: str) -> dict[int, str]:
        return {2: person, 3: "Approved" if self.edition % 2 else "Draft"}

    def _value(self, number: int) -> int:
        return (number + self.edition) % 7 + 7 * self.edition

    def values(self, number: int) -> dict[int, str]:
        """Return what the attributes of a workspace say, by their numbers."""
        said = {key: f"{name} {self._value(number)}" for key, name in _NAMES.items()}
        return {**said, **self._fixed(customer(number))}

    def _columns(self, values: dict[int, str]) -> dict[str, str]:
        shown = {f"wnf_att_cwv_{key}": value for key, value in values.items()} if self.columns else {}
        return {**shown, **{f"{name}_formatted": value for name, value in shown.items()}}

    def _properties(self, number: object, name: str, shown: dict[str, str]) -> dict[str, Any]:
        own = {"id": number, "name": name, "parent_id": 43073}
        return {**own, **_BESIDE, "create_date": _MADE, "modify_date": self.modified, **shown}

    def page(self, number: int, begins: str, *, descending: bool) -> bytes:
        """Return a page of the workspaces whose names begin so; beyond the window the last one again."""
        first, end = (bisect_left(range(self.people), one, key=self.name) for one in (begins, f"{begins}\uffff"))
        total = end - first
        last, offered = max(1, -(-total // 500)), max(1, -(-min(total, WINDOW) // 500))
        number = min(number, offered)
        paging: dict[str, Any] = {"limit": 500, "page": number, "page_total": last, "total_count": total}
        following = {"next": {"href": f"/api/v2/businessworkspaces?page={number + 1}", "method": "GET"}}
        paging |= {"range_min": number * 500 - 499, "actions": following if number < offered else {}}
        span = range(first, end)[::-1] if descending else range(first, end)
        row, value, name = self._row, self._value, self.name
        rows = ", ".join(
            row % {"id": self.node(one), "name": name(one), "number": one, "value": value(one)}
            for one in span[number * 500 - 500 : number * 500]
        )
        head = json.dumps({"paging": paging}).encode()[:-1]
        return b'%s, "meta_data": %s, "results": [%s]}' % (head, self._meta, rows.encode())

    def detail(self, number: int) -> bytes:
        """Return one workspace with its category."""
        own = self._properties(self.node(number), self.name(number), {})
        values = {f"{CATEGORY}_{key}": value for key, value in self.values(number).items()}
        results = {"data": {"properties": own, "categories": {str(CATEGORY): values}}, "metadata": self.definitions}
        return json.dumps({"results": results}).encode()

    @property
    def definitions(self) -> dict[str, Any]:
        """The definitions of the category, as each detail read that asks for them has them."""
        head = {"key": str(CATEGORY), "name": "Onboarding", "persona": "category", "type": -18, "type_name": "Category"}
        each = {
            f"{CATEGORY}_{key}": {"key": f"{CATEGORY}_{key}", "name": name, **_TEXT} for key, name in _NAMES.items()
        }
        return {"categories": {str(CATEGORY): head, **each}}

    def _user(self, number: str, shown: dict[str, str]) -> dict[str, Any]:
        events = [{"name": "seen", "first": "2026-01-05T08:00:00.000Z", "last": "2026-01-05T08:00:00.000Z", "count": 1}]
        return {
            "external_id": f"C-{number}",
            "user_aliases": [],
            "custom_attributes": shown,
            "custom_events": events,
            "email": f"{number}@example.org",
            "email_subscribe": "subscribed",
            "push_subscribe": "subscribed",
        }

    def users(self, asked: list[str]) -> bytes:
        """Return the profiles of those external ids that there are."""
        numbers = [int(one[2:]) for one in asked if one[2:].isdigit()]
        known = [one for one in numbers if one < self.people and customer(one) in asked]
        return ", ".join(self._person % (one, *[one % 7] * len(ATTRIBUTES), one) for one in known).encode()


class Answers:
    """What each path answers: status, headers beyond the usual, body."""

    def __init__(self, world: World) -> None:
        self.world = world

    def of(self, method: str, target: str, body: bytes) -> tuple[int, bytes, bytes, float]:
        """Return status, further headers, body and the seconds to wait before."""
        parts = urlsplit(target)
        if parts.path == "/bench":
            return 200, b"", self._steer(method, body), 0.0
        if parts.path.startswith("/otcs/cs.exe"):
            self.world.counted["ecm"] += 1
            path = parts.path.removeprefix("/otcs/cs.exe")
            self.world.counted[f"ecm {path.rpartition('/')[0] if path[-1].isdigit() else path}"] += 1
            return 200, b"", self._ecm(path, parse_qs(parts.query)), 0.0
        self.world.counted["braze"] += 1
        self.world.counted[f"braze {parts.path}"] += 1
        if refused := self._refused(parts.path):
            return 429, refused, b'{"message": "Rate limit exceeded"}', self.world.latency
        return 201, b"", self._braze(parts.path, body), self.world.latency

    def _steer(self, method: str, body: bytes) -> bytes:
        if method == "POST":
            asked = json.loads(body)
            self.world.latency, self.world.storm = asked.get("latency", 0.0), asked.get("storm", 0)
            self.world.dialect = asked.get("dialect", "reset")
            if asked.get("edition", self.world.edition) != self.world.edition:
                self.world.show(asked["edition"])
        counted, self.world.counted = self.world.counted, Counter()
        return json.dumps(counted).encode()

    def _refused(self, path: str) -> bytes:
        """Return the headers of a 429 once the window is used up; count who asks before it opens again."""
        if not self.world.storm or path not in ("/users/track", "/campaigns/trigger/send"):
            return b""
        now = time.monotonic()
        if now < self.world.opens:
            self.world.counted["early"] += 1
        if now - self.world.window >= _WINDOW_S:
            self.world.window, self.world.taken = now, 0
        self.world.taken += 1
        if self.world.taken <= self.world.storm:
            return b""
        self.world.opens = self.world.window + _WINDOW_S
        if self.world.dialect == "reset":  # an epoch second, api/braze.md 9.4
            return b"X-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: %d\r\n" % math.ceil(time.time() + _WINDOW_S)
        return b"X-Ratelimit-Retry-After: %d\r\n" % math.ceil(_WINDOW_S)

    def _ecm(self, path: str, query: dict[str, list[str]]) -> bytes:
        if path == "/api/v1/auth":
            return b'{"ticket": "2hQWaN4umyDuDelOeLuGCXNRnMcSHxyeQKbYQ6vYsxeuegt2iIQiRSaSe1vSbIrg"}'
        if path == "/api/v2/businessworkspacetypes":
            kind = {"wksp_type_id": TYPE, "wksp_type_name": "Customer Onboarding", "config_node_id": 43077}
            return json.dumps({"results": [{"data": {"properties": kind}}]}).encode()
        if path == "/api/v1/serverinfo":
            now = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
            return json.dumps({"server": {"current_date": now, "version": "25.4"}, "sessions": {}}).encode()
        if path == "/api/v2/businessworkspaces":
            begins = query.get("where_name", [""])[0].removeprefix("startswith_")
            return self.world.page(int(query["page"][0]), begins, descending=query.get("sort") == ["desc_name"])
        if path.endswith("/categories"):
            number = self.world.number(path.split("/")[-2])
            values = {f"{CATEGORY}_{key}": value for key, value in self.world.values(number).items()}
            found = {"data": {"categories": values}, "metadata": self.world.definitions}
            return json.dumps({"results": [found]}).encode()
        return self.world.detail(self.world.number(path.rpartition("/")[2]))

    def _braze(self, path: str, body: bytes) -> bytes:
        if path == "/users/export/ids":
            return b'{"users": [%s], "message": "success"}' % self.world.users(json.loads(body)["external_ids"])
        if path == "/users/track":
            asked = json.loads(body)
            for array in ("attributes", "events"):
                self.world.counted[array] += len(asked.get(array, ()))
            return b'{"attributes_processed": 75, "message": "success"}'
        if path == "/campaigns/trigger/send":
            self.world.counted["messages"] += len(json.loads(body)["recipients"])
            return b'{"dispatch_id": "7259876a47135a60891c814f9c42d81c", "message": "success"}'
        if path == "/campaigns/details":
            return b'{"message": "success", "name": "Approved", "archived": false, "draft": false, "enabled": true}'
        return b'{"emails": [], "message": "success"}'


class Conversation(asyncio.Protocol):
    """One connection: requests come one after the other, each is answered before the next."""

    def __init__(self, answers: Answers) -> None:
        self.answers, self.buffer = answers, bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        lines = bytes(self.buffer[:end]).decode("latin-1").split("\r\n")
        length = next((int(one.split(":")[1]) for one in lines if one.lower().startswith("content-length:")), 0)
        if len(self.buffer) < end + 4 + length:
            return
        method, target, _ = lines[0].split(" ", 2)
        body = bytes(self.buffer[end + 4 : end + 4 + length])
        del self.buffer[: end + 4 + length]
        status, more, answer, latency = self.answers.of(method, target, body)
        head = b"HTTP/1.1 %d OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\nDate: %s\r\n" % (
            status,
            len(answer),
            formatdate(usegmt=True).encode(),
        )
        limits = (
            b""
            if status == 429 or target.startswith("/otcs")
            else b"X-RateLimit-Limit: 250000\r\nX-RateLimit-Remaining: 249999\r\n"
        )
        whole = head + limits + more + b"\r\n" + answer
        if latency:
            asyncio.get_running_loop().call_later(latency, self.transport.write, whole)
        else:
            self.transport.write(whole)


async def _serve(people: int, *, columns: bool) -> None:
    answers = Answers(World(people, columns=columns))
    server = await asyncio.get_running_loop().create_server(lambda: Conversation(answers), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    if len(cores := sorted(os.sched_getaffinity(0))) > 1:
        os.sched_setaffinity(0, {cores[-1]})
    asyncio.run(_serve(int(sys.argv[1]), columns=sys.argv[2] == "columns"))
