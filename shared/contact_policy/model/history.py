"""What is kept of a person for good: what was said and on which words, and their cases."""

from dataclasses import dataclass
from datetime import datetime

from shared.contact_policy.model.standing import ConsentKey, ConsentStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """One word about consent, as it can be shown to whoever doubts it.

    ``text`` is what the person was shown, ``text_version`` names it. ``obtained_by`` says where:
    a form, a call, a system. ``by`` is who wrote it down.
    """

    proof_id: str
    app_id: str
    contact_id: str
    key: ConsentKey
    status: ConsentStatus
    text: str | None
    text_version: str | None
    obtained_by: str
    by: str
    at: datetime
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRecord:
    """A case from its opening on; ``contact_id`` is the contact under which it was opened."""

    case_id: str
    app_id: str
    contact_id: str
    kind: str
    opened_at: datetime
    closed_at: datetime | None = None
