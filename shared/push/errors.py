"""Why a push is refused."""

from shared.kernel.errors import DomainError, Fault


class PushError(DomainError):
    """Base of every refusal of this domain."""


class CredentialsError(PushError):
    """The app's credentials for its push provider are missing, unusable or refused."""

    code = "push_credentials_unusable"
    fault = Fault.REFUSED


class PushNotConfiguredError(PushError):
    """The app names no Firebase project: set its `fcm` first."""

    code = "push_not_configured"
    fault = Fault.REFUSED


class NobodyToTellError(PushError):
    """None of the recipients has a device that could be told; `errors` says why of each."""

    code = "nobody_to_tell"
    fault = Fault.REFUSED


class TooManyDevicesError(PushError):
    """The recipients have more than 500 devices together: split the request."""

    code = "too_many_recipients"
    fault = Fault.REFUSED


class MessageNotFoundError(PushError):
    """The app has no such message, or it is another device's."""

    code = "message_not_found"
    fault = Fault.NOT_FOUND


class InboxStateError(PushError):
    """The message in the inbox is further on: what was read is not unread again."""

    code = "inbox_state"
    fault = Fault.CONFLICT


class InAppNotFoundError(PushError):
    """The app has no such in-app message."""

    code = "in_app_not_found"
    fault = Fault.NOT_FOUND


class InAppChangedError(PushError):
    """The in-app message was changed since it was read: read it again."""

    code = "in_app_changed"
    fault = Fault.CONFLICT


class InAppStateError(PushError):
    """The in-app message stands where this does not follow, or is over already."""

    code = "in_app_state"
    fault = Fault.CONFLICT


class InAppInvalidError(PushError):
    """The in-app message cannot be shown as it is; `errors` names each field, and why."""

    code = "in_app_invalid"
    fault = Fault.INVALID


class TooManyInAppError(PushError):
    """The app has 25 active in-app messages, which is all that a device is told: pause one."""

    code = "too_many_in_app"
    fault = Fault.CONFLICT


class LeaseHeldError(Exception):
    """Another sender works on the chunk: come again when its lease is over."""


class LeaseLostError(Exception):
    """The lease ran out and another sender took the chunk over: stop."""


class TemplateNotFoundError(PushError):
    """The app has no such template."""

    code = "template_not_found"
    fault = Fault.NOT_FOUND


class TemplateNameTakenError(PushError):
    """Another template of the app has this name."""

    code = "template_name_taken"
    fault = Fault.CONFLICT


class TemplateChangedError(PushError):
    """The template was changed since it was read: read it again."""

    code = "template_changed"
    fault = Fault.CONFLICT


class TemplateInvalidError(PushError):
    """The template cannot become a message; `errors` names each text or locale, and why."""

    code = "template_invalid"
    fault = Fault.INVALID


class TemplateNeedsRecipientError(PushError):
    """The template speaks of its contact or device, and this message is the same for everybody."""

    code = "template_needs_recipient"
    fault = Fault.REFUSED


class TextUnrenderableError(Exception):
    """Liquid cannot read or render a text; the message says why, and in which line."""


class CampaignNotFoundError(PushError):
    """The app has no such campaign."""

    code = "campaign_not_found"
    fault = Fault.NOT_FOUND


class CampaignChangedError(PushError):
    """The campaign was changed since it was read: read it again."""

    code = "campaign_changed"
    fault = Fault.CONFLICT


class CampaignStateError(PushError):
    """The campaign's state does not allow this."""

    code = "campaign_state"
    fault = Fault.CONFLICT


class CampaignNotApprovedError(PushError):
    """The audience is above the app's limit: another person than its author approves it first."""

    code = "campaign_not_approved"
    fault = Fault.CONFLICT


class OwnApprovalError(PushError):
    """Nobody approves their own campaign."""

    code = "own_approval"
    fault = Fault.FORBIDDEN


class CampaignNameMismatchError(PushError):
    """The name that was typed is not the campaign's: look again at what is approved."""

    code = "campaign_name_mismatch"
    fault = Fault.REFUSED


class BudgetExceededError(PushError):
    """The app's budget of sends of that day is used up; `detail` has the figures."""

    code = "budget_exceeded"
    fault = Fault.REFUSED


class CampaignInvalidError(PushError):
    """The campaign cannot be sent as it is; `errors` names each field, and why."""

    code = "campaign_invalid"
    fault = Fault.INVALID


class AudienceEmptyError(PushError):
    """The segment has no device that could be told."""

    code = "audience_empty"
    fault = Fault.REFUSED


class PlanAdvancedError(Exception):
    """Another planner has written this step: go on from where it is."""
