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


class ProfileTooLargeError(RegistrationError):
    """A contact has at most 100 tags, and 8 kB of attributes."""

    code = "profile_too_large"
    fault = Fault.REFUSED


class TooManyDevicesError(RegistrationError):
    """The contact has as many devices as one contact may have."""

    code = "too_many_devices"
    fault = Fault.REFUSED


class StaleError(Exception):
    """What a change was based on is no longer so; nothing was written. Read and decide again."""
