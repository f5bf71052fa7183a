"""An S3 bucket of this project: private, encrypted, and nothing stays in it."""

import json
from typing import cast

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk.aws_iam import Role
from aws_cdk.aws_s3 import BlockPublicAccess, Bucket, BucketEncryption, LifecycleRule
from constructs import Construct

from infra.context import Context
from infra.platform.function import EngageFunction
from infra.platform.nag import accept
from infra.platform.queue import TLS


class EngageBucket(Bucket):
    """Files that come and go: an object is deleted ``kept`` after it was written.

    Every key of an app's files starts ``APP/<app_id>/``. Functions get single actions.
    """

    def __init__(self, scope: Construct, id_: str, *, kept: Duration) -> None:
        protected = Context.of(scope).deletion_protection
        super().__init__(
            scope,
            id_,
            encryption=BucketEncryption.S3_MANAGED,
            block_public_access=BlockPublicAccess.BLOCK_ALL,
            versioned=False,
            lifecycle_rules=[
                LifecycleRule(
                    expiration=kept, abort_incomplete_multipart_upload_after=Duration.days(1)
                )
            ],
            removal_policy=RemovalPolicy.RETAIN if protected else RemovalPolicy.DESTROY,
        )
        accept(self, "AwsSolutions-S10", because=TLS)
        accept(
            self,
            "AwsSolutions-S1",
            because="Who announced and started an import is in the ledger; the files go soon.",
        )

    def allow(self, function: EngageFunction, *actions: str) -> None:
        """Let ``function`` do S3's ``actions`` on the files of apps."""
        function.allow(*(f"s3:{action}" for action in actions), on=[self.arn_for_objects("APP/*")])
        accept(
            cast("Role", function.role),
            f"AwsSolutions-IAM5[Resource::{self._published_arn()}/APP/*]",
            because="Each import makes objects of its own, below its app.",
        )

    def allow_listing(self, function: EngageFunction) -> None:
        """Let ``function`` list keys; without it, S3 does not say that an object is missing."""
        function.allow("s3:ListBucket", on=[self.bucket_arn])

    def _published_arn(self) -> str:
        """Return how CDK writes the ARN of the bucket ``Files`` in another stack, as nag has it."""
        output = {
            "StackName": Stack.of(self).stack_name,
            "Region": {"Ref": "AWS::Region"},
            "OutputName": "PublishOutputFnGetAttFiles8E6940B8ArnB90C6676",
        }
        return json.dumps({"Fn::GetStackOutput": output}, separators=(",", ":"))
