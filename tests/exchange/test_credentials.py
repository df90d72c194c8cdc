"""API keys of the embedded exchange: the same for the same asking, other for another."""

from __future__ import annotations

import base64
import uuid

import pytest

from polyframe.exchange.credentials import issue_credentials

ADDRESS = "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"


def test_the_same_key_asked_for_twice_is_the_same() -> None:
    first = issue_credentials(ADDRESS, 0, 7)
    assert first == issue_credentials(ADDRESS.lower(), 0, 7)
    assert uuid.UUID(first.key).version == 4
    assert len(base64.urlsafe_b64decode(first.secret)) == 32
    others = [
        issue_credentials(ADDRESS, 1, 7),
        issue_credentials(ADDRESS, 0, 8),
        issue_credentials("0x" + "11" * 20, 0, 7),
    ]
    assert len({each.key for each in [first, *others]}) == 4
    assert len({each.secret for each in [first, *others]}) == 4
    assert len({each.passphrase for each in [first, *others]}) == 4


def test_no_address_no_key() -> None:
    with pytest.raises(ValueError, match="no address"):
        issue_credentials("0x12", 0, 7)
