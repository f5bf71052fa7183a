"""Coupons in DynamoDB; keys are described in the modules."""

from shared.coupons.store.claims import DynamoClaimStore
from shared.coupons.store.code_files import BucketCodeFiles
from shared.coupons.store.code_jobs import DynamoCodeJobStore
from shared.coupons.store.codes import CodeRows, DynamoCodeStore
from shared.coupons.store.coupons import DynamoCouponStore
from shared.coupons.store.guesses import DynamoGuessStore
from shared.coupons.store.personal import DynamoRedemptionArchive
from shared.coupons.store.publications import DynamoPublicationStore
from shared.coupons.store.redemptions import DynamoRedemptionStore
from shared.coupons.store.rounds import DynamoRoundStore
from shared.coupons.store.shops import DynamoShopStore
from shared.coupons.store.tickets import DynamoTicketStore
from shared.coupons.store.uses import DynamoUseStore

__all__ = [
    "BucketCodeFiles",
    "CodeRows",
    "DynamoClaimStore",
    "DynamoCodeJobStore",
    "DynamoCodeStore",
    "DynamoCouponStore",
    "DynamoGuessStore",
    "DynamoPublicationStore",
    "DynamoRedemptionArchive",
    "DynamoRedemptionStore",
    "DynamoRoundStore",
    "DynamoShopStore",
    "DynamoTicketStore",
    "DynamoUseStore",
]
