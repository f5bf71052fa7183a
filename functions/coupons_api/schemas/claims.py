"""Claims, what somebody can use, and publications, on the wire."""

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from functions.coupons_api.schemas import NamedContact, NamedDevice
from functions.coupons_api.schemas.coupons import Discount, ValidityIn
from functions.coupons_api.schemas.orders import BestOut, MissOut, RefusalOut
from shared.coupons.model.claims import Claim, ClaimedBy, ClaimState
from shared.coupons.model.documents import document_of
from shared.coupons.model.publications import (
    MOST_NAMED,
    Publication,
    PublicationState,
    Recipients,
)
from shared.coupons.service.qualification import Qualification, Qualified
from shared.platform.auth.ad_tokens import LONGEST
from shared.platform.http.schemas import In, Out


class ClaimIn(In):
    """How a coupon is claimed; no body is needed where there is nothing to tell."""

    ad_token: Annotated[str, Field(min_length=1, max_length=LONGEST)] | None = Field(
        default=None, description="Of the ad by a tap on which it is claimed."
    )


class ClaimOut(Out):
    """A claim: this coupon is somebody's."""

    claim_id: str
    coupon_id: str
    contact_id: str
    state: ClaimState
    by: ClaimedBy
    claimed_at: datetime
    expires_at: datetime | None
    last_four: str | None

    @classmethod
    def of(cls, claim: Claim) -> Self:
        """Render a claim."""
        return cls(**_described(claim))


class OwnClaimOut(ClaimOut):
    """A claim, as its holder sees it."""

    code: str | None = Field(description="The code that came with it, where there is one.")

    @classmethod
    def with_code(cls, claim: Claim, letters: str | None) -> Self:
        """Render a claim with its code."""
        return cls(**_described(claim), code=letters)


class QualifiedOut(Out):
    """A coupon that somebody has, or may take."""

    coupon_id: str
    name: str
    description: str
    discount: Discount
    validity: ValidityIn
    claim: ClaimOut | None = Field(description="Null: it is free to take.")
    refusals: tuple[RefusalOut, ...] = Field(description="Why it cannot be used now.")
    gives: int | None = Field(
        description="Its discount alone, in minor units, where a basket was named."
    )

    @classmethod
    def of(cls, found: Qualified) -> Self:
        """Render a coupon for who may use it."""
        document = document_of(found.coupon)
        return cls.model_validate(
            {
                **{name: document[name] for name in ("name", "description", "discount")},
                "validity": document["validity"],
                "coupon_id": found.coupon.coupon_id,
                "claim": ClaimOut.of(found.claim) if found.claim else None,
                "refusals": tuple(RefusalOut.of(one) for one in found.why),
                "gives": found.gives,
            }
        )


class QualificationOut(Out):
    """What somebody can use: what is theirs first, then what is free to take."""

    items: tuple[QualifiedOut, ...]
    best: BestOut | None
    miss: MissOut | None

    @classmethod
    def of(cls, found: Qualification) -> Self:
        """Render what somebody can use."""
        return cls(
            items=tuple(QualifiedOut.of(one) for one in found.coupons),
            best=BestOut.of(found.best) if found.best else None,
            miss=MissOut.of(found.miss) if found.miss else None,
        )


class PublicationIn(In):
    """To whom a coupon is given: contacts and devices, or all of a segment."""

    source_id: Annotated[str, Field(min_length=1, max_length=128)] = Field(
        description="The sender's own name for it: the same again finds the same publication."
    )
    contacts: Annotated[tuple[NamedContact, ...], Field(max_length=MOST_NAMED)] = ()
    devices: Annotated[tuple[NamedDevice, ...], Field(max_length=MOST_NAMED)] = ()
    segment_id: Annotated[str, Field(pattern=r"^seg_[0-9A-Z]{26}$")] | None = None

    @model_validator(mode="after")
    def _either_or(self) -> Self:
        if bool(self.contacts or self.devices) is (self.segment_id is not None):
            raise PydanticCustomError("one_of", "either contacts and devices, or a segment")
        return self

    def recipients(self) -> Recipients:
        """Return to whom, in the words of the model."""
        return Recipients(contacts=self.contacts, devices=self.devices, segment_id=self.segment_id)


class PublicationOut(Out):
    """A coupon given to many people, and how far that is."""

    publication_id: str
    coupon_id: str
    source_id: str
    segment_id: str | None
    state: PublicationState
    by: str
    created_at: datetime
    given: int
    known: int = Field(description="Had the coupon before.")
    refused: int = Field(description="Could not have it: unknown, or all is given away.")

    @classmethod
    def of(cls, publication: Publication) -> Self:
        """Render a publication."""
        tally = publication.tally
        return cls(
            publication_id=publication.publication_id,
            coupon_id=publication.coupon_id,
            source_id=publication.source_id,
            segment_id=publication.recipients.segment_id,
            state=publication.state,
            by=publication.by,
            created_at=publication.created_at,
            given=tally.given,
            known=tally.known,
            refused=tally.refused,
        )


class PublicationsOut(Out):
    """A page of publications, the newest first."""

    items: tuple[PublicationOut, ...]
    next_cursor: str | None


def _described(claim: Claim) -> dict[str, Any]:
    names = ("claim_id", "coupon_id", "contact_id", "state", "by", "claimed_at", "expires_at")
    return {name: getattr(claim, name) for name in (*names, "last_four")}
