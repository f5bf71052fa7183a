"""The routes of codes: one for everybody, many by a job, their files, lists and pictures."""

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body

from functions.coupons_api.routes.callers import circumstances
from functions.coupons_api.schemas import AppId, CodeId, CouponId, Cursor, JobId, Letters, Limit
from functions.coupons_api.schemas.codes import (
    AnnouncedOut,
    AssignmentIn,
    CodeJobFilesOut,
    CodeJobOut,
    CodeJobsOut,
    CodeOut,
    CodesFileOut,
    CodesIn,
    CodesOut,
)
from functions.coupons_api.wiring import code_jobs, codes, origins
from functions.coupons_api.wiring.orders import holdings
from shared.coupons.errors import (
    CodeAssignedError,
    CodeNotFoundError,
    CodeTakenError,
    CouponNotFoundError,
    CouponStateError,
    JobNotFoundError,
    JobStateError,
    MalformedCodeError,
    TooManyGuessesError,
    WeakPatternError,
)
from shared.coupons.model.code_files import list_of
from shared.coupons.model.codes import Holder
from shared.coupons.model.images import png_of, svg_of
from shared.kernel.clock import system_clock
from shared.kernel.paging import cursor_of, place_of
from shared.kernel.principal import Role
from shared.platform.auth.doors import device, marketer
from shared.platform.http.api import answered, pictured
from shared.platform.http.request import address, attempt, caller
from shared.platform.http.routing import Router
from shared.registrations.errors import ContactErasedError, ContactNotFoundError

router = Router()
OK, CREATED, ACCEPTED = HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.ACCEPTED
COUPON = "/v1/apps/<app_id>/coupons/<coupon_id>"
CODES = f"{COUPON}/codes"
SVG, PNG = "image/svg+xml", "image/png"
PRIVATE = {"Cache-Control": "private, no-store"}
"""A code is its holder's: nobody on the way keeps its picture."""


@router.on(
    f"POST {CODES}",
    summary="Give a coupon codes",
    access=marketer(Role.EDITOR),
    success={
        CREATED: "The code, or the job that waits for its file.",
        ACCEPTED: "The codes are being made.",
    },
    refusals=[
        CouponNotFoundError,
        CouponStateError,
        MalformedCodeError,
        CodeTakenError,
        WeakPatternError,
        JobNotFoundError,
    ],
)
def add_codes(
    app_id: AppId, coupon_id: CouponId, body: Annotated[CodesIn, Body()]
) -> Response[AnnouncedOut]:
    """Add one code for everybody, or order codes, or announce a file of them.

    With an `Idempotency-Key` a job is made once. Codes that could be guessed are refused.
    """
    if body.code is not None:
        code = codes().add_generic(
            body.code, coupon_id=coupon_id, app_id=app_id, expires_at=body.expires_at
        )
        return answered(AnnouncedOut(code=CodeOut.of(code, system_clock())), CREATED)
    jobs, by, key = code_jobs(), caller().subject, attempt()
    if body.file is not None:
        work = body.file.work()
        made = jobs.create_import(work, coupon_id=coupon_id, app_id=app_id, by=by, attempt=key)
        return answered(AnnouncedOut.of(made), CREATED, replayed=made.replayed)
    made = jobs.generate(body.order(), coupon_id=coupon_id, app_id=app_id, by=by, attempt=key)
    return answered(AnnouncedOut.of(made), ACCEPTED, replayed=made.replayed)


@router.on(
    f"GET {CODES}",
    summary="The codes of a coupon",
    access=marketer(Role.VIEWER),
    success={OK: "A page of codes: their last four letters, and their state."},
    refusals=[CouponNotFoundError],
)
def list_codes(
    app_id: AppId, coupon_id: CouponId, limit: Limit = 50, cursor: Cursor = None
) -> CodesOut:
    """Return which codes there are; nobody is told their letters."""
    page = codes().list_codes(
        coupon_id, app_id=app_id, limit=limit, cursor=cursor and place_of(cursor)
    )
    at = system_clock()
    return CodesOut(
        items=tuple(CodeOut.of(code, at) for code in page.items),
        next_cursor=page.next_cursor and cursor_of(page.next_cursor),
    )


@router.on(
    f"GET {COUPON}/codes.csv",
    summary="The codes of a coupon as CSV",
    access=marketer(Role.EDITOR),
    success={OK: "Where whole codes can be fetched, and a list of what is known for longer."},
    refusals=[CouponNotFoundError],
)
def export_codes(
    app_id: AppId, coupon_id: CouponId, limit: Limit = 100, cursor: Cursor = None
) -> CodesFileOut:
    """Return the files of jobs that were done in the last seven days, and a page of the list."""
    page = codes().list_codes(
        coupon_id, app_id=app_id, limit=limit, cursor=cursor and place_of(cursor)
    )
    return CodesFileOut(
        urls=tuple(code_jobs().all_codes_urls(coupon_id, app_id=app_id)),
        csv="".join(list_of(page.items, at=system_clock())),
        next_cursor=page.next_cursor and cursor_of(page.next_cursor),
    )


@router.on(
    f"GET {CODES}/jobs",
    summary="The jobs about a coupon's codes",
    access=marketer(Role.VIEWER),
    success={OK: "A page of jobs, the newest first."},
    refusals=[CouponNotFoundError],
)
def list_code_jobs(
    app_id: AppId, coupon_id: CouponId, limit: Limit = 50, cursor: Cursor = None
) -> CodeJobsOut:
    """Return which jobs there are, and how far each is."""
    page = code_jobs().list_jobs(
        coupon_id, app_id=app_id, limit=limit, cursor=cursor and place_of(cursor)
    )
    return CodeJobsOut(
        items=tuple(CodeJobOut.of(job) for job in page.items),
        next_cursor=page.next_cursor and cursor_of(page.next_cursor),
    )


@router.on(
    f"GET {CODES}/jobs/<job_id>",
    summary="How far a job about codes is",
    access=marketer(Role.EDITOR),
    success={OK: "The job, and what can be fetched of it."},
    refusals=[JobNotFoundError],
)
def get_code_job(app_id: AppId, coupon_id: CouponId, job_id: JobId) -> CodeJobFilesOut:
    """Return how far a job is; at its end, for seven days, where its files can be fetched."""
    jobs = code_jobs()
    job = jobs.get_job(job_id, coupon_id=coupon_id, app_id=app_id)
    return CodeJobFilesOut.with_files(job, jobs.urls_of(job), jobs.rejects_url(job))


@router.on(
    f"POST {CODES}/jobs/<job_id>/start",
    summary="Start an import of codes",
    access=marketer(Role.EDITOR),
    success={ACCEPTED: "The file is being taken in."},
    refusals=[JobNotFoundError, JobStateError],
)
def start_code_job(app_id: AppId, coupon_id: CouponId, job_id: JobId) -> Response[CodeJobOut]:
    """Begin with what was uploaded; again, it answers how far that is."""
    job = code_jobs().start_import(job_id, coupon_id=coupon_id, app_id=app_id)
    return answered(CodeJobOut.of(job), ACCEPTED)


@router.on(
    f"POST {CODES}/assignments",
    summary="Assign a code",
    access=marketer(Role.EDITOR),
    success={OK: "The code, which nobody else can use from now on."},
    refusals=[
        CodeNotFoundError,
        CodeAssignedError,
        ContactErasedError,
        ContactNotFoundError,
    ],
)
def assign_code(
    app_id: AppId, coupon_id: CouponId, body: Annotated[AssignmentIn, Body()]
) -> CodeOut:
    """Make a code a contact's, who can read it from then on; again changes nothing."""
    if not origins().is_known(body.contact_id, app_id=app_id):
        raise ContactNotFoundError(body.contact_id)
    canonical, *others = origins().origins_of(body.contact_id, app_id=app_id)
    holder = Holder(
        contact_id=canonical, device_id=body.device_id, members=frozenset({canonical, *others})
    )
    code = codes().assign(body.code, holder, coupon_id=coupon_id, app_id=app_id)
    return CodeOut.of(code, system_clock())


@router.on(
    f"POST {CODES}/<code_id>/activate",
    summary="Let a code be used",
    access=marketer(Role.EDITOR),
    success={OK: "The code."},
    refusals=[CodeNotFoundError],
)
def activate_code(app_id: AppId, coupon_id: CouponId, code_id: CodeId) -> CodeOut:
    """Let a code be used again; again changes nothing."""
    code = codes().switch(code_id, active=True, coupon_id=coupon_id, app_id=app_id)
    return CodeOut.of(code, system_clock())


@router.on(
    f"POST {CODES}/<code_id>/deactivate",
    summary="Let a code not be used",
    access=marketer(Role.EDITOR),
    success={OK: "The code."},
    refusals=[CodeNotFoundError],
)
def deactivate_code(app_id: AppId, coupon_id: CouponId, code_id: CodeId) -> CodeOut:
    """Let a code be of no use; again changes nothing."""
    code = codes().switch(code_id, active=False, coupon_id=coupon_id, app_id=app_id)
    return CodeOut.of(code, system_clock())


@router.on(
    "GET /v1/apps/<app_id>/codes/<code>/image.svg",
    summary="A code as a picture, drawn",
    access=device(or_contact=True),
    success={OK: "A QR code as SVG."},
    refusals=[CodeNotFoundError, TooManyGuessesError],
    gives=SVG,
)
def draw_code(app_id: AppId, code: Letters) -> Response[str]:
    """Return the QR code of a code that the caller holds."""
    form = holdings().held(code, circumstances(app_id), address=address())
    return pictured(svg_of(form).encode(), media_type=SVG, headers=PRIVATE)


@router.on(
    "GET /v1/apps/<app_id>/codes/<code>/image.png",
    summary="A code as a picture, in pixels",
    access=device(or_contact=True),
    success={OK: "A QR code as PNG, 8 pixels a module."},
    refusals=[CodeNotFoundError, TooManyGuessesError],
    gives=PNG,
)
def paint_code(app_id: AppId, code: Letters) -> Response[str]:
    """Return the QR code of a code that the caller holds."""
    form = holdings().held(code, circumstances(app_id), address=address())
    return pictured(png_of(form), media_type=PNG, headers=PRIVATE)
