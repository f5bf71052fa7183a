"""The routes of booked ads: parse, call one use case, render."""

from functions.placements_api.routes import app, decisions, results, things

ROUTERS = (things.router, app.router, results.router, decisions.router)
