"""Who may come in: the marketers' user pool, the keys of tokens, the first operator."""

import json
from typing import cast

from aws_cdk import Annotations, RemovalPolicy, Stack
from aws_cdk.aws_cognito import (
    AccountRecovery,
    AuthFlow,
    Mfa,
    MfaSecondFactor,
    PasswordPolicy,
    SignInAliases,
    UserPool,
)
from aws_cdk.aws_secretsmanager import CfnSecret, Secret, SecretStringGenerator
from constructs import Construct

from infra.context import Context
from infra.platform.function import EngageFunction
from infra.platform.nag import accept


class Doors(Construct):
    """What ``shared.platform.auth`` needs to tell who calls.

    Attributes:
        pool: the marketers; an administrator invites them, their groups come as claims.
        client: the pool's client for the command line and scripts.
        identifier_key: ARN of the secret that hides identifiers.
        encryption_key: ARN of the secret that wraps the contacts' data keys.
        code_key: ARN of the secret that hides coupon codes and makes them.
    """

    def __init__(self, scope: Construct, id_: str) -> None:
        super().__init__(scope, id_)
        context = Context.of(self)
        removal = RemovalPolicy.RETAIN if context.deletion_protection else RemovalPolicy.DESTROY
        self.pool = UserPool(
            self,
            "Marketers",
            self_sign_up_enabled=False,
            sign_in_aliases=SignInAliases(email=True),
            sign_in_case_sensitive=False,
            account_recovery=AccountRecovery.EMAIL_ONLY,
            mfa=Mfa.OPTIONAL,
            mfa_second_factor=MfaSecondFactor(otp=True, sms=False),
            password_policy=PasswordPolicy(
                min_length=12,
                require_digits=True,
                require_lowercase=True,
                require_symbols=True,
                require_uppercase=True,
            ),
            deletion_protection=context.deletion_protection,
            removal_policy=removal,
        )
        accept(
            self.pool,
            "AwsSolutions-COG2",
            because="MFA is offered to all, and required by the company's own directory policy.",
        )
        accept(
            self.pool,
            "AwsSolutions-COG8",
            because="The plus plan bills every marketer by the month; few and invited need it not.",
        )
        self.client = self.pool.add_client(
            "Client",
            auth_flows=AuthFlow(admin_user_password=True, user_srp=True),
            disable_o_auth=True,
            prevent_user_existence_errors=True,
        )
        self._device_token_key = self._key("DeviceTokenKey", removal)
        self.identifier_key = self._key("IdentifierKey", removal)
        self.encryption_key = self._key("EncryptionKey", removal)
        self.code_key = self._key("CodeKey", removal)
        self._operator_role_arn = context.operator_role_arn
        if context.target == "aws" and not context.operator_role_arn:
            Annotations.of(self).add_warning_v2(
                "engage:operator",
                "Nobody may create an app: say `-c operator_role_arn=<ARN of an IAM role>`.",
            )

    def open_to(self, function: EngageFunction) -> None:
        """Give ``function`` the keys and names by which it knows its callers."""
        # The issuer is put together, since the emulator has no attribute ProviderURL.
        issuer = f"https://cognito-idp.{Stack.of(self).region}.amazonaws.com"
        names = {
            "OIDC_ISSUER": f"{issuer}/{self.pool.user_pool_id}",
            "OIDC_AUDIENCE": self.client.user_pool_client_id,
            "OPERATOR_ROLE_ARN": self._operator_role_arn,
        }
        for name, value in names.items():
            function.add_environment(name, value)
        self._show(function, "DEVICE_TOKEN_SECRET", self._device_token_key)
        self.show_identifier_key(function)

    def show_identifier_key(self, function: EngageFunction) -> None:
        """Give ``function`` the key under which identifiers are hashed."""
        self._show(function, "IDENTIFIER_SECRET", self.identifier_key)

    def show_encryption_key(self, function: EngageFunction) -> None:
        """Give ``function`` the key that wraps the contacts' data keys."""
        self._show(function, "ENCRYPTION_SECRET", self.encryption_key)

    def show_code_key(self, function: EngageFunction) -> None:
        """Give ``function`` the key under which coupon codes are hashed."""
        self._show(function, "CODE_SECRET", self.code_key)

    def _show(self, function: EngageFunction, name: str, secret: str) -> None:
        function.add_environment(name, secret)
        function.allow("secretsmanager:GetSecretValue", on=[secret])

    def _key(self, id_: str, removal: RemovalPolicy) -> str:
        """Add a secret ``{"current": <random>}``, and return its ARN.

        ``previous`` joins it for a rotation.
        """
        secret = Secret(
            self,
            id_,
            generate_secret_string=SecretStringGenerator(
                secret_string_template=json.dumps({}),
                generate_string_key="current",
                password_length=64,
                exclude_punctuation=True,
            ),
            removal_policy=removal,
        )
        accept(
            secret,
            "AwsSolutions-SMG4",
            because=(
                "Rotation needs the old key beside the new one for as long as tokens live, so a"
                " person starts it."
            ),
        )
        # Its Id is the ARN everywhere; the emulator's Ref is a name, which no policy matches.
        return cast("CfnSecret", secret.node.default_child).attr_id
