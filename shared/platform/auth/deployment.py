"""The doors of this deployment: its secrets, its user pool, its first operator."""

from collections.abc import Callable, Sequence
from functools import cache

from shared.kernel.clock import system_clock
from shared.kernel.principal import Issuer, System, TillKey
from shared.platform.auth.device_tokens import DeviceTokens
from shared.platform.auth.doors import Doors, Registry, no_apps, no_systems, no_tills
from shared.platform.auth.oidc import JwksKeySource, TokenVerifier
from shared.platform.auth.webhooks import KnownSystems
from shared.platform.clients import client
from shared.platform.secrets_manager import Secret
from shared.platform.settings import settings


@cache
def own_issuer() -> Issuer:
    """Return the user pool, which signs the marketers' tokens, as an issuer.

    Its keys lie at Cognito's endpoint, behind the pool's id; asking the client for that endpoint
    follows wherever this process reaches AWS.
    """
    issuer = settings().oidc_issuer
    pool = issuer.rsplit("/", 1)[1]
    endpoint = client("cognito-idp").meta.endpoint_url
    return Issuer(
        issuer=issuer,
        audiences=(settings().oidc_audience,),
        jwks_uri=f"{endpoint}/{pool}/.well-known/jwks.json",
    )


@cache
def device_tokens() -> DeviceTokens:
    """Return the signer of this deployment's device tokens."""
    return DeviceTokens(keys=Secret(id=settings().device_token_secret).keys)


@cache
def token_verifier() -> TokenVerifier:
    """Return the verifier of OIDC tokens, with the keys this process has fetched."""
    return TokenVerifier(keys=JwksKeySource())


def doors(
    registry: Registry,
    *,
    systems: Callable[[str], Sequence[System]] = no_systems,
    tills: Callable[[str, str, str], TillKey | None] = no_tills,
    app_of: Callable[[str], str | None] = no_apps,
) -> Doors:
    """Return the doors over what is registered.

    ``systems`` reads the other systems of an app, ``tills`` a key of a store by the ids of the app,
    the store and the key, ``app_of`` the app of a write key, for functions that have a route for
    them.
    """
    return Doors(
        registry=registry,
        device_tokens=device_tokens(),
        tokens=token_verifier(),
        issuer=own_issuer,
        operator_role_arn=settings().operator_role_arn,
        clock=system_clock,
        systems=KnownSystems(read=systems).of,
        tills=tills,
        app_of=app_of,
    )
