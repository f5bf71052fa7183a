"""Templates, on the wire."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from functions.push_api.schemas import (
    CollapseKey,
    DataKey,
    Link,
    Locale,
    Text,
    Topic,
    Ttl,
    Variables,
    duration,
)
from shared.kernel.events import Purpose
from shared.platform.http.schemas import In, Out
from shared.push.model import (
    LARGEST_PAYLOAD,
    Apns,
    Button,
    InterruptionLevel,
    Priority,
)
from shared.push.model.templates import Android, ButtonDraft, Template, TemplateDraft, Words

if TYPE_CHECKING:
    from shared.push.model.rendering import Rendered


class WordsIn(In):
    """Title and body in one language, as Liquid."""

    title: Text | None = None
    body: Text | None = None


class ButtonIn(In):
    """A button: its title is one text, or one for each locale."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
    title: (
        Annotated[str, Field(min_length=1, max_length=256)]
        | Annotated[
            dict[Locale, Annotated[str, Field(min_length=1, max_length=256)]],
            Field(min_length=1, max_length=50),
        ]
    )
    link: Link | None = None

    @classmethod
    def of(cls, button: ButtonDraft) -> Self:
        """Render a button as it was written."""
        title = button.title if isinstance(button.title, str) else dict(button.title)
        return cls(id=button.id, title=title, link=button.link)


class AndroidIn(In):
    """What only Android needs."""

    channel_id: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    priority: Priority = Priority.HIGH
    ttl_seconds: Ttl | None = None
    collapse_key: CollapseKey | None = None

    def android(self) -> Android:
        """Return the options in the words of the model."""
        return Android(
            channel_id=self.channel_id,
            priority=self.priority,
            time_to_live=duration(self.ttl_seconds),
            collapse_key=self.collapse_key,
        )

    @classmethod
    def of(cls, android: Android) -> Self:
        """Render the options."""
        lives = android.time_to_live
        return cls(
            channel_id=android.channel_id,
            priority=android.priority,
            ttl_seconds=None if lives is None else int(lives.total_seconds()),
            collapse_key=android.collapse_key,
        )


class ApnsIn(In):
    """What only Apple's devices need."""

    sound: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    badge: Annotated[int, Field(ge=0, le=99_999)] | None = None
    category: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    thread_id: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    interruption_level: InterruptionLevel | None = None

    @classmethod
    def of(cls, apns: Apns) -> Self:
        """Render the options."""
        return cls(
            sound=apns.sound,
            badge=apns.badge,
            category=apns.category,
            thread_id=apns.thread_id,
            interruption_level=apns.interruption_level,
        )


class TemplateIn(In):
    """What a marketer writes. Titles, bodies, image, links and data's values are Liquid.

    They may speak of `contact.tags`, `contact.attributes`, `device.locale`, `app.name` and of the
    template's own variables.
    """

    name: Annotated[str, Field(min_length=1, max_length=100)]
    purpose: Purpose = Purpose.MARKETING
    topic: Topic | None = None
    default_locale: Locale
    contents: Annotated[dict[Locale, WordsIn], Field(min_length=1, max_length=50)] = Field(
        description="By locale. Who asks for `de-CH` gets that, else `de`, else the default."
    )
    image: Link | None = None
    link: Link | None = Field(default=None, description="Opened on tap.")
    buttons: Annotated[tuple[ButtonIn, ...], Field(max_length=3)] = ()
    data: Annotated[
        dict[DataKey, Annotated[str, Field(max_length=4_096)]], Field(max_length=64)
    ] = Field(default_factory=dict)
    data_only: bool = Field(
        default=False, description="Nothing is shown by FCM: the app gets title and body as data."
    )
    android: AndroidIn = Field(default_factory=AndroidIn)
    apns: ApnsIn = Field(default_factory=ApnsIn)
    variables: Variables = Field(
        default_factory=dict, description="The template's own, each with its default."
    )

    def draft(self) -> TemplateDraft:
        """Return the template in the words of the model."""
        return TemplateDraft(
            name=self.name,
            purpose=self.purpose,
            topic=self.topic,
            default_locale=self.default_locale,
            contents={
                locale: Words(title=words.title, body=words.body)
                for locale, words in self.contents.items()
            },
            image=self.image,
            link=self.link,
            buttons=tuple(
                ButtonDraft(id=one.id, title=one.title, link=one.link) for one in self.buttons
            ),
            data=dict(self.data),
            is_data_only=self.data_only,
            android=self.android.android(),
            apns=Apns(**self.apns.model_dump()),
            variables=dict(self.variables),
        )


class TemplateChangeIn(TemplateIn):
    """A template as it shall be from now on, as a whole."""

    version: Annotated[int, Field(ge=1)] = Field(
        description="The version that was read and changed; another by now is refused."
    )


class TemplateOut(Out):
    """A template."""

    template_id: str
    name: str
    purpose: Purpose
    topic: str | None
    default_locale: str
    contents: dict[str, WordsIn]
    image: str | None
    link: str | None
    buttons: tuple[ButtonIn, ...]
    data: dict[str, str]
    data_only: bool
    android: AndroidIn
    apns: ApnsIn
    variables: dict[str, str]
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, template: Template) -> Self:
        """Render a template."""
        draft = template.draft
        return cls(
            template_id=template.template_id,
            name=draft.name,
            purpose=draft.purpose,
            topic=draft.topic,
            default_locale=draft.default_locale,
            contents={
                locale: WordsIn(title=words.title, body=words.body)
                for locale, words in draft.contents.items()
            },
            image=draft.image,
            link=draft.link,
            buttons=tuple(ButtonIn.of(button) for button in draft.buttons),
            data=dict(draft.data),
            data_only=draft.is_data_only,
            android=AndroidIn.of(draft.android),
            apns=ApnsIn.of(draft.apns),
            variables=dict(draft.variables),
            version=template.version,
            created_at=template.created_at,
            updated_at=template.updated_at,
        )


class ListedTemplateOut(Out):
    """A template in a list: read it by its id for what it says."""

    template_id: str
    name: str
    purpose: Purpose
    topic: str | None
    locales: tuple[str, ...]
    version: int
    updated_at: datetime

    @classmethod
    def of(cls, template: Template) -> Self:
        """Render a template for a list."""
        return cls(
            template_id=template.template_id,
            name=template.draft.name,
            purpose=template.draft.purpose,
            topic=template.draft.topic,
            locales=tuple(template.draft.contents),
            version=template.version,
            updated_at=template.updated_at,
        )


class TemplatesOut(Out):
    """A page of templates, in the order of their creation."""

    items: tuple[ListedTemplateOut, ...]
    next_cursor: str | None


class PreviewIn(In):
    """For whom to render: a contact, a device, or nobody in particular."""

    contact_id: Annotated[str | None, Field(pattern=r"^con_[0-9A-Z]{26}$")] = None
    device_id: Annotated[str | None, Field(pattern=r"^[A-Za-z0-9_-]{8,64}$")] = None
    locale: Locale | None = Field(default=None, description="Instead of the device's.")
    variables: Variables = Field(default_factory=dict)

    @model_validator(mode="after")
    def _at_most_one(self) -> Self:
        if self.contact_id is not None and self.device_id is not None:
            raise PydanticCustomError("one_of", "either contact_id or device_id")
        return self


class RenderedButtonOut(Out):
    """A button as the app gets it."""

    id: str
    title: str
    link: str | None

    @classmethod
    def of(cls, button: Button) -> Self:
        """Render a button."""
        return cls(id=button.id, title=button.title, link=button.link)


class PreviewOut(Out):
    """What the recipient would get."""

    locale: str = Field(description="The locale of the template that was chosen.")
    title: str | None
    body: str | None
    image: str | None
    link: str | None
    buttons: tuple[RenderedButtonOut, ...]
    data: dict[str, str]
    size_bytes: int = Field(description="As FCM counts.")
    largest_bytes: int = Field(default=LARGEST_PAYLOAD, description="What FCM carries.")

    @classmethod
    def of(cls, rendered: "Rendered") -> Self:
        """Render a preview."""
        content = rendered.content
        return cls(
            locale=rendered.locale,
            title=content.title,
            body=content.body,
            image=content.image,
            link=content.link,
            buttons=tuple(RenderedButtonOut.of(button) for button in content.buttons),
            data=dict(content.data),
            size_bytes=rendered.size,
        )
