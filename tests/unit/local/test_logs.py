import json

from infra.local.logs import Line


def test_a_json_line_is_taken_apart() -> None:
    line = Line(function="send_push", at=0, message='{"level": "INFO", "message": "sent"}')
    assert line.fields() == {"level": "INFO", "message": "sent"}


def test_a_person_sees_what_a_line_is_about() -> None:
    said = {"timestamp": "2026-11-23T00:04:08.749+00:00", "level": "INFO", "message": "answered"}
    line = Line(function="push_api", at=0, message=json.dumps(said | {"status": 202}))
    assert line.told() == "00:04:08.749  push_api            INFO     answered  status=202"


def test_any_other_line_stays_whole() -> None:
    for text in ("START RequestId: 1", '"text"', "[1]"):
        assert Line(function="send_push", at=0, message=text).fields() == {"message": text}
