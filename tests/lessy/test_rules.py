"""Names, addresses and zones: properties that no list of examples shows."""

import re

from django.core.mail import EmailMessage
from hypothesis import example, given
from hypothesis import strategies as st

from lessy.accounts.rules import broken_email, broken_username

parts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
addresses = st.one_of(st.builds("{}@{}".format, parts, parts), st.emails(), parts)


@given(addresses)
@example("a@xn--")
@example("a.@b")
@example("=?utf-8?q?x?=@b")
@example("a@\u2028b")
@example("ﬀ@ﬀ.example")
@example("a@。b")
@example("a@b。c")
@example("a\u00a0b@c")
@example("a\x85b@c")
@example("a@-")
@example("a@ß")
@example("0@0.")
def test_whatever_passes_as_an_address_can_be_mailed(address):
    if not broken_email(address):
        message = EmailMessage("[Lessy] x", "x", "noreply@example.com", [address])
        assert message.message().as_bytes()


@given(st.one_of(st.text(max_size=30), st.text("abz-_A1é \n", max_size=30)))
def test_a_name_has_small_letters_hyphens_and_underscores(name):
    lawful = bool(name) and len(name) <= 25 and not re.sub("[abcdefghijklmnopqrstuvwxyz_-]", "", name)
    reserved = name in ("dashboard", "login", "register", "logout", "projects", "tasks", "users")
    assert (broken_username(name) == []) == (lawful and not reserved)
