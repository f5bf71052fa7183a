from shared.platform.hashing import CodeHasher, IdentifierHasher

CODE = "ABCDEFGHJ2345"


def hasher(*secrets: bytes) -> CodeHasher:
    return CodeHasher(keys=lambda: secrets)


def test_a_code_has_another_fingerprint_in_each_app_and_under_each_key() -> None:
    it = hasher(b"secret")
    found = {
        it.fingerprint(CODE, app_id="app_1"),
        it.fingerprint(CODE, app_id="app_2"),
        hasher(b"another").fingerprint(CODE, app_id="app_1"),
    }
    assert len(found) == 3
    assert it.fingerprint(CODE, app_id="app_1") in found


def test_the_former_fingerprint_is_that_of_the_previous_key() -> None:
    assert hasher(b"secret").former(CODE, app_id="app_1") is None
    before = hasher(b"secret").fingerprint(CODE, app_id="app_1")
    assert hasher(b"new", b"secret").former(CODE, app_id="app_1") == before


def test_codes_and_identifiers_share_no_hash_under_one_secret() -> None:
    identifiers = IdentifierHasher(keys=lambda: [b"secret"])
    digest = identifiers.digest(CODE, app_id="app_1", namespace="")
    assert hasher(b"secret").fingerprint(f"\0{CODE}", app_id="app_1") != digest
