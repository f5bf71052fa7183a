import json
import shlex

from infra.local.curl import ONE_TIME_KEY, curl


def test_a_shell_reads_back_what_was_meant() -> None:
    body = {"title": 'It\'s "quoted" & $HOME `date`', "body": "naïve\n"}
    line = curl("PUT", "http://localhost:8000/v1/a?b=1&c=2", token="t.o.k", body=body)
    words = shlex.split(line)
    assert words[:5] == ["curl", "-sS", "-X", "PUT", "http://localhost:8000/v1/a?b=1&c=2"]
    assert "Authorization: Bearer t.o.k" in words
    assert json.loads(words[-1]) == body


def test_a_line_that_creates_gets_a_new_idempotency_key_at_each_paste() -> None:
    assert ONE_TIME_KEY in curl("POST", "http://x", token="t", body={}, is_new_each_time=True)
    assert "Idempotency-Key" not in curl("PUT", "http://x", token="t", body={})
