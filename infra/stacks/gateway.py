"""What callers reach: the API, in front of the functions."""

from aws_cdk import CfnOutput
from constructs import Construct

from infra.platform.api import EngageApi, routes
from infra.platform.function import ROOT
from infra.platform.stack import EngageStack
from infra.stacks.service import EngageService


class EngageGateway(EngageStack):
    """The routes, each to its function: ``api``.

    A stack holds 500 resources, and every route is one: beside the functions there is no room.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
    """

    def __init__(self, scope: Construct, id_: str, *, service: EngageService) -> None:
        super().__init__(scope, id_, description="Engage: the API.")
        self.api = EngageApi(
            self,
            "Api",
            routes=routes(ROOT / "docs" / "openapi.json"),
            functions=service.functions,
            fallback=service.fallback,
        )
        CfnOutput(self, "ApiId", value=self.api.api_id)
        CfnOutput(self, "ApiUrl", value=self.api.api_endpoint)
