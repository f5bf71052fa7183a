"""The forms in which a booked thing is written: new, changed, as it stands, in a page.

The first is written out in ``things``; the others have the same fields, so they are made of it.
"""

from dataclasses import dataclass
from datetime import datetime
from types import GenericAlias
from typing import Annotated, Any, Literal, Self, TypeAlias

from aws_lambda_powertools.event_handler.openapi.params import Path
from pydantic import Field, create_model, model_validator
from pydantic_core import PydanticCustomError
from typing_extensions import override

from functions.placements_api.schemas import Version
from functions.placements_api.schemas.things import (
    AdCampaignIn,
    AdIn,
    AdTemplateIn,
    AdvertiserIn,
    CreativeIn,
    FlightIn,
    PlacementIn,
)
from shared.kernel.paging import Page, cursor_of
from shared.placements.model.demand import Kind, State, Thing
from shared.placements.model.documents import document_of
from shared.placements.model.things import PREFIXES, id_field_of, id_of
from shared.platform.http.schemas import In, Out

Standing: TypeAlias = Literal["draft", "active", "paused", "ended"]
"""Where a thing stands: the words of ``State``, whose name another API's document has taken."""


class ThingChangeIn(In):
    """Changes of a thing: a field that is named is new, one that is null the default again."""

    version: Version

    def changes(self) -> dict[str, Any]:
        """Return the fields that are named, as the model writes them."""
        return self.model_dump(
            mode="json", by_alias=True, exclude_unset=True, exclude={"version", "state"}
        )

    def wanted_state(self) -> State | None:
        """Return where the thing is to stand, if that is what is asked."""
        return None


class MovableChangeIn(ThingChangeIn):
    """Changes of a thing, or of where it stands."""

    state: Standing | None = Field(
        default=None, description="Where it is to stand: asked alone, without another change."
    )

    @model_validator(mode="after")
    def _one_at_a_time(self) -> Self:
        if self.state is not None and self.changes():
            raise PydanticCustomError("one_of", "either a state, or other fields")
        return self

    @override
    def wanted_state(self) -> State | None:
        return self.state and State(self.state)


class ThingOut(Out):
    """A thing, its defaults written out."""

    state: Standing
    version: int
    created_at: datetime


class ThingsOut(Out):
    """A page of things, in the order of their creation."""

    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How things of a kind are written on the wire, and what they are called.

    ``path`` is the word of routes; ``one`` and ``many`` are words for people.
    """

    kind: Kind
    path: str
    one: str
    many: str
    new: type[In]
    changed: type[ThingChangeIn]
    stored: type[ThingOut]
    listed: type[Out]

    @property
    def id_field(self) -> str:
        """Return what the id of such a thing is called."""
        return id_field_of(self.kind)

    @property
    def id_type(self) -> Any:
        """Return what its id in a path is like."""
        return Annotated[str, Path(pattern=_pattern(self.kind))]

    def shown(self, thing: Thing) -> ThingOut:
        """Render a thing."""
        return self.stored.model_validate(
            {
                **document_of(thing),
                self.id_field: id_of(thing),
                "state": thing.state.value,
                "version": thing.version,
                "created_at": thing.created_at,
            }
        )

    def paged(self, page: Page[Thing]) -> Out:
        """Render a page of things."""
        return self.listed.model_validate(
            {
                "items": [self.shown(one) for one in page.items],
                "next_cursor": page.next_cursor and cursor_of(page.next_cursor),
            }
        )


def _form(kind: Kind, path: str, new: type[In], *, one: str, many: str) -> Form:
    name, fields = new.__name__.removesuffix("In"), _fields(new)
    optional: dict[str, Any] = {
        field: (of | None, Field(None, **told)) for field, (of, told) in fields.items()
    }
    whole: dict[str, Any] = {
        id_field_of(kind): (Annotated[str, Field(pattern=_pattern(kind))], ...),
        **{field: (of, Field(**told)) for field, (of, told) in fields.items()},
    }
    change: type[ThingChangeIn] = ThingChangeIn if kind is Kind.FLIGHT else MovableChangeIn
    about = f"Changes of {one}: what is named is new, what is null the default again."
    changed = create_model(f"{name}ChangeIn", __base__=change, __doc__=about, **optional)
    stored = create_model(f"{name}Out", __base__=ThingOut, __doc__=new.__doc__, **whole)
    items: dict[str, Any] = {"items": (GenericAlias(tuple, (stored, ...)), ...)}
    about = f"A page of {many}, in the order of their creation."
    listed = create_model(f"{name}sOut", __base__=ThingsOut, __doc__=about, **items)
    return Form(
        kind=kind,
        path=path,
        one=one,
        many=many,
        new=new,
        changed=changed,
        stored=stored,
        listed=listed,
    )


def _fields(new: type[In]) -> dict[str, tuple[Any, dict[str, Any]]]:
    """Return each field's type with its bounds, and what is told of it beside that."""
    return {
        name: (
            info.rebuild_annotation(),
            {"alias": info.alias, "description": info.description, "examples": info.examples},
        )
        for name, info in new.model_fields.items()
    }


def _pattern(kind: Kind) -> str:
    return rf"^{PREFIXES[kind]}_[0-9A-Z]{{26}}$"


FORMS = (
    _form(
        Kind.AD_TEMPLATE,
        "ad-templates",
        AdTemplateIn,
        one="a template of native ads",
        many="templates of native ads",
    ),
    _form(Kind.PLACEMENT, "placements", PlacementIn, one="a placement", many="placements"),
    _form(Kind.ADVERTISER, "advertisers", AdvertiserIn, one="an advertiser", many="advertisers"),
    _form(
        Kind.AD_CAMPAIGN, "ad-campaigns", AdCampaignIn, one="an ad campaign", many="ad campaigns"
    ),
    _form(Kind.FLIGHT, "flights", FlightIn, one="a flight", many="flights"),
    _form(Kind.CREATIVE, "creatives", CreativeIn, one="a creative", many="creatives"),
    _form(Kind.AD, "ads", AdIn, one="an ad", many="ads"),
)
"""All kinds of things, those first that others name."""
