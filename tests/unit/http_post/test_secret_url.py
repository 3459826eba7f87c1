from __future__ import annotations

import pytest

from authz.adapters.http_post.secret_url import SecretUrl

URL = "https://flows.example/workflows/x/invoke?sig=s3cr3t-signature"


@pytest.mark.parametrize(
    "url", ["", "flows.example/x", "ftp://flows.example/x", "https://", "https://a:b:c/", "/x"]
)
def test_an_address_that_can_not_be_posted_to_is_refused_without_being_told(url: str) -> None:
    with pytest.raises(ValueError, match="not an absolute http or https URL") as caught:
        SecretUrl(url)
    assert not url or url not in str(caught.value)
    assert caught.value.__context__ is None


def test_an_address_shows_nowhere_by_itself() -> None:
    secret = SecretUrl(URL)
    assert "s3cr3t" not in f"{secret} {secret!r}"
    assert secret.reveal() == URL
