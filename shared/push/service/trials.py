"""Use case of those who want to see a campaign on their own phone first."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.kernel.errors import DomainError, FieldProblem
from shared.kernel.events import Purpose
from shared.push.errors import CampaignInvalidError
from shared.push.model.campaigns import Campaign, Variant
from shared.push.model.planning import variant_for
from shared.push.ports import Devices
from shared.push.service.messages import Addressee, MessageService
from shared.push.service.templates import TemplateService


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What became of one device: the message that is queued, or the code of what stands against."""

    device_id: str
    variant: str
    message_id: str | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialService:
    """Sends a campaign's text to named devices now.

    It goes as a transactional message: somebody waits for it, so no cap and no quiet hours keep it,
    and the campaign's books know nothing of it.
    """

    templates: TemplateService
    messages: MessageService
    devices: Devices

    def try_on(
        self, campaign: Campaign, device_ids: Sequence[str], *, variant: str | None
    ) -> Sequence[Trial]:
        """Queue one message for each device, in its own language and words.

        ``variant`` of ``None`` is the one that the device would get.

        Raises:
            CampaignInvalidError: the campaign has no such variant.
        """
        variants = {one.name: one for one in campaign.draft.variants}
        if variant is not None and variant not in variants:
            problem = FieldProblem(
                pointer="/variant", code="unknown", detail=f"one of {', '.join(variants)}"
            )
            raise CampaignInvalidError("there is no such variant", fields=[problem])
        targets = self.devices.targets(device_ids, app_id=campaign.app_id)
        found = []
        for device_id in dict.fromkeys(device_ids):
            contact_id = targets[device_id].contact_id if device_id in targets else device_id
            chosen = variants[variant] if variant else _own(campaign, contact_id)
            found.append(self._try(campaign, device_id, chosen))
        return found

    def _try(self, campaign: Campaign, device_id: str, variant: Variant) -> Trial:
        try:
            rendered = self.templates.preview(
                variant.template_id,
                app_id=campaign.app_id,
                device_id=device_id,
                variables=variant.variables,
            )
            accepted = self.messages.send_now(
                [Addressee(device_id=device_id)],
                app_id=campaign.app_id,
                content=rendered.content,
                purpose=Purpose.TRANSACTIONAL,
                send_until=None,
                attempt=None,
            )
        except DomainError as error:
            return Trial(device_id=device_id, variant=variant.name, problem=error.code)
        return Trial(
            device_id=device_id, variant=variant.name, message_id=accepted.chunk.message_id(0)
        )


def _own(campaign: Campaign, contact_id: str) -> Variant:
    return variant_for(contact_id, campaign.draft.variants, salt=campaign.campaign_id)
