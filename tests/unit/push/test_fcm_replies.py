import json
from datetime import timedelta

import pytest
import requests
from firebase_admin import _utils, messaging

from infra.local.fcm import answers
from infra.local.fcm.answers import Violation
from shared.push.channels.fcm import replies
from shared.push.channels.fcm.replies import (
    Answer,
    AnswerLost,
    CredentialsRefused,
    NotSent,
    firebase_error,
    result_of,
)
from shared.push.model import DeliveryResult, Outcome

PAUSE = timedelta(seconds=3)
BAD_TOKEN = [Violation("message.token", "Invalid registration token")]
BAD_DATA = [Violation("message.data[0].key", "Invalid data payload key: from")]


def reply(answer: answers.Answer, retry_after: float | None = None) -> Answer:
    return Answer(answer.status, answer.body, retry_after)


def result(given: replies.Reply) -> DeliveryResult:
    found = result_of(given, pause=PAUSE)
    assert isinstance(found, DeliveryResult)
    return found


REFUSALS = [
    (answers.unregistered(), Outcome.ADDRESS_GONE, "UNREGISTERED", None),
    (answers.invalid_address(), Outcome.ADDRESS_GONE, "INVALID_ARGUMENT", None),
    (answers.invalid(BAD_TOKEN), Outcome.ADDRESS_GONE, "INVALID_ARGUMENT", None),
    (answers.invalid(BAD_DATA), Outcome.REJECTED, "INVALID_ARGUMENT", None),
    (answers.malformed(BAD_DATA), Outcome.REJECTED, "INVALID_ARGUMENT", None),
    (answers.sender_id_mismatch(), Outcome.REJECTED, "SENDER_ID_MISMATCH", None),
    (answers.third_party_auth_error(), Outcome.REJECTED, "THIRD_PARTY_AUTH_ERROR", None),
    (answers.quota_exceeded(None), Outcome.RETRY, "QUOTA_EXCEEDED", replies.QUOTA_PAUSE),
    (answers.unavailable(None), Outcome.RETRY, "UNAVAILABLE", PAUSE),
    (answers.internal(), Outcome.RETRY, "INTERNAL", PAUSE),
]
CREDENTIALS = [
    answers.unauthenticated(missing=True),
    answers.unauthenticated(missing=False),
    answers.refused(403, "PERMISSION_DENIED", "no right to send"),
    answers.not_found(),
]
ODD = [
    answers.Answer(502, b"<html>Bad Gateway</html>"),
    answers.Answer(504, b""),
    answers.Answer(413, b"[]"),
    answers.Answer(400, b'{"error": "invalid_request"}'),
    answers.Answer(429, b""),
    answers.Answer(503, b"null"),
]


@pytest.mark.parametrize(("answer", "outcome", "code", "retry_after"), REFUSALS)
def test_each_refusal_of_fcm_has_its_outcome(
    answer: answers.Answer, outcome: Outcome, code: str, retry_after: timedelta | None
) -> None:
    found = result(reply(answer))
    assert (found.outcome, found.code, found.retry_after) == (outcome, code, retry_after)


@pytest.mark.parametrize("answer", [answers.quota_exceeded("7"), answers.unavailable("7")])
def test_what_fcm_asks_for_is_honoured(answer: answers.Answer) -> None:
    assert result(reply(answer, 7)).retry_after == timedelta(seconds=7)


@pytest.mark.parametrize("answer", CREDENTIALS)
def test_a_refusal_without_a_code_of_fcm_blames_the_credentials(answer: answers.Answer) -> None:
    assert isinstance(result_of(reply(answer), pause=PAUSE), CredentialsRefused)


def test_a_lost_answer_is_unknown_and_a_message_that_never_left_is_to_be_retried() -> None:
    assert result(AnswerLost("reset")).outcome is Outcome.UNKNOWN
    assert result(NotSent("no route")).outcome is Outcome.RETRY


@pytest.mark.parametrize("status", [502, 504])
def test_a_gateway_that_gave_up_leaves_it_unknown(status: int) -> None:
    assert result(Answer(status, b"<html>")).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("body", [b'{"name": "projects/p/messages/1"}', b"", b"[]", b'{"name": 1}'])
def test_a_success_is_one_whatever_its_body_says(body: bytes) -> None:
    found = result(Answer(200, body))
    assert found.outcome is Outcome.SENT
    assert found.provider_id == ("projects/p/messages/1" if b"projects" in body else None)


@pytest.mark.parametrize("answer", [*(row[0] for row in REFUSALS), *CREDENTIALS, *ODD])
def test_our_errors_are_those_of_firebase_admin(answer: answers.Answer) -> None:
    response = requests.Response()
    response.status_code = answer.status
    response._content = answer.body
    if _is_object_with_odd_error(answer.body):
        return  # firebase-admin itself breaks on an error that is no object
    theirs = messaging._MessagingService._handle_fcm_error(
        None, requests.exceptions.HTTPError(response=response)
    )
    assert type(firebase_error(reply(answer))) is type(theirs)


def test_our_tables_are_those_of_firebase_admin() -> None:
    assert replies._BY_FCM_CODE == messaging._MessagingService.FCM_ERROR_TYPES
    assert replies._STATUS_OF_HTTP == _utils._HTTP_STATUS_TO_ERROR_CODE
    assert replies._BY_STATUS == _utils._ERROR_CODE_TO_EXCEPTION_TYPE


def _is_object_with_odd_error(body: bytes) -> bool:
    try:
        parsed = json.loads(body)
    except ValueError:
        return False
    return isinstance(parsed, dict) and not isinstance(parsed.get("error"), dict)
