"""The routes of the contact events API: parse, call one use case, render."""

from functions.contact_events_api.routes import (
    events,
    rejects,
    replays,
    reports,
    segment,
    subscriptions,
    timelines,
    triggers,
    webhooks,
)

ROUTERS = (
    timelines.router,
    events.router,
    rejects.router,
    reports.router,
    segment.router,
    triggers.router,
    subscriptions.router,
    replays.router,
    webhooks.router,
)
