"""Connects the coupons' services to this deployment."""

from collections.abc import Collection, Sequence
from functools import cache
from random import sample
from secrets import token_bytes
from time import monotonic
from typing import TYPE_CHECKING

from functions.coupons_api.wiring.people import KnownSegments, RegisteredPeople, RegisteredSegments
from shared.coupons.model.publications import Publication
from shared.coupons.model.tickets import KnownEmpty
from shared.coupons.service.audit import Audit
from shared.coupons.service.availability import Availability
from shared.coupons.service.claims import ClaimService
from shared.coupons.service.codes import CodeService
from shared.coupons.service.completing import CompletionService
from shared.coupons.service.coupons import CouponService
from shared.coupons.service.drawing import Drawer
from shared.coupons.service.ending import Ending
from shared.coupons.service.guesses import GuessService
from shared.coupons.service.holding import HoldingService
from shared.coupons.service.limits import LimitService
from shared.coupons.service.minting import ClaimCodes, CodeGuesses
from shared.coupons.service.orders import OrderRedeemer
from shared.coupons.service.pricing import OfferPricing
from shared.coupons.service.publishing import PublishingService
from shared.coupons.service.qualification import QualificationService
from shared.coupons.service.quotes import QuoteSigner
from shared.coupons.service.redeeming import RedeemingService
from shared.coupons.service.redemptions import RedemptionService
from shared.coupons.service.refunds import RefundService
from shared.coupons.service.rollbacks import RollbackService
from shared.coupons.service.running import LimitAdjuster
from shared.coupons.service.shops import ShopService
from shared.coupons.service.validation import ValidationService
from shared.coupons.store import (
    BucketCodeFiles,
    CodeRows,
    DynamoClaimStore,
    DynamoCodeJobStore,
    DynamoCodeStore,
    DynamoCouponStore,
    DynamoGuessStore,
    DynamoPublicationStore,
    DynamoRedemptionStore,
    DynamoShopStore,
    DynamoTicketStore,
    DynamoUseStore,
)
from shared.kernel.clock import system_clock
from shared.kernel.events import Channel, Purpose
from shared.kernel.ids import Ids
from shared.kernel.principal import TillKey
from shared.platform.auth import deployment
from shared.platform.auth.doors import Doors
from shared.platform.dynamodb import pause_after
from shared.platform.encryption import DataKeyCipher
from shared.platform.hashing import CodeHasher, IdentifierHasher
from shared.platform.ledger import Ledger
from shared.platform.objects import Bucket
from shared.platform.observability import count
from shared.platform.queue import JobQueue
from shared.platform.secrets_manager import Secret
from shared.platform.settings import settings
from shared.registrations.errors import SegmentNotFoundError
from shared.registrations.service.audit import AuditService
from shared.registrations.service.callers import CallerService
from shared.registrations.service.identifiers import IdentifierService
from shared.registrations.service.origins import OriginService
from shared.registrations.service.vault import VaultService
from shared.registrations.store import (
    DynamoAppStore,
    DynamoAudienceStore,
    DynamoAuditStore,
    DynamoContactStore,
    DynamoDeviceStore,
    DynamoKeyStore,
    DynamoSegmentStore,
)

if TYPE_CHECKING:
    from shared.contact_policy.store import DynamoPersonStore
    from shared.coupons.service.code_jobs import CodeJobService


class PublicationJobs:
    """The queue of the worker who gives coupons away."""

    def __init__(self, jobs: JobQueue) -> None:
        self._jobs = jobs

    def go_on(self, publication: Publication) -> None:
        """Have the worker take the publication's next step."""
        self._jobs.put({"app_id": publication.app_id, "publication_id": publication.publication_id})


class KnownApps:
    """The registrations' apps, as far as coupons need them."""

    def __init__(self, apps: DynamoAppStore) -> None:
        self._apps = apps

    def check(self, app_id: str) -> None:
        """Raise unless there is such an app."""
        self._apps.get_app(app_id)


class KnownElsewhere:
    """The registrations' segments and the push domain's templates."""

    def has_segment(self, segment_id: str, *, app_id: str) -> bool:
        """Say whether the app has such a segment."""
        try:
            _segment_store().get_segment(segment_id, app_id=app_id)
        except SegmentNotFoundError:
            return False
        return True

    def has_template(self, template_id: str, *, app_id: str) -> bool:
        """Say whether the app has such a template of pushes."""
        from shared.push.errors import TemplateNotFoundError  # noqa: PLC0415 - few coupons remind
        from shared.push.store import DynamoTemplateStore  # noqa: PLC0415

        templates = DynamoTemplateStore(table=settings().push_table, ledger=_ledger())
        try:
            templates.get_template(template_id, app_id=app_id)
        except TemplateNotFoundError:
            return False
        return True


@cache
def coupons() -> CouponService:
    """Return the definitions of this process."""
    return CouponService(
        apps=KnownApps(_app_store()),
        elsewhere=KnownElsewhere(),
        coupons=_coupon_store(),
        running=adjuster(),
        clock=system_clock,
        ids=_ids(),
    )


@cache
def adjuster() -> LimitAdjuster:
    """Return who has running limits follow their definitions."""
    return LimitAdjuster(
        limits=LimitService(
            tickets=_ticket_store(), known=_known_empty(), clock=system_clock, pause=pause_after
        )
    )


@cache
def codes() -> CodeService:
    """Return the codes of this process."""
    vault = VaultService(
        keys=DynamoKeyStore(table=settings().registrations_table),
        apps=_app_store(),
        cipher=DataKeyCipher(keys=Secret(id=settings().encryption_secret).keys),
    )
    return CodeService(
        coupons=_coupon_store(),
        codes=DynamoCodeStore(table=settings().coupons_table),
        hasher=_code_hasher(),
        vault=vault,
        clock=system_clock,
        chance=token_bytes,
    )


@cache
def code_jobs() -> "CodeJobService":
    """Return the jobs about codes of this process; few requests ask for them."""
    from shared.coupons.service.code_jobs import CodeJobService  # noqa: PLC0415

    return CodeJobService(
        coupons=_coupon_store(),
        jobs=DynamoCodeJobStore(table=settings().coupons_table, ledger=_ledger()),
        files=BucketCodeFiles(bucket=Bucket(name=settings().code_files_bucket)),
        keys=DataKeyCipher(keys=Secret(id=settings().encryption_secret).keys),
        clock=system_clock,
        ids=_ids(),
    )


@cache
def claims() -> ClaimService:
    """Return the claims of this process."""
    return ClaimService(
        coupons=_coupon_store(),
        claims=_claim_store(),
        codes=ClaimCodes(codes=codes()),
        people=people(),
        clock=system_clock,
        ids=_ids(),
    )


@cache
def publishing() -> PublishingService:
    """Return who gives coupons away."""
    return PublishingService(
        coupons=_coupon_store(),
        publications=DynamoPublicationStore(table=settings().coupons_table),
        claims=claims(),
        people=people(),
        segments=RegisteredSegments(
            segments=_segment_store(),
            audience=DynamoAudienceStore(table=settings().registrations_table),
        ),
        queue=PublicationJobs(JobQueue(url=settings().publication_queue_url)),
        clock=system_clock,
    )


@cache
def validations() -> ValidationService:
    """Return who judges orders."""
    return ValidationService(
        coupons=_coupon_store(),
        claims=_claim_store(),
        codes=codes(),
        guesses=_guesses(),
        people=people(),
        availability=_availability(),
        pricing=OfferPricing(),
        quotes=_quotes(),
    )


@cache
def qualifications() -> QualificationService:
    """Return who says what somebody can use."""
    return QualificationService(
        coupons=_coupon_store(),
        claims=_claim_store(),
        people=people(),
        availability=_availability(),
        pricing=OfferPricing(),
    )


@cache
def holdings() -> HoldingService:
    """Return who knows the holders of codes."""
    return HoldingService(
        coupons=_coupon_store(),
        claims=_claim_store(),
        codes=codes(),
        guesses=_guesses(),
        people=people(),
    )


@cache
def redeeming() -> RedeemingService:
    """Return who uses coupons in orders."""
    return RedeemingService(
        validations=validations(),
        redeemer=OrderRedeemer(coupons=_coupon_store(), redemptions=redemptions()),
        claims=claims(),
        quotes=_quotes(),
    )


@cache
def redemptions() -> RedemptionService:
    """Return the redemptions of this process."""
    return RedemptionService(
        redemptions=_redemption_store(),
        drawer=_drawer(),
        notes=_ending().notes,
        ending=_ending(),
        clock=system_clock,
        ids=_ids(),
        pause=pause_after,
    )


@cache
def completions() -> CompletionService:
    """Return who moves redemptions on."""
    return CompletionService(
        redemptions=redemptions(),
        rollbacks=RollbackService(
            redemptions=_redemption_store(),
            ending=_ending(),
            clock=system_clock,
            ids=_ids(),
            pause=pause_after,
        ),
        refunds=RefundService(coupons=_coupon_store()),
        redeeming=redeeming(),
    )


@cache
def audits() -> Audit:
    """Return who recounts limits."""
    return Audit(
        tickets=_ticket_store(),
        uses=_use_store(),
        redemptions=_redemption_store(),
        clock=system_clock,
    )


@cache
def shops() -> ShopService:
    """Return the stores of this process."""
    return ShopService(
        shops=DynamoShopStore(table=settings().coupons_table, ledger=_ledger()),
        clock=system_clock,
        ids=_ids(),
    )


@cache
def people() -> RegisteredPeople:
    """Return what is known of people."""
    return RegisteredPeople(
        audience=DynamoAudienceStore(table=settings().registrations_table),
        contacts=_contact_store(),
        devices=_device_store(),
        segments=KnownSegments(segments=_segment_store(), elapsed=monotonic),
        consents=_consents,
        clock=system_clock,
    )


@cache
def origins() -> OriginService:
    """Return who knows which contact stands for a person."""
    return OriginService(contacts=_contact_store(), devices=_device_store())


@cache
def doors() -> Doors:
    """Return the doors of this process."""
    return deployment.doors(
        CallerService(
            apps=_app_store(),
            devices=_device_store(),
            contacts=_contact_store(),
            identifiers=IdentifierService(
                contacts=_contact_store(),
                hasher=IdentifierHasher(keys=Secret(id=settings().identifier_secret).keys),
            ),
        ),
        tills=_till_key,
    )


@cache
def audit_log() -> AuditService:
    """Return where this process keeps what marketers do."""
    entries = DynamoAuditStore(table=settings().registrations_table)
    return AuditService(entries=entries, clock=system_clock, ids=_ids())


def _till_key(app_id: str, store_id: str, key_id: str) -> TillKey | None:
    return shops().till_key(app_id, store_id, key_id)


def _consents(app_id: str, contact_id: str) -> frozenset[Channel]:
    """Return on which channels a contact's person agrees to marketing now."""
    from shared.contact_policy.model.standing import Effective  # noqa: PLC0415 - orders alone ask

    person = _person_store().people({contact_id}, app_id=app_id)[contact_id]
    effective = Effective(person.standing, at=system_clock())
    return frozenset(
        channel for channel in Channel if effective.agrees(Purpose.MARKETING, channel, None)
    )


@cache
def _person_store() -> "DynamoPersonStore":
    from shared.contact_policy.store import DynamoPersonStore  # noqa: PLC0415

    return DynamoPersonStore(table=settings().contact_policy_table, ledger=_ledger())


@cache
def _guesses() -> CodeGuesses:
    return CodeGuesses(
        guesses=GuessService(
            guesses=DynamoGuessStore(table=settings().coupons_table),
            hasher=_code_hasher(),
            clock=system_clock,
            tell_miss=_tell_miss,
        )
    )


def _tell_miss() -> None:
    """Count a wrong guess of the whole deployment, for its alarm; it names nobody."""
    count("CodeMisses", service="coupons_api")


@cache
def _availability() -> Availability:
    return Availability(
        tickets=_ticket_store(), uses=_use_store(), known=_known_empty(), clock=system_clock
    )


@cache
def _drawer() -> Drawer:
    return Drawer(store=_ticket_store(), known=_known_empty(), clock=system_clock, ids=_ids())


@cache
def _ending() -> Ending:
    return Ending(
        redemptions=_redemption_store(),
        uses=_use_store(),
        drawer=_drawer(),
        clock=system_clock,
        ids=_ids(),
        pause=pause_after,
    )


@cache
def _quotes() -> QuoteSigner:
    return QuoteSigner(keys=Secret(id=settings().device_token_secret).keys)


@cache
def _code_hasher() -> CodeHasher:
    return CodeHasher(keys=Secret(id=settings().code_secret).keys)


@cache
def _known_empty() -> KnownEmpty:
    return KnownEmpty(shuffled=_shuffled)


def _shuffled(numbers: Collection[int]) -> Sequence[int]:
    return sample(list(numbers), len(numbers))


@cache
def _coupon_store() -> DynamoCouponStore:
    return DynamoCouponStore(table=settings().coupons_table, ledger=_ledger())


@cache
def _claim_store() -> DynamoClaimStore:
    table = settings().coupons_table
    return DynamoClaimStore(table=table, ledger=_ledger(), put_code=CodeRows(table=table).put_new)


@cache
def _ticket_store() -> DynamoTicketStore:
    return DynamoTicketStore(table=settings().coupons_table, ledger=_ledger())


@cache
def _use_store() -> DynamoUseStore:
    return DynamoUseStore(table=settings().coupons_table)


@cache
def _redemption_store() -> DynamoRedemptionStore:
    return DynamoRedemptionStore(table=settings().coupons_table, ledger=_ledger())


@cache
def _segment_store() -> DynamoSegmentStore:
    return DynamoSegmentStore(table=settings().registrations_table, ledger=_ledger())


@cache
def _app_store() -> DynamoAppStore:
    return DynamoAppStore(table=settings().registrations_table, ledger=_ledger())


@cache
def _device_store() -> DynamoDeviceStore:
    return DynamoDeviceStore(table=settings().registrations_table, ledger=_ledger())


@cache
def _contact_store() -> DynamoContactStore:
    return DynamoContactStore(table=settings().registrations_table, ledger=_ledger())


@cache
def _ledger() -> Ledger:
    return Ledger(table=settings().contact_events_table)


@cache
def _ids() -> Ids:
    return Ids(clock=system_clock)
