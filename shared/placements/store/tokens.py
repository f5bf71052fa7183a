"""Grants as signed tokens."""

from dataclasses import dataclass

from typing_extensions import override

from shared.placements.errors import AdTokenInvalidError
from shared.placements.model.engagements import Grant
from shared.placements.model.tokens import grant_of, packed_grant
from shared.placements.ports.engagements import GrantTokens
from shared.platform.auth.ad_tokens import AdTokens
from shared.platform.auth.errors import AdTokenForgedError


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedGrants(GrantTokens):
    """Signs grants with the deployment's key."""

    tokens: AdTokens

    @override
    def token_of(self, grant: Grant) -> str:
        return self.tokens.seal(packed_grant(grant))

    @override
    def grant_of(self, token: str) -> Grant:
        try:
            return grant_of(self.tokens.open(token))
        except AdTokenForgedError as error:
            raise AdTokenInvalidError from error
