"""The routes of other systems."""

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body

from functions.registrations_api.schemas import AppId
from functions.registrations_api.schemas.systems import (
    SecretId,
    WebhookSecretIn,
    WebhookSecretOut,
    WebhookSecretsOut,
    WebhookSecretWithKeyOut,
)
from functions.registrations_api.wiring import registrations
from shared.kernel.principal import Role
from shared.platform.auth.doors import marketer
from shared.platform.auth.webhooks import secret_text
from shared.platform.http.api import answered
from shared.platform.http.request import attempt, caller
from shared.platform.http.routing import Router
from shared.registrations.errors import (
    AppNotFoundError,
    SystemRotatingError,
    TooManyWebhookSecretsError,
    WebhookSecretNotFoundError,
)

router = Router()
OK, CREATED, NO_CONTENT = HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.NO_CONTENT
SECRETS = "/v1/apps/<app_id>/webhook-secrets"


@router.on(
    f"POST {SECRETS}",
    summary="Give another system a secret",
    access=marketer(Role.ADMIN),
    success={CREATED: "The secret, which is not shown again."},
    refusals=[
        AppNotFoundError,
        SystemRotatingError,
        TooManyWebhookSecretsError,
        WebhookSecretNotFoundError,
    ],
)
def create_webhook_secret(
    app_id: AppId, body: Annotated[WebhookSecretIn, Body()]
) -> Response[WebhookSecretWithKeyOut]:
    """Make a secret with which a system signs its requests (Standard Webhooks), or keep a vendor's.

    A name that is known gets a second secret, and its first one ends in 30 days, or when it is
    deleted. A new secret works everywhere within a minute. A vendor's is given with its `dialect`;
    the ARN of an SNS topic is given as one, and names the topic that may speak.
    """
    systems, by, tried = registrations().systems, caller().subject, attempt()
    if body.dialect and body.secret:
        issued = systems.keep_secret(
            body.name, text=body.secret, dialect=body.dialect, app_id=app_id, by=by, attempt=tried
        )
    else:
        channels = frozenset(body.channels)
        issued = systems.create_secret(
            body.name, app_id=app_id, channels=channels, by=by, attempt=tried
        )
    text = None if issued.secret.dialect else secret_text(issued.key)
    shown = WebhookSecretWithKeyOut.with_key(issued.secret, secret=text)
    return answered(shown, CREATED, replayed=issued.replayed)


@router.on(
    f"GET {SECRETS}",
    summary="The secrets of other systems",
    access=marketer(Role.ADMIN),
    success={OK: "Every secret that holds, oldest first; never more than twenty."},
    refusals=[AppNotFoundError],
)
def list_webhook_secrets(app_id: AppId) -> WebhookSecretsOut:
    """Return which systems the app knows, and by how many secrets; not the secrets themselves."""
    found = registrations().systems.list_secrets(app_id)
    return WebhookSecretsOut(items=tuple(WebhookSecretOut.of(secret) for secret in found))


@router.on(
    f"DELETE {SECRETS}/<secret_id>",
    summary="End a secret of another system",
    access=marketer(Role.ADMIN),
    success={NO_CONTENT: "Within a minute nothing that is signed with it comes through."},
    refusals=[WebhookSecretNotFoundError],
)
def delete_webhook_secret(app_id: AppId, secret_id: SecretId) -> Response[None]:
    """End a secret; where its system has another one, that stays until it is deleted."""
    registrations().systems.delete_secret(secret_id, app_id=app_id, by=caller().subject)
    return Response(status_code=NO_CONTENT)
