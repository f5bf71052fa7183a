"""People who sign in: users of the stack's pool, as an app's own sign-in would know them."""

import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Users of one pool, by the names of their addresses at engage.example.

    Nobody types their passwords: each sign-in makes a new one.
    """

    cognito: Any
    pool_id: str
    client_id: str

    def add(self, name: str) -> str:
        """Make a user unless there is one; return what they are called in the pool."""
        address = f"{name}@engage.example"
        with suppress(self.cognito.exceptions.UsernameExistsException):
            self.cognito.admin_create_user(
                UserPoolId=self.pool_id,
                Username=address,
                MessageAction="SUPPRESS",
                UserAttributes=[
                    {"Name": "email", "Value": address},
                    {"Name": "email_verified", "Value": "true"},
                ],
            )
        return address

    def token(self, name: str) -> str:
        """Sign somebody in who was added, and return their ID token, which is good for an hour."""
        address = f"{name}@engage.example"
        password = f"aA1!{secrets.token_urlsafe(24)}"  # of the four kinds that the pool asks for
        self.cognito.admin_set_user_password(
            UserPoolId=self.pool_id, Username=address, Password=password, Permanent=True
        )
        session = self.cognito.admin_initiate_auth(
            UserPoolId=self.pool_id,
            ClientId=self.client_id,
            AuthFlow="ADMIN_USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": address, "PASSWORD": password},
        )
        return str(session["AuthenticationResult"]["IdToken"])

    def sign_in(self, name: str) -> str:
        """Return the ID token of somebody, who is added where nobody is called so."""
        self.add(name)
        return self.token(name)
