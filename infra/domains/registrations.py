"""Deploys registrations: apps, devices, contacts, grants."""

from constructs import Construct

from infra.platform.function import ApiFunction
from infra.stacks.data import EngageData


class Registrations(Construct):
    """The API over the registrations table; each change puts its event into the ledger.

    Attributes:
        api: answers the routes of the domain.
    """

    def __init__(self, scope: Construct, id_: str, *, data: EngageData) -> None:
        super().__init__(scope, id_)
        self.api = ApiFunction(
            self,
            "Api",
            package="registrations_api",
            environment={
                "REGISTRATIONS_TABLE": data.registrations.table_name,
                "CONTACT_EVENTS_TABLE": data.contact_events.table_name,
            },
        )
        data.doors.open_to(self.api)
        data.registrations.allow_reading(self.api, index="anonymous")
        data.registrations.allow_writing(self.api)
        data.contact_events.allow(self.api, "PutItem")
