"""Hold the definitions, names and odd records the worlds are made of; contains no logic worth the name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_STATUS: Mapping[str, tuple[str, ...]] = {
    "Stage": ("Started", "Contract", "KYC", "Service"),
    "Contract Status": ("Draft", "In Review", "Approved"),
    "KYC Status": ("Open", "Completed"),
    "Service Status": ("Pending", "Active"),
    "Complaint": ("Open", "None"),
}


def _popup(name: str) -> dict[str, Any]:
    return {"name": name, "valid_values": _STATUS[name], "max_length": 64}


CATEGORIES: Mapping[str, list[Mapping[str, Any]]] = {
    "Onboarding": [
        {"name": "Customer Number", "max_length": 32, "empty": ""},
        _popup("Stage"),
        _popup("Contract Status"),
        {"name": "Contract Approved On", "type": "Date"},
        _popup("KYC Status"),
        {"name": "KYC Completed On", "type": "Date"},
        _popup("Service Status"),
        {"name": "Service Activated On", "type": "Date"},
        {"name": "Product", "max_length": 254, "empty": ""},
        {"name": "Contract Value", "type": "Integer"},
        {"name": "VIP", "type": "Boolean"},
        {"name": "Tags", "multi_value": True},
        _popup("Complaint"),
        {
            "name": "Contacts",
            "rows": [{"name": "Role"}, {"name": "Customer Number", "max_length": 32, "empty": ""}, {"name": "Email"}],
        },
    ],
    "Customer": [
        {"name": "Customer Number", "max_length": 32, "required": True},
        {"name": "Name", "multilingual": True},
        {"name": "Status", "valid_values": ("Active", "Dormant", "Closed"), "default": "Active"},
    ],
}
TYPES = (
    ("Customer Onboarding", "Kunden-Onboarding", ("Onboarding",)),
    ("Customer Onboarding Archive", "Kunden-Onboarding Archiv", ("Onboarding",)),
    ("Customer", "Kunde", ("Customer",)),
)
FIRST = (
    "Jürgen",
    "Zoë",
    "Anne-Marie",
    "Björn",
    "Łukasz",
    "Fatma",
    "Søren",
    "María",
    "Ivo",
    "Nguyễn",
    "Müzeyyen",
    "Oğuz",
    "Émile",
    "Þóra",
    "Ana",
    "Chloé",
)
LAST = (
    "Groß",
    "Żółć",
    "O'Neill",
    "Ångström",
    "Śliwa",
    "Y\u0131lmaz",
    "Ødegård",
    "Ñíguez",
    "Šimić",
    "Văn",
    "Öztürk",
    "Weiß",
    "Zola",
    "Jónsdóttir",
    "García",
    "Lefèvre",
    "van der Berg",
    "李",
    "Müller & Söhne",
)
PREFIXES = ("Onboarding", "Neukunde", "Eröffnung", "Dossier", "🚀 Onboarding")
PRODUCTS = (
    "Girokonto Plus",
    "Baufinanzierung Zürich",
    "Kfz-Versicherung 🚗",
    "Crédit à la consommation",
    "Leasing Łódź",
    "Sparplan „Größe“",
    "Depot 📈 €",
    None,
    None,
)
TAGS: tuple[tuple[str, ...], ...] = ((), (), ("EU",), ("EU", "UK"), ("Großkunde", "Prüfung"), ("⭐",))


def odd(number: str) -> list[dict[str, Any]]:
    """Return the workspaces that a flow must refuse one by one while their neighbours go through."""
    approved = {"Onboarding.Stage": "Contract", "Onboarding.Contract Status": "Approved"}

    def made(name: str, values: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        merged = {**approved, "Onboarding.Customer Number": number, **values}
        return {"do": "create", "type": "Customer Onboarding", "name": name, "values": merged, **more}

    return [
        made("Odd empty number", {"Onboarding.Customer Number": ""}),
        made("Odd null number", {"Onboarding.Customer Number": None}),
        made("Odd blank number", {"Onboarding.Customer Number": "   "}),
        made("Odd two numbers", {"Onboarding.Customer Number": [number, "C-1"]}),
        made("Odd two stages", {"Onboarding.Stage": ["Contract", "KYC"]}),
        made("Odd no category", {"Onboarding": None}),
        made("Odd unknown customer", {"Onboarding.Customer Number": "0000099999"}),
        made("Odd number as number", {"Onboarding.Customer Number": 50031}),
        made("Odd line\u2028break", {"Onboarding.Product": "first\nsecond\x1b[31m"}),
        made("Odd long product", {"Onboarding.Product": "x" * 2_000}),
        made("Odd future", {}, raw_modified="2099-01-01T00:00:00"),
        made("Odd null date", {}, raw_modified=None),
        made("Odd year one", {}, raw_modified="0001-01-01T00:00:00"),
        made("🦄" * 60, {"Onboarding.Product": "=HYPERLINK(1)"}),
    ]
