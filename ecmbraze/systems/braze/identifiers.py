"""A recipient as Braze names it: external id, user alias or e-mail address; resolves nothing."""

from __future__ import annotations

from typing import Any

from ecmbraze.model.recipients import Alias, Email, ExternalId, read


def identifier(recipient: str) -> dict[str, Any]:
    """Return the identifier of a user object (api/braze.md 1.3): exactly one primary, or an e-mail."""
    match read(recipient):
        case ExternalId(value=value):
            return {"external_id": value}
        case Alias(label=label, name=name):
            return {"user_alias": {"alias_label": label, "alias_name": name}}
        case Email(address=address):
            return {"email": address}


def trigger_identifier(recipient: str) -> dict[str, Any]:
    """Return the identifier of a trigger recipient (api/braze.md 3.1): other names, and an e-mail needs a tie rule."""
    named = identifier(recipient)
    if "external_id" in named:
        return {"external_user_id": named["external_id"]}
    if "email" in named:
        return {**named, "prioritization": ["identified", "most_recently_updated"]}
    return named
