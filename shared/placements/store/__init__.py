"""Ads in DynamoDB; keys are described in the modules."""

from shared.placements.store.ad_states import DynamoAdStates
from shared.placements.store.counters import DynamoAdLedger, DynamoCounterStore
from shared.placements.store.decision_records import BucketDecisionRecords
from shared.placements.store.demand import DynamoDemandStore
from shared.placements.store.engagements import DynamoEngagementStore
from shared.placements.store.flows import DynamoFlowStore
from shared.placements.store.leases import DynamoLeaseStore, LeaseSlots
from shared.placements.store.snapshots import DynamoPointers, DynamoSnapshots
from shared.placements.store.tokens import SignedGrants

__all__ = [
    "BucketDecisionRecords",
    "DynamoAdLedger",
    "DynamoAdStates",
    "DynamoCounterStore",
    "DynamoDemandStore",
    "DynamoEngagementStore",
    "DynamoFlowStore",
    "DynamoLeaseStore",
    "DynamoPointers",
    "DynamoSnapshots",
    "LeaseSlots",
    "SignedGrants",
]
