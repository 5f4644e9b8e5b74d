"""The errors that a refusing Braze means for a run, with what to do about them; raises and asks nothing."""

from __future__ import annotations

from urllib.parse import urlsplit

from ecmbraze.errors import ConfigurationError, CredentialRefused
from ecmbraze.systems.braze.permissions import NEEDED, PURPOSE


def host_of(location: str) -> str:
    """Return the host of a redirect's target, as far as it is one."""
    try:
        return urlsplit(location).netloc
    except ValueError:
        return "a malformed address"


def key_refused() -> CredentialRefused:
    """Return what 401, and 404 on a documented path, means: not our key, or not its cluster (fault B14)."""
    return CredentialRefused(
        "Braze refuses the API key.",
        undone="Nothing of this request was sent or changed.",
        advice="Check the secret behind braze.api_key, and that braze.url is the instance the key belongs to.",
    )


def permission_missing(path: str) -> CredentialRefused:
    """Return what 403 means: a key is fixed for life, so a new one is needed (fault B15, api/braze.md 9.2)."""
    return CredentialRefused(
        f"The Braze key lacks the permission {NEEDED.get(path, path)} ({PURPOSE.get(path, 'needed here')}), "
        "or this address is not on its allow-list.",
        undone="Nothing of this request was sent or changed.",
        advice="Make a new key with this permission: the permissions of a key cannot be edited.",
    )


def redirected(host: str, path: str, target: str) -> ConfigurationError:
    """Return what a redirect means: it is never followed, the key goes nowhere else (fault B23)."""
    where = f" to {target}" if target else ""
    return ConfigurationError(
        f"Braze {host} answers {path} with a redirect{where}; refusing to follow it.",
        undone="Nothing was sent there.",
        advice="Check braze.url, and that no proxy stands in between.",
    )


def object_refused(path: str, said: str) -> ConfigurationError:
    """Return what an unknown, archived or paused campaign or Canvas means (fault B16)."""
    return ConfigurationError(
        f"Braze refuses {path}: {said}",
        undone="Nothing was sent; the messages wait.",
        advice="Check the id in the configuration, and that the campaign or Canvas is launched and not paused.",
    )
