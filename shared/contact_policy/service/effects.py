"""Use case of what other systems tell: all that follows from it for the person."""

from dataclasses import dataclass

from shared.contact_policy.model.policy import CooldownCause
from shared.contact_policy.model.told import (
    bounce_told,
    happened_at,
    refusal_told,
    touch_told,
)
from shared.contact_policy.service.cases import CaseService
from shared.contact_policy.service.noting import Noted, NotingService
from shared.contact_policy.service.protection import ProtectionService
from shared.kernel.envelope import Envelope
from shared.kernel.events import Channel


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectService:
    """Applies events of others: each once by its id, however often and in whatever order."""

    protection: ProtectionService
    cases: CaseService
    noting: NotingService

    def apply(self, event: Envelope) -> None:
        """Heed what a person said, count what reached them, and note what did not or was refused.

        Raises:
            ConsentInvalidError: too much was said before.
            PersonBusyError: others kept changing the person; again does the rest.
        """
        self.protection.heed(event)
        self._rest(event, after=CooldownCause.BOUNCE, channel=bounce_told(event))
        self._rest(event, after=CooldownCause.REFUSAL, channel=refusal_told(event))
        self._count(event)

    def _rest(self, event: Envelope, *, after: CooldownCause, channel: Channel | None) -> None:
        if channel:
            self.cases.note(
                event.subject.id,
                after,
                app_id=event.app_id,
                channel=channel,
                at=happened_at(event),
            )

    def _count(self, event: Envelope) -> None:
        touch = touch_told(event)
        if touch:
            noted = Noted(
                app_id=event.app_id,
                contact_id=event.subject.id,
                channel=touch.channel,
                purpose=touch.purpose,
                key=touch.key,
                times=1,
                at=happened_at(event),
                reservation_id=touch.reservation_id,
            )
            self.noting.note(noted)
