"""What the registrations' services need from outside."""

from shared.registrations.ports.apps import (
    AppCheckVerifier,
    AppStore,
    AuditStore,
    SystemStore,
    WriteKeyStore,
)
from shared.registrations.ports.audience import AudienceStore, Consents, SegmentStore
from shared.registrations.ports.contacts import ContactStore, Hasher, Named
from shared.registrations.ports.devices import DeviceStore
from shared.registrations.ports.imports import (
    Importer,
    ImportFiles,
    ImportQueue,
    ImportStore,
    Refusals,
    Refused,
    RowWriter,
    Upload,
)
from shared.registrations.ports.people import Intent, IntentKind, Join, Split, StatefulDomain
from shared.registrations.ports.personal import Cipher, ErasureStore, KeyStore, PersonalDomain

__all__ = [
    "AppCheckVerifier",
    "AppStore",
    "AudienceStore",
    "AuditStore",
    "Cipher",
    "Consents",
    "ContactStore",
    "DeviceStore",
    "ErasureStore",
    "Hasher",
    "ImportFiles",
    "ImportQueue",
    "ImportStore",
    "Importer",
    "Intent",
    "IntentKind",
    "Join",
    "KeyStore",
    "Named",
    "PersonalDomain",
    "Refusals",
    "Refused",
    "RowWriter",
    "SegmentStore",
    "Split",
    "StatefulDomain",
    "SystemStore",
    "Upload",
    "WriteKeyStore",
]
