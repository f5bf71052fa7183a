from tests.infra.conftest import OPERATOR
from tests.infra.rights import DOORS, READ, WRITE, dynamodb
from tests.infra.templates import Template, shown


def test_the_api_changes_registrations_and_only_appends_to_the_ledger(service: Template) -> None:
    assert service.rights("registrations_api") == DOORS | {
        "Registrations": READ | WRITE,
        "Registrations/index/anonymous": dynamodb("Query"),
        "ContactEvents": dynamodb("PutItem"),
    }


def test_the_api_is_told_where_things_are_and_who_may_come_in(service: Template) -> None:
    told = service.function("registrations_api")["Environment"]["Variables"]

    assert {name: shown(value) for name, value in told.items()} == {
        "REGISTRATIONS_TABLE": "Registrations",
        "CONTACT_EVENTS_TABLE": "ContactEvents",
        "DEVICE_TOKEN_SECRET": "DoorsDeviceTokenKey",
        "IDENTIFIER_SECRET": "DoorsIdentifierKey",
        "OIDC_ISSUER": "https://cognito-idp.AWS::Region.amazonaws.com/DoorsMarketers",
        "OIDC_AUDIENCE": "DoorsMarketersClient",
        "OPERATOR_ROLE_ARN": OPERATOR,
        "SERVICE_VERSION": "0.1.0",
        "POWERTOOLS_SERVICE_NAME": "registrations_api",
        "POWERTOOLS_METRICS_NAMESPACE": "Engage",
        "POWERTOOLS_LOG_LEVEL": "INFO",
        "PYDANTIC_DISABLE_PLUGINS": "__all__",
    }
