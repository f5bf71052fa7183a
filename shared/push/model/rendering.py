"""Makes messages of templates, and says beforehand of which it cannot."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from shared.kernel.errors import FieldProblem
from shared.push.errors import TemplateInvalidError, TextUnrenderableError
from shared.push.model.liquid import paths_of, rendered
from shared.push.model.messages import Button, Content, content_problems, payload_bytes
from shared.push.model.templates import Scene, TemplateDraft, chosen_locale

OF_RECIPIENT = frozenset({"contact", "device"})
GIVEN = OF_RECIPIENT | {"app"}
"""Variables that every template has; its own have other names."""

_WORDS = ("title", "body")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A template's content for somebody, and the locale in which it is."""

    locale: str
    content: Content

    @property
    def size(self) -> int:
        """Return how many bytes FCM counts."""
        return payload_bytes(self.content)


def render(draft: TemplateDraft, scene: Scene, *, variables: Mapping[str, str]) -> Rendered:
    """Return what a template says in a scene; ``variables`` replace its defaults.

    Raises:
        TemplateInvalidError: a variable is unknown, a text cannot be rendered, or FCM would refuse
            the whole; each problem points to its place in the template.
    """
    unknown = [
        _problem(f"/variables/{name}", "unknown", "the template has no such variable")
        for name in variables
        if name not in draft.variables
    ]
    if unknown:
        raise TemplateInvalidError("the template has no such variables", fields=unknown)
    found = _filled(draft, scene, variables)
    problems = _problems_of(found)
    if problems:
        raise TemplateInvalidError("the template makes no message", fields=problems)
    return found


def needs_recipient(draft: TemplateDraft) -> bool:
    """Say whether the template speaks of its contact or device."""
    return any(path[0] in OF_RECIPIENT for _, text in draft.texts() for path in paths_of(text))


def needs_contact(draft: TemplateDraft) -> bool:
    """Say whether what the template says is not the same for everybody with one locale."""
    return any(path[0] == "contact" for _, text in draft.texts() for path in paths_of(text))


def check(draft: TemplateDraft, *, app_name: str) -> None:
    """Hold a template to every rule that can be told before its recipients are known.

    Raises:
        TemplateInvalidError: it breaks some; `errors` names each, and where.
    """
    problems = [*_form_problems(draft), *_text_problems(draft)]
    if not problems:
        problems = _default_problems(draft, app_name)
    if problems:
        raise TemplateInvalidError("the template has problems", fields=problems)


def _form_problems(draft: TemplateDraft) -> Iterator[FieldProblem]:
    if draft.default_locale not in draft.contents:
        yield _problem("/default_locale", "missing", "contents lack it")
    yield from _twice(draft.contents, "/contents")
    for name in sorted(GIVEN & draft.variables.keys()):
        yield _problem(f"/variables/{name}", "reserved", "every template has it")
    if draft.is_data_only:
        for name in _WORDS:
            if name in draft.data:
                yield _problem(f"/data/{name}", "reserved", "it is the text of a data-only message")
    yield from _button_problems(draft)


def _button_problems(draft: TemplateDraft) -> Iterator[FieldProblem]:
    ids = [button.id for button in draft.buttons]
    for at, button in enumerate(draft.buttons):
        if button.id in ids[:at]:
            yield _problem(f"/buttons/{at}/id", "taken", "another button has it")
        if isinstance(button.title, str):
            continue
        if draft.default_locale not in button.title:
            yield _problem(f"/buttons/{at}/title", "missing", "the default locale's title")
        yield from _twice(button.title, f"/buttons/{at}/title")


def _twice(by_locale: Mapping[str, object], pointer: str) -> Iterator[FieldProblem]:
    """Yield the locales that differ from an earlier one by case alone."""
    seen: set[str] = set()
    for locale in by_locale:
        if locale.lower() in seen:
            yield _problem(f"{pointer}/{locale}", "taken", "another locale differs by case alone")
        seen.add(locale.lower())


def _text_problems(draft: TemplateDraft) -> Iterator[FieldProblem]:
    """Yield of each text why it is no Liquid, or which variables it lacks."""
    for pointer, text in draft.texts():
        try:
            paths = paths_of(text)
        except TextUnrenderableError as error:
            yield _problem(pointer, "liquid", str(error))
            continue
        for path in sorted(paths):
            if not _is_known(path, draft):
                detail = f"{'.'.join(path)} is no variable here and has no default"
                yield _problem(pointer, "unknown_variable", detail)


def _is_known(path: tuple[str, ...], draft: TemplateDraft) -> bool:
    match path:
        case ("contact", "tags", *_) | ("contact", "attributes", _, *_):
            return True
        case ("device", "locale", *_) | ("app", "name", *_):
            return True
        case (name, *_):
            return name in draft.variables and name not in GIVEN
    return False


def _default_problems(draft: TemplateDraft, app_name: str) -> list[FieldProblem]:
    """Return what is wrong with the message of each locale when nothing but defaults is known."""
    problems: list[FieldProblem] = []
    for locale in draft.contents:
        scene = Scene(app_name=app_name, locale=locale, device_locale=locale)
        try:
            problems += _problems_of(_filled(draft, scene, {}))
        except TemplateInvalidError as error:
            problems += error.fields
    return list(dict.fromkeys(problems))


def _problems_of(found: Rendered) -> list[FieldProblem]:
    """Return what FCM would refuse, with pointers into the template."""
    places = {"": f"/contents/{found.locale}", "/ttl_seconds": "/android/ttl_seconds"}
    return [
        _problem(places.get(one.pointer, one.pointer), one.code, one.detail)
        for one in content_problems(found.content, at="")
    ]


def _filled(draft: TemplateDraft, scene: Scene, variables: Mapping[str, str]) -> Rendered:
    locale = chosen_locale(scene.locale, draft.contents, default=draft.default_locale)
    texts = _Texts(draft, locale, values={**draft.variables, **variables, **_values(scene)})
    words = draft.contents[locale]
    title = texts.text(words.title, f"/contents/{locale}/title")
    body = texts.text(words.body, f"/contents/{locale}/body")
    data = {name: texts.text(text, f"/data/{name}") or "" for name, text in draft.data.items()}
    if draft.is_data_only:
        data |= {name: text for name, text in zip(_WORDS, (title, body), strict=True) if text}
        title = body = None
    content = Content(
        title=title,
        body=body,
        image=texts.text(draft.image, "/image"),
        link=texts.text(draft.link, "/link"),
        data=data,
        priority=draft.android.priority,
        time_to_live=draft.android.time_to_live,
        collapse_key=draft.android.collapse_key,
        buttons=tuple(texts.buttons()),
        channel_id=draft.android.channel_id,
        apns=draft.apns,
    )
    if texts.problems:
        raise TemplateInvalidError("a text cannot be rendered", fields=texts.problems)
    return Rendered(locale=locale, content=content)


class _Texts:
    """Renders a template's texts in one locale, and collects what goes wrong."""

    def __init__(self, draft: TemplateDraft, locale: str, *, values: Mapping[str, object]) -> None:
        self._draft = draft
        self._locale = locale
        self._values = values
        self.problems: list[FieldProblem] = []

    def text(self, source: str | None, pointer: str) -> str | None:
        """Return a text with its values in place, ``None`` for an empty one."""
        try:
            return rendered(source, self._values) or None if source else None
        except TextUnrenderableError as error:
            self.problems.append(_problem(pointer, "liquid", str(error)))
            return None

    def buttons(self) -> Iterator[Button]:
        """Yield the buttons, each titled in the first locale of the chain that it has."""
        for at, button in enumerate(self._draft.buttons):
            source, pointer = button.title, f"/buttons/{at}/title"
            if not isinstance(source, str):
                default = self._draft.default_locale
                locale = chosen_locale(self._locale, source, default=default)
                source, pointer = source[locale], f"{pointer}/{locale}"
            yield Button(
                id=button.id,
                title=self.text(source, pointer) or "",
                link=self.text(button.link, f"/buttons/{at}/link"),
            )


def _values(scene: Scene) -> Mapping[str, object]:
    return {
        "contact": {"tags": sorted(scene.tags), "attributes": dict(scene.attributes)},
        "device": {"locale": scene.device_locale or ""},
        "app": {"name": scene.app_name},
    }


def _problem(pointer: str, code: str, detail: str) -> FieldProblem:
    return FieldProblem(pointer=pointer, code=code, detail=detail)
