"""Why a registration is refused."""

from shared.kernel.errors import DomainError, Fault


class RegistrationError(DomainError):
    """Base of every refusal of this domain."""


class AppNotFoundError(RegistrationError):
    """There is no such app among the caller's."""

    code = "app_not_found"
    fault = Fault.NOT_FOUND


class AppChangedError(RegistrationError):
    """Somebody else changed the app in the meantime: read it again."""

    code = "app_changed"
    fault = Fault.CONFLICT


class DeviceNotFoundError(RegistrationError):
    """The app has no such device."""

    code = "device_not_found"
    fault = Fault.NOT_FOUND


class DeviceTokenRequiredError(RegistrationError):
    """This device id is taken: registering it again needs its device token."""

    code = "device_token_required"
    fault = Fault.UNAUTHENTICATED


class AppCheckRequiredError(RegistrationError):
    """The app enforces Firebase App Check, and the request carries no valid token of it."""

    code = "app_check_required"
    fault = Fault.UNAUTHENTICATED


class ContactNotFoundError(RegistrationError):
    """The app has no such contact."""

    code = "contact_not_found"
    fault = Fault.NOT_FOUND


class ContactErasedError(ContactNotFoundError):
    """The contact was erased; what comes late is not recorded, and nothing brings it back."""

    code = "contact_erased"


class ErasureRunningError(RegistrationError):
    """The person is being erased right now: try again in a minute."""

    code = "erasure_running"
    fault = Fault.CONFLICT


class ErasureNotFoundError(RegistrationError):
    """Nobody asked to erase this contact."""

    code = "erasure_not_found"
    fault = Fault.NOT_FOUND


class ProfileTooLargeError(RegistrationError):
    """A contact has at most 100 tags, and 8 kB of attributes."""

    code = "profile_too_large"
    fault = Fault.REFUSED


class TooManyDevicesError(RegistrationError):
    """The contact has as many devices as one contact may have."""

    code = "too_many_devices"
    fault = Fault.REFUSED


class EdgeNotFoundError(RegistrationError):
    """No such merge joins anything of this contact, or not any more."""

    code = "merge_not_found"
    fault = Fault.NOT_FOUND


class KeptApartError(RegistrationError):
    """Somebody marked these contacts as different people."""

    code = "kept_apart"
    fault = Fault.REFUSED


class SamePersonError(RegistrationError):
    """The two contacts are the same person already."""

    code = "same_person"
    fault = Fault.CONFLICT


class TooManyContactsError(RegistrationError):
    """A person is made of at most 40 contacts."""

    code = "too_many_contacts"
    fault = Fault.REFUSED


class UnknownNamespaceError(RegistrationError):
    """There is no such namespace of identifiers."""

    code = "unknown_namespace"
    fault = Fault.INVALID


class InvalidIdentifierError(RegistrationError):
    """The value is no identifier of its namespace."""

    code = "invalid_identifier"
    fault = Fault.INVALID


class BlockedIdentifierError(RegistrationError):
    """The value is one that broken clients send for everybody; it would join strangers."""

    code = "blocked_identifier"
    fault = Fault.REFUSED


class IdentifierTakenError(RegistrationError):
    """The identifier names another contact: merge the two, or leave it there."""

    code = "identifier_taken"
    fault = Fault.CONFLICT


class TooManyIdentifiersError(RegistrationError):
    """The contact has as many identifiers of this namespace as one contact may have."""

    code = "too_many_identifiers"
    fault = Fault.REFUSED


class WebhookSecretNotFoundError(RegistrationError):
    """The app has no such webhook secret, or it has ended."""

    code = "webhook_secret_not_found"
    fault = Fault.NOT_FOUND


class SystemRotatingError(RegistrationError):
    """The system has two secrets already, the old one and the new one."""

    code = "system_rotating"
    fault = Fault.REFUSED


class TooManyWebhookSecretsError(RegistrationError):
    """The app has as many webhook secrets as one app may have."""

    code = "too_many_webhook_secrets"
    fault = Fault.REFUSED


class WriteKeyNotFoundError(RegistrationError):
    """The app has no such write key."""

    code = "write_key_not_found"
    fault = Fault.NOT_FOUND


class WriteKeyRotatingError(RegistrationError):
    """The source has two write keys already, the old one and the new one."""

    code = "write_key_rotating"
    fault = Fault.REFUSED


class TooManyWriteKeysError(RegistrationError):
    """The app has as many write keys as one app may have."""

    code = "too_many_write_keys"
    fault = Fault.REFUSED


class SegmentNotFoundError(RegistrationError):
    """The app has no such segment, or none in this version."""

    code = "segment_not_found"
    fault = Fault.NOT_FOUND


class SegmentInvalidError(RegistrationError):
    """The rule of the segment cannot be read; `errors` names each place."""

    code = "segment_invalid"
    fault = Fault.INVALID


class SegmentNameTakenError(RegistrationError):
    """Another segment of the app has this name."""

    code = "segment_name_taken"
    fault = Fault.CONFLICT


class SegmentChangedError(RegistrationError):
    """Somebody else changed the segment in the meantime: read it again."""

    code = "segment_changed"
    fault = Fault.CONFLICT


class TooManyEventTypesError(RegistrationError):
    """All segments of an app together name at most 20 types of events."""

    code = "too_many_event_types"
    fault = Fault.REFUSED


class StaleError(Exception):
    """What a change was based on is no longer so; nothing was written. Read and decide again."""


class ImportNotFoundError(RegistrationError):
    """The app has no such import."""

    code = "import_not_found"
    fault = Fault.NOT_FOUND


class UploadMissingError(RegistrationError):
    """Nothing was uploaded for the import, or not a file of the size that was told."""

    code = "upload_missing"
    fault = Fault.REFUSED


class AlreadyRegisteredError(RegistrationError):
    """The device registered itself: what it says of itself is not overwritten."""

    code = "already_registered"
    fault = Fault.CONFLICT


class AddressTakenError(RegistrationError):
    """The address belongs to a device that registered itself."""

    code = "address_taken"
    fault = Fault.CONFLICT


class SeveralContactsError(RegistrationError):
    """The identifiers name different people."""

    code = "several_contacts"
    fault = Fault.CONFLICT


class LeaseHeldError(Exception):
    """Another worker has the import to itself, or there is nothing to work on: ask again later."""


class ImportFailedError(Exception):
    """An import cannot go on; ``code`` and ``detail`` are told to who asks how far it is."""

    def __init__(self, detail: str, *, code: str = "header") -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
