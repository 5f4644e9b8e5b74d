"""Which permission of a Braze key each path needs (api/braze.md, one per endpoint); asks nothing."""

from __future__ import annotations

NEEDED = {
    "/users/track": "users.track",
    "/campaigns/trigger/send": "campaigns.trigger.send",
    "/canvas/trigger/send": "canvas.trigger.send",
    "/users/export/ids": "users.export.ids",
    "/subscription/status/get": "subscription.status.get",
    "/subscription/user/status": "subscription.groups.get",
    "/email/hard_bounces": "email.hard_bounces",
    "/email/unsubscribes": "email.unsubscribe",
    "/sms/invalid_phone_numbers": "sms.invalid_phone_numbers",
    "/users/export/segment": "users.export.segment",
    "/segments/list": "segments.list",
    "/campaigns/details": "campaigns.details",
    "/canvas/details": "canvas.details",
    "/campaigns/list": "campaigns.list",
    "/canvas/list": "canvas.list",
    "/templates/email/list": "templates.email.list",
    "/templates/email/info": "templates.email.info",
    "/content_blocks/list": "content_blocks.list",
    "/content_blocks/info": "content_blocks.info",
    "/custom_attributes": "custom_attributes.get",
}

# What a missing permission stops, in the words of the operator (fault B15).
PURPOSE = {
    "/users/track": "needed to write attributes and events",
    "/campaigns/trigger/send": "needed to send campaigns",
    "/canvas/trigger/send": "needed to send Canvases",
    "/users/export/ids": "needed for the consent check",
    "/subscription/status/get": "needed for the consent check",
    "/subscription/user/status": "needed by `discover` to name subscription groups",
    "/email/hard_bounces": "needed for the consent check",
    "/email/unsubscribes": "needed to see at once who unsubscribed",
    "/sms/invalid_phone_numbers": "needed to record that a phone number is invalid",
    "/users/export/segment": "needed to look at everybody at once",
    "/segments/list": "needed to list segments and to check their ids",
    "/campaigns/details": "needed to see whether a campaign is launched",
    "/canvas/details": "needed to see whether a Canvas is launched",
    "/campaigns/list": "needed to list campaigns and to archive them",
    "/canvas/list": "needed to list Canvases and to archive them",
    "/templates/email/list": "needed to archive e-mail templates",
    "/templates/email/info": "needed to archive e-mail templates",
    "/content_blocks/list": "needed to archive Content Blocks and what includes them",
    "/content_blocks/info": "needed to archive Content Blocks and what includes them",
    "/custom_attributes": "needed by `check` to look up attributes of profiles",
}
