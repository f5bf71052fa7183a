"""An S3 bucket of this project: private, encrypted, and nothing stays in it unless that is said."""

import json
from hashlib import md5
from typing import cast

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk.aws_iam import Role
from aws_cdk.aws_s3 import BlockPublicAccess, Bucket, BucketEncryption, CfnBucket, LifecycleRule
from constructs import Construct

from infra.context import Context
from infra.platform.function import EngageFunction
from infra.platform.nag import accept
from infra.platform.queue import TLS


class EngageBucket(Bucket):
    """Files that come and go: an object is deleted ``kept`` after it was written, if that is said.

    Every key of an app's files starts ``APP/<app_id>/``. Functions get single actions.
    """

    def __init__(self, scope: Construct, id_: str, *, kept: Duration | None) -> None:
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
            because="Who announced and started a job is in the ledger; the files go soon.",
        )

    def allow(self, function: EngageFunction, *actions: str) -> None:
        """Let ``function`` do S3's ``actions`` on the files of apps."""
        function.allow(*(f"s3:{action}" for action in actions), on=[self.arn_for_objects("APP/*")])
        accept(
            cast("Role", function.role),
            f"AwsSolutions-IAM5[Resource::{self._published_arn()}/APP/*]",
            because="Each job makes objects of its own, below its app.",
        )

    def allow_listing(self, function: EngageFunction) -> None:
        """Let ``function`` list keys; without it, S3 does not say that an object is missing."""
        function.allow("s3:ListBucket", on=[self.bucket_arn])

    def _published_arn(self) -> str:
        """Return how CDK writes the bucket's ARN in another stack, as cdk-nag has it.

        CDK names the output of a reference after what it refers to, and ends every logical id with
        the beginning of the MD5 of its path.
        """
        stack = Stack.of(self)
        id_ = stack.get_logical_id(cast("CfnBucket", self.node.default_child))
        referred = json.dumps({"Fn::GetAtt": [id_, "Arn"]}, separators=(",", ":"))
        path = f"Publish/Output{referred}"
        digest = md5(path.encode(), usedforsecurity=False).hexdigest()[:8].upper()
        output = {
            "StackName": stack.stack_name,
            "Region": {"Ref": "AWS::Region"},
            "OutputName": f"PublishOutputFnGetAtt{id_}Arn{digest}",
        }
        return json.dumps({"Fn::GetStackOutput": output}, separators=(",", ":"))
