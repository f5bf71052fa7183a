"""Use cases of what other systems heard people say: a complaint, a refusal, an agreement.

Each may be told again, and in any order: an event counts once, by its id.
"""

from contextlib import suppress
from dataclasses import dataclass

from shared.contact_policy.errors import PersonErasedError
from shared.contact_policy.model.schema import LONGEST_TOPIC
from shared.contact_policy.model.told import (
    COMPLAINED,
    WITHDRAWN,
    ToldConsent,
    consent_told,
    happened_at,
)
from shared.contact_policy.service.cases import CaseService
from shared.contact_policy.service.consents import ConsentService, Heard, Statement
from shared.kernel.envelope import Envelope


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectionService:
    """Heeds what people said elsewhere; of who was erased nothing is kept."""

    cases: CaseService
    consents: ConsentService

    def protect(self, event: Envelope) -> None:
        """Heed at once what must not wait: open a case for a complaint, note a refusal.

        All other events change nothing here.

        Raises:
            ConsentInvalidError: too much was said before.
            PersonBusyError: others kept changing the person; nothing was written.
        """
        if event.type in {COMPLAINED, WITHDRAWN}:
            self.heed(event)

    def heed(self, event: Envelope) -> None:
        """Heed whatever a person said, agreements too.

        Raises:
            ConsentInvalidError: too much was said before.
            PersonBusyError: others kept changing the person; nothing was written.
        """
        with suppress(PersonErasedError):
            if event.type == COMPLAINED:
                self.cases.open_case(event.subject.id, app_id=event.app_id, case_id=event.id)
            told = consent_told(event)
            if told:
                self._hear(told, event)

    def _hear(self, told: ToldConsent, event: Envelope) -> None:
        statement = Statement(
            app_id=event.app_id,
            contact_id=event.subject.id,
            key=told.key,
            obtained_by=event.source[:LONGEST_TOPIC],
            by=event.id,
        )
        heard = Heard(status=told.status, at=happened_at(event), name=event.sequence)
        self.consents.hear(statement, heard)
