"""The routes of the push API: parse, call one use case, render."""

from functions.push_api.routes import campaigns, in_app, inbox, messages, templates

ROUTERS = (messages.router, templates.router, campaigns.router, inbox.router, in_app.router)
