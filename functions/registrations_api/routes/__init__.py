"""The routes of the registrations API: parse, call one use case, render."""

from functions.registrations_api.routes import (
    apps,
    audit_log,
    contacts,
    devices,
    imports,
    segments,
    systems,
    write_keys,
)

ROUTERS = (
    apps.router,
    devices.router,
    contacts.router,
    systems.router,
    write_keys.router,
    segments.router,
    imports.router,
    audit_log.router,
)
