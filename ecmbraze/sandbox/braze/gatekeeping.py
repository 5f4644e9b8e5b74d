"""Who may ask what: keys and their permissions; answers nothing else."""

from __future__ import annotations

from ecmbraze.sandbox.braze.answers import Refused
from ecmbraze.sandbox.braze.store import BrazeStore

PERMISSIONS = {
    "/users/track": "users.track",
    "/campaigns/trigger/send": "campaigns.trigger.send",
    "/canvas/trigger/send": "canvas.trigger.send",
    "/users/export/ids": "users.export.ids",
    "/subscription/status/get": "subscription.status.get",
    "/email/unsubscribes": "email.unsubscribe",
    "/email/hard_bounces": "email.hard_bounces",
    "/campaigns/details": "campaigns.details",
    "/canvas/details": "canvas.details",
    "/campaigns/list": "campaigns.list",
    "/canvas/list": "canvas.list",
    "/users/delete": "users.delete",
    "/subscription/status/set": "subscription.status.set",
    "/v2/subscription/status/set": "subscription.status.set",
    "/subscription/user/status": "subscription.groups.get",
    "/email/status": "email.status",
    "/email/blocklist": "email.blacklist",
    "/email/blacklist": "email.blacklist",
    "/email/bounce/remove": "email.bounce.remove",
    "/email/spam/remove": "email.spam.remove",
    "/sms/invalid_phone_numbers": "sms.invalid_phone_numbers",
    "/sms/invalid_phone_numbers/remove": "sms.invalid_phone_numbers.remove",
    "/templates/email/list": "templates.email.list",
    "/templates/email/info": "templates.email.info",
    "/content_blocks/list": "content_blocks.list",
    "/content_blocks/info": "content_blocks.info",
    "/segments/list": "segments.list",
    "/segments/details": "segments.details",
    "/users/export/segment": "users.export.segment",
    "/custom_attributes": "custom_attributes.get",
}


def admit(store: BrazeStore, authorization: str, path: str) -> None:
    """Check the key. Raises Refused: 401 echoes the key with empty rate headers, 403 names nothing."""
    scheme, _, key = authorization.partition(" ")
    if scheme != "Bearer" or key not in store.keys:
        empty = dict.fromkeys(("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"), "")
        raise Refused(401, f"Invalid API key: {key}", empty)
    allowed = store.keys[key]
    if allowed is not None and PERMISSIONS.get(path) not in allowed:
        raise Refused(403, store.switches.forbidden_text)
