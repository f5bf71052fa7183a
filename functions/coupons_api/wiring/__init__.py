"""Connects the coupons' services to this deployment; those of orders and limits stand beside."""

from functools import cache
from secrets import token_bytes
from time import monotonic
from typing import TYPE_CHECKING

from functions.coupons_api.wiring.limits import adjuster
from functions.coupons_api.wiring.people import RegisteredPeople, RegisteredSegments
from functions.coupons_api.wiring.stores import (
    ad_states,
    app_store,
    claim_store,
    code_hasher,
    contact_store,
    coupon_store,
    device_store,
    ids,
    ledger,
    person_store,
    segment_store,
)
from shared.coupons.model.publications import Publication
from shared.coupons.service.claims import ClaimService
from shared.coupons.service.codes import CodeService
from shared.coupons.service.coupons import CouponService
from shared.coupons.service.minting import ClaimCodes
from shared.coupons.service.publishing import PublishingService
from shared.coupons.service.shops import ShopService
from shared.coupons.store import (
    BucketCodeFiles,
    DynamoCodeJobStore,
    DynamoCodeStore,
    DynamoPublicationStore,
    DynamoShopStore,
)
from shared.kernel.clock import system_clock
from shared.kernel.events import Channel, Purpose
from shared.kernel.principal import TillKey
from shared.platform.auth import deployment
from shared.platform.auth.doors import Doors
from shared.platform.encryption import DataKeyCipher
from shared.platform.hashing import IdentifierHasher
from shared.platform.objects import Bucket
from shared.platform.queue import JobQueue
from shared.platform.secrets_manager import Secret
from shared.platform.settings import settings
from shared.registrations.errors import SegmentNotFoundError
from shared.registrations.service.audit import AuditService
from shared.registrations.service.callers import CallerService
from shared.registrations.service.identifiers import IdentifierService
from shared.registrations.service.origins import OriginService
from shared.registrations.service.standing import KnownSegments
from shared.registrations.service.vault import VaultService
from shared.registrations.store import (
    DynamoAppStore,
    DynamoAudienceStore,
    DynamoAuditStore,
    DynamoKeyStore,
)

if TYPE_CHECKING:
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
            segment_store().get_segment(segment_id, app_id=app_id)
        except SegmentNotFoundError:
            return False
        return True

    def has_template(self, template_id: str, *, app_id: str) -> bool:
        """Say whether the app has such a template of pushes."""
        from shared.push.errors import TemplateNotFoundError  # noqa: PLC0415 - few coupons remind
        from shared.push.store import DynamoTemplateStore  # noqa: PLC0415

        templates = DynamoTemplateStore(table=settings().push_table, ledger=ledger())
        try:
            templates.get_template(template_id, app_id=app_id)
        except TemplateNotFoundError:
            return False
        return True


@cache
def coupons() -> CouponService:
    """Return the definitions of this process."""
    return CouponService(
        apps=KnownApps(app_store()),
        elsewhere=KnownElsewhere(),
        coupons=coupon_store(),
        running=adjuster(),
        clock=system_clock,
        ids=ids(),
    )


@cache
def codes() -> CodeService:
    """Return the codes of this process."""
    vault = VaultService(
        keys=DynamoKeyStore(table=settings().registrations_table),
        apps=app_store(),
        cipher=DataKeyCipher(keys=Secret(id=settings().encryption_secret).keys),
    )
    return CodeService(
        coupons=coupon_store(),
        codes=DynamoCodeStore(table=settings().coupons_table),
        hasher=code_hasher(),
        vault=vault,
        clock=system_clock,
        chance=token_bytes,
    )


@cache
def code_jobs() -> "CodeJobService":
    """Return the jobs about codes of this process; few requests ask for them."""
    from shared.coupons.service.code_jobs import CodeJobService  # noqa: PLC0415

    return CodeJobService(
        coupons=coupon_store(),
        jobs=DynamoCodeJobStore(table=settings().coupons_table, ledger=ledger()),
        files=BucketCodeFiles(bucket=Bucket(name=settings().code_files_bucket)),
        keys=DataKeyCipher(keys=Secret(id=settings().encryption_secret).keys),
        clock=system_clock,
        ids=ids(),
    )


@cache
def claims() -> ClaimService:
    """Return the claims of this process."""
    return ClaimService(
        coupons=coupon_store(),
        claims=claim_store(),
        codes=ClaimCodes(codes=codes()),
        people=people(),
        clock=system_clock,
        ids=ids(),
    )


@cache
def publishing() -> PublishingService:
    """Return who gives coupons away."""
    return PublishingService(
        coupons=coupon_store(),
        publications=DynamoPublicationStore(table=settings().coupons_table),
        claims=claims(),
        people=people(),
        segments=RegisteredSegments(
            segments=segment_store(),
            audience=DynamoAudienceStore(table=settings().registrations_table),
        ),
        queue=PublicationJobs(JobQueue(url=settings().publication_queue_url)),
        clock=system_clock,
    )


@cache
def shops() -> ShopService:
    """Return the stores of this process."""
    return ShopService(
        shops=DynamoShopStore(table=settings().coupons_table, ledger=ledger()),
        clock=system_clock,
        ids=ids(),
    )


@cache
def people() -> RegisteredPeople:
    """Return what is known of people."""
    return RegisteredPeople(
        audience=DynamoAudienceStore(table=settings().registrations_table),
        contacts=contact_store(),
        devices=device_store(),
        segments=KnownSegments(segments=segment_store(), elapsed=monotonic),
        consents=_consents,
        seen_ads=_seen_ads,
        clock=system_clock,
    )


@cache
def origins() -> OriginService:
    """Return who knows which contact stands for a person."""
    return OriginService(contacts=contact_store(), devices=device_store())


@cache
def doors() -> Doors:
    """Return the doors of this process."""
    return deployment.doors(
        CallerService(
            apps=app_store(),
            devices=device_store(),
            contacts=contact_store(),
            identifiers=IdentifierService(
                contacts=contact_store(),
                hasher=IdentifierHasher(keys=Secret(id=settings().identifier_secret).keys),
            ),
        ),
        tills=_till_key,
    )


@cache
def audit_log() -> AuditService:
    """Return where this process keeps what marketers do."""
    entries = DynamoAuditStore(table=settings().registrations_table)
    return AuditService(entries=entries, clock=system_clock, ids=ids())


def _till_key(app_id: str, store_id: str, key_id: str) -> TillKey | None:
    return shops().till_key(app_id, store_id, key_id)


def _consents(app_id: str, contact_id: str) -> frozenset[Channel]:
    """Return on which channels a contact's person agrees to marketing now."""
    from shared.contact_policy.model.standing import Effective  # noqa: PLC0415 - orders alone ask

    person = person_store().people({contact_id}, app_id=app_id)[contact_id]
    effective = Effective(person.standing, at=system_clock())
    return frozenset(
        channel for channel in Channel if effective.agrees(Purpose.MARKETING, channel, None)
    )


def _seen_ads(app_id: str, contact_id: str) -> frozenset[str]:
    """Return where a contact's person saw ads, as far back as any cap looks."""
    seen = ad_states().read(contact_id, app_id=app_id).seen
    return frozenset(one.placement_id for one in seen if one.held_until is None)
