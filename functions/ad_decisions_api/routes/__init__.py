"""The routes of ad decisions: parse, call one use case, render."""

from functions.ad_decisions_api.routes import decisions, events

ROUTERS = (decisions.router, events.router)
