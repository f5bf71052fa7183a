"""What serves: the domains' functions."""

from aws_cdk import CfnOutput
from aws_cdk.aws_lambda import FunctionUrlAuthType
from constructs import Construct

from infra.domains.contact_events import ContactEvents
from infra.domains.contact_policy import ContactPolicy
from infra.domains.coupons import Coupons
from infra.domains.placements import Placements
from infra.domains.push import Push
from infra.domains.registrations import Registrations
from infra.platform.function import ApiFunction
from infra.platform.stack import EngageStack
from infra.stacks.data import EngageData


class EngageService(EngageStack):
    """The code of a deployment; it can go and come back without loss.

    Attributes:
        functions: those that answer the routes of their domains.
        fallback: answers every other route.
    """

    def __init__(self, scope: Construct, id_: str, *, data: EngageData) -> None:
        super().__init__(scope, id_, description="Engage: functions.")
        registrations = Registrations(self, "Registrations", data=data)
        contact_events = ContactEvents(self, "ContactEvents", data=data)
        push = Push(self, "Push", data=data)
        contact_policy = ContactPolicy(self, "ContactPolicy", data=data, push_queue=push.queue)
        coupons = Coupons(self, "Coupons", data=data)
        placements = Placements(self, "Placements", data=data)
        self.functions = (
            registrations.api,
            contact_events.api,
            contact_policy.api,
            push.api,
            coupons.api,
            placements.api,
            placements.decisions,
        )
        self.fallback = ApiFunction(self, "Fallback", package="service_api")

        CfnOutput(self, "Compactor", value=contact_events.compactor.function_name)
        CfnOutput(self, "Rebuilder", value=contact_events.rebuilder.function_name)
        CfnOutput(self, "Settler", value=registrations.settler.function_name)
        CfnOutput(self, "PushQueueUrl", value=push.queue.queue_url)
        CfnOutput(self, "RegistrationsApiUrl", value=_open_to_iam(registrations.api))
        CfnOutput(self, "ContactEventsApiUrl", value=_open_to_iam(contact_events.api))
        CfnOutput(self, "ContactPolicyApiUrl", value=_open_to_iam(contact_policy.api))
        CfnOutput(self, "PushApiUrl", value=_open_to_iam(push.api))
        CfnOutput(self, "CouponsApiUrl", value=_open_to_iam(coupons.api))
        CfnOutput(self, "PlacementsApiUrl", value=_open_to_iam(placements.api))


def _open_to_iam(function: ApiFunction) -> str:
    """Give a function its second door, for scripts and other functions, and return its URL."""
    return function.entry.add_function_url(auth_type=FunctionUrlAuthType.AWS_IAM).url
