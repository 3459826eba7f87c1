from __future__ import annotations

import hmac
import string
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authz.domain.token import (
    TicketKey,
    TokenMint,
    is_ticket_id,
    partition_of,
    partition_of_requester,
    short_code,
    ticket_id,
)

OLD = TicketKey("k1", b"a" * 32)
NEW = TicketKey("k2", b"b" * 32)
ID = ticket_id(0, bytes(range(16)))
MINT = TokenMint([OLD])
TOKEN = MINT.mint(ID)
ALPHABET = string.ascii_letters + string.digits + "-_.=+/ \u00e9"


def test_a_token_of_ours_is_known_by_its_id() -> None:
    """What was minted verifies, and to nothing but its own id."""
    assert MINT.verify(TOKEN) == ID
    assert TOKEN.startswith(f"hg1.k1.{ID}.")


def test_the_token_is_what_the_design_says() -> None:
    """HMAC-SHA256 under HKDF-SHA256(key, "ticket/v1") over kid and id, computed by hand (RFC 5869, RFC 2104)."""
    extracted = hmac.digest(bytes(32), OLD.secret, sha256)
    derived = hmac.digest(extracted, b"ticket/v1\x01", sha256)
    mac = hmac.digest(derived, f"k1.{ID}".encode(), sha256)
    assert urlsafe_b64encode(mac).decode().rstrip("=") == TOKEN.rpartition(".")[2]


def test_the_first_key_signs_and_all_verify() -> None:
    """Keys are rotated by putting a new one in front, and dropped when the last ticket of the old one is gone."""
    both = TokenMint([NEW, OLD])
    assert both.mint(ID).startswith("hg1.k2.")
    assert both.verify(TOKEN) == ID
    assert both.verify(both.mint(ID)) == ID
    assert MINT.verify(both.mint(ID)) is None
    assert TokenMint([NEW]).verify(TOKEN) is None


def test_a_key_of_the_same_name_with_another_secret_does_not_verify() -> None:
    """The name is not the proof."""
    assert TokenMint([TicketKey("k1", b"c" * 32)]).verify(TOKEN) is None


def test_two_names_of_one_secret_are_two_keys() -> None:
    """The kid is in the MAC, so a token can't be moved from one name to another."""
    twins = TokenMint([OLD, TicketKey("k2", OLD.secret)])
    assert twins.verify(TOKEN.replace(".k1.", ".k2.")) is None


def test_every_change_of_every_character_is_refused() -> None:
    """No character of a token is there for nothing: the last base64 character has two spare bits, too."""
    for position, old in enumerate(TOKEN):
        for new in ALPHABET:
            if new != old:
                changed = TOKEN[:position] + new + TOKEN[position + 1 :]
                assert MINT.verify(changed) is None, changed


def test_the_last_characters_spare_bits_would_pass_if_bytes_were_compared() -> None:
    """Control: another spelling of the same 32 bytes exists, and only the comparison of texts refuses it."""
    alphabet = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
    last = alphabet.index(TOKEN[-1])
    twin = TOKEN[:-1] + alphabet[last ^ 1]
    assert _bytes(twin) == _bytes(TOKEN)
    assert MINT.verify(twin) is None


@pytest.mark.parametrize("cut", range(1, 44))
def test_a_token_cut_short_is_refused(cut: int) -> None:
    """A truncated MAC is no MAC."""
    assert MINT.verify(TOKEN[:-cut]) is None


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            ".",
            "...",
            "hg1",
            "hg1...",
            f"{TOKEN},{TOKEN}",
            f"{TOKEN},",
            f" {TOKEN}",
            f"{TOKEN} ",
            f"{TOKEN}\n",
        ),
        *(
            TOKEN.upper(),
            f"{TOKEN}=",
            TOKEN.replace("hg1", "hg2"),
            f"\ufeff{TOKEN}",
            TOKEN.replace(".", "\uff0e"),
        ),
        *(TOKEN.replace("k1", "k\u0661"), "hg1." * 250_000, "\x00", "\ud800", TOKEN.replace(ID, f"0{ID}")),
    ],
)
def test_what_only_looks_like_a_token_is_refused(text: str) -> None:
    """Blanks, doubles, other spellings, other scripts, a megabyte."""
    assert MINT.verify(text) is None


@given(
    st.text()
    | st.from_regex(r"hg1\.[a-z0-9]{1,16}\.[0-9a-f]{1,4}-[a-z2-7]{26}\.[A-Za-z0-9_-]{43}", fullmatch=True)
)
def test_no_text_raises_or_passes(text: str) -> None:
    """A forged token of perfect form is as good as none."""
    assert MINT.verify(text) is None


def test_forged_tokens_pass_once_the_comparison_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: the refusals above come from the MAC, and from nothing else."""
    monkeypatch.setattr(hmac, "compare_digest", lambda _a, _b: True)
    assert MINT.verify(f"hg1.k1.{ID}.{'A' * 43}") == ID


def test_an_id_has_a_partition_and_128_random_bits() -> None:
    """The partition is read back from the id; the rest is lowercase base32."""
    made = ticket_id(0xAB, b"\xff" * 16)
    assert made == "ab-" + "7" * 25 + "4"
    assert (is_ticket_id(made), partition_of(made)) == (True, 0xAB)
    assert len({ticket_id(0, bytes([n]) * 16) for n in range(256)}) == 256


@pytest.mark.parametrize("size", [0, 15, 17])
def test_an_id_of_other_than_128_bits_is_refused(size: int) -> None:
    """Fewer could be guessed."""
    with pytest.raises(ValueError, match="128 random bits"):
        ticket_id(0, bytes(size))


@pytest.mark.parametrize(
    "text", ["", "-", "0-", ID.upper(), f"{ID} ", f"g{ID}", f"00000{ID}", ID[:-1], f"{ID}a", "0-" + "1" * 26]
)
def test_what_is_no_id_has_no_partition(text: str) -> None:
    """A key in Redis is made of it, so its form is strict."""
    assert not is_ticket_id(text)
    with pytest.raises(ValueError, match="is not a ticket id"):
        partition_of(text)


def test_the_short_code_is_for_the_eye() -> None:
    """Six characters that card and page both show."""
    assert short_code("0-abcdefghijklmnopqrstuvwxyz") == "ABC-DEF"
    assert short_code(f"1f-{ID.partition('-')[2]}") == short_code(ID)


@pytest.mark.parametrize("kid", ["", "K1", "k.1", "k 1", "k" * 17, "k\u00e9"])
def test_a_key_needs_a_plain_name(kid: str) -> None:
    """A dot in it would make a token ambiguous."""
    with pytest.raises(ValueError, match="must be 1 to 16 characters"):
        TicketKey(kid, b"a" * 32)


def test_a_short_secret_is_refused_and_no_secret_is_shown() -> None:
    """31 bytes are too few, and `repr` never has any."""
    with pytest.raises(ValueError, match="31 bytes; at least 32") as refused:
        TicketKey("k1", b"s" * 31)
    assert "sss" not in str(refused.value)
    assert "aaa" not in repr(OLD)


@pytest.mark.parametrize("keys", [[], [OLD, TicketKey("k1", b"z" * 32)]])
def test_a_mint_needs_keys_with_names_of_their_own(keys: list[TicketKey]) -> None:
    """Of two keys of one name, one would silently not verify."""
    with pytest.raises(ValueError, match="ticket keys"):
        TokenMint(keys)


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text.rpartition(".")[2] + "=")


def test_a_requester_has_one_partition_and_requesters_are_spread_over_all() -> None:
    found = [partition_of_requester(f"https://idp.example:user-{number}", 64) for number in range(2000)]
    assert set(found) == set(range(64))
    assert max(found.count(number) for number in range(64)) < 2000 / 64 * 2
    assert partition_of_requester("https://idp.example:alice", 64) == 59
    assert partition_of_requester("\ud800", 1) == 0
