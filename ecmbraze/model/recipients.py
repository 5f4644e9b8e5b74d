"""Write and read the text that names a person throughout the program; the kind of id never comes from the data.

An ordinary external id is its own text. One that begins like another kind is written ``id:…``, so that nothing a
record says can turn it into an address or an alias.
"""

from __future__ import annotations

from dataclasses import dataclass

_ALIAS, _EMAIL, _ID = "alias:", "email:", "id:"
# In the label of an alias, which ends at the first colon.
_ESCAPES = (("%", "%25"), (":", "%3A"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalId:
    """The workspace's own id of a person in Braze; upper and lower case differ."""

    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """A Braze user alias: the configuration names the label, a record the name; upper and lower case differ."""

    label: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Email:
    """An e-mail address; upper and lower case are the same."""

    address: str


Identifier = ExternalId | Alias | Email


def write(identifier: Identifier) -> str:
    """Return the one text that names the person."""
    match identifier:
        case ExternalId(value=value):
            return f"{_ID}{value}" if value.startswith((_ALIAS, _EMAIL, _ID)) else value
        case Alias(label=label, name=name):
            for plain, escaped in _ESCAPES:
                label = label.replace(plain, escaped)
            return f"{_ALIAS}{label}:{name}"
        case Email(address=address):
            return f"{_EMAIL}{address.lower()}"


def read(recipient: str) -> Identifier:
    """Return whom a text made by :func:`write` names."""
    if recipient.startswith(_ALIAS):
        label, _, name = recipient.removeprefix(_ALIAS).partition(":")
        for plain, escaped in reversed(_ESCAPES):
            label = label.replace(escaped, plain)
        return Alias(label=label, name=name)
    if recipient.startswith(_EMAIL):
        return Email(address=recipient.removeprefix(_EMAIL))
    return ExternalId(value=recipient.removeprefix(_ID))
