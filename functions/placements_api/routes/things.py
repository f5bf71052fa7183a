"""The routes of booked things: the same for each kind, on paths and with bodies of its own."""

from collections.abc import Callable, Mapping
from functools import wraps
from http import HTTPStatus
from inspect import signature
from types import GenericAlias
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body

from functions.placements_api.schemas import AppId, Cursor, Limit
from functions.placements_api.schemas.forms import FORMS, Form, ThingChangeIn
from functions.placements_api.wiring import demand
from shared.kernel.paging import place_of
from shared.kernel.principal import Role
from shared.placements.errors import DemandChangedError, DemandStateError, NameTakenError
from shared.placements.model.demand import Kind, State
from shared.placements.model.things import NOT_FOUND
from shared.platform.auth.doors import marketer
from shared.platform.http.api import answered
from shared.platform.http.request import attempt, caller
from shared.platform.http.routing import Router
from shared.platform.http.schemas import In, Out
from shared.registrations.errors import AppNotFoundError

router = Router()
OK, CREATED = HTTPStatus.OK, HTTPStatus.CREATED
VERBS: Mapping[State, tuple[str, str, str]] = {
    State.ACTIVE: ("activate", "Activate a flight", "It runs, or will from its start on."),
    State.PAUSED: ("pause", "Pause a flight", "It is not shown until it is activated again."),
    State.ENDED: ("end", "End a flight", "It is not shown any more, for good."),
}
"""The verb that leads a flight to a state, what it does, and what is so then."""


def _in_words_of(
    form: Form, *, gives: Any, takes: Any = None
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Have a route take ``thing_id`` and ``body`` by the name and type that its kind has for them.

    What a route takes and ``gives`` is read from its signature, to check requests and to document.
    """
    own = {"thing_id": (form.id_field, form.id_type), "body": ("body", takes)}

    def adapt(route: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(route)
        def adapted(**given: Any) -> Any:
            if form.id_field in given:
                given["thing_id"] = given.pop(form.id_field)
            return route(**given)

        parameters = []
        for parameter in signature(route).parameters.values():
            name, taken = own.get(parameter.name, (parameter.name, parameter.annotation))
            parameters.append(parameter.replace(name=name, annotation=taken))
        adapted.__signature__ = signature(route).replace(  # type: ignore[attr-defined]
            parameters=parameters, return_annotation=gives
        )
        return adapted

    return adapt


def _offer(form: Form) -> None:
    """Add the routes of a kind."""
    things = f"/v1/apps/<app_id>/{form.path}"
    thing = f"{things}/<{form.id_field}>"
    missing = NOT_FOUND[form.kind]

    @router.on(
        f"POST {things}",
        summary=f"Make {form.one}",
        access=marketer(Role.EDITOR),
        success={CREATED: "It is there, its defaults written out."},
        refusals=[AppNotFoundError, *([NameTakenError] if form.kind is Kind.PLACEMENT else [])],
    )
    @_in_words_of(
        form, takes=Annotated[form.new, Body()], gives=GenericAlias(Response, form.stored)
    )
    def create(app_id: AppId, body: In) -> Response[Out]:
        """Make it; with an `Idempotency-Key`, once."""
        document = body.model_dump(mode="json", by_alias=True, exclude_unset=True)
        made, replayed = demand().create(
            form.kind, document, app_id=app_id, by=caller().subject, attempt=attempt()
        )
        return answered(form.shown(made), CREATED, replayed=replayed)

    @router.on(
        f"GET {things}",
        summary=f"The {form.many} of an app",
        access=marketer(Role.VIEWER),
        success={OK: f"A page of {form.many}."},
    )
    @_in_words_of(form, gives=form.listed)
    def list_them(app_id: AppId, limit: Limit = 50, cursor: Cursor = None) -> Out:
        """Return which there are, in the order of their creation."""
        after = cursor and place_of(cursor)
        return form.paged(demand().list_things(form.kind, app_id, limit=limit, cursor=after))

    @router.on(
        f"GET {thing}",
        summary=f"Look at {form.one}",
        access=marketer(Role.VIEWER),
        success={OK: "It, its defaults written out."},
        refusals=[missing],
    )
    @_in_words_of(form, gives=form.stored)
    def get(app_id: AppId, thing_id: str) -> Out:
        """Return it as it is now."""
        return form.shown(demand().get(form.kind, thing_id, app_id=app_id))

    @router.on(
        f"PATCH {thing}",
        summary=f"Change {form.one}",
        access=marketer(Role.EDITOR),
        success={OK: "It as it is now."},
        refusals=[missing, DemandChangedError, DemandStateError],
    )
    @_in_words_of(form, takes=Annotated[form.changed, Body()], gives=form.stored)
    def change(app_id: AppId, thing_id: str, body: ThingChangeIn) -> Out:
        """Change the fields that are named, or move it to a state."""
        options: dict[str, Any] = {
            "app_id": app_id,
            "version": body.version,
            "by": caller().subject,
        }
        state = body.wanted_state()
        if state is not None:
            return form.shown(demand().move(form.kind, thing_id, state, **options))
        return form.shown(demand().change(form.kind, thing_id, body.changes(), **options))


def _offer_verb(form: Form, state: State) -> None:
    """Add the route that leads a flight to a state."""
    verb, summary, promise = VERBS[state]

    @router.on(
        f"POST /v1/apps/<app_id>/{form.path}/<{form.id_field}>/{verb}",
        summary=summary,
        access=marketer(Role.EDITOR),
        success={OK: promise},
        refusals=[NOT_FOUND[form.kind], DemandChangedError, DemandStateError],
    )
    @_in_words_of(form, gives=form.stored)
    def move(app_id: AppId, thing_id: str) -> Out:
        """Move it, as far as its state allows that."""
        by = caller().subject
        return form.shown(demand().move(form.kind, thing_id, state, app_id=app_id, by=by))


for _one in FORMS:
    _offer(_one)
    if _one.kind is Kind.FLIGHT:
        for _state in VERBS:
            _offer_verb(_one, _state)
