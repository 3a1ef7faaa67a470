"""Of each claim of docs/security.md: the test that shows it, and fails without it."""

import re

import pytest

from tests.end_to_end.fuzz.attack import BATCH, FRAMES_PER_HANDSHAKE
from tests.support.site import ROOT

PAGE = ROOT / "docs/security.md"
ADVICE = "advice to the reader, no claim"

RIGHTS = "end_to_end/test_rights.py::"
HANDSHAKE = "conformance/test_handshake.py::"
GUARDS = "notifications/test_guards.py::"
ORIGINS = "notifications/test_origins.py::"
TOKEN = "notifications/test_subprotocol_token.py::"
CABLE = "end_to_end/test_security_claims.py::"
LESSY = "lessy/test_security_claims.py::"
MAILED = "lessy/test_c5_mail_tokens.py::"
ORDERS = "end_to_end/test_orders.py::"
SECRETS = "end_to_end/test_secrets.py::"
TICKETS = "notifications/test_tickets.py::"
COMMANDS = "conformance/test_commands.py::"

# How a sentence (or a row of a table) begins -> what shows it.
CLAIMS = {
    # Who may open a socket
    "**Credentials** are the cookie": [
        HANDSHAKE + "test_a_token_is_found_in_the_cookie_however_it_is_written",
        HANDSHAKE + "test_a_token_is_found_in_the_header_with_or_without_a_scheme",
        HANDSHAKE + "test_b9_a_token_in_the_query_string_is_no_credential",
    ],
    "With `CABLE_SUBPROTOCOL_TOKEN=on` a token": [
        "end_to_end/test_subprotocol_token.py::test_e10_a_page_of_another_site_hears",
        "end_to_end/test_subprotocol_token.py::test_e10_unless_the_operator_says_so_no_such_token_counts",
        "end_to_end/test_subprotocol_token.py::test_e10_a_token_alone_is_not_selected",
        TOKEN + "test_e10_what_the_page_offers_goes_before_what_the_browser_adds",
    ],
    "A token in the query string": [HANDSHAKE + "test_b9_a_token_in_the_query_string_is_no_credential"],
    "It takes precedence over cookie": [
        TOKEN + "test_e10_what_the_page_offers_goes_before_what_the_browser_adds",
        "end_to_end/test_subprotocol_token.py::test_e10_a_token_alone_is_not_selected",
    ],
    "The entries `file://`": [
        ORIGINS + "test_a_hostile_origin_is_not_admitted",
        ORIGINS + "test_e7_the_origin_of_an_app_is_admitted_by_its_exact_text",
    ],
    "**The origin of the page** must be": [
        HANDSHAKE + "test_b6_a_foreign_origin_is_refused_before_the_upgrade",
        HANDSHAKE + "test_b6_our_own_origin_is_admitted",
        ORIGINS + "test_a_hostile_origin_is_not_admitted",
        ORIGINS + "test_e7_the_origin_of_an_app_is_admitted_by_its_exact_text",
    ],
    "`*` alone allows": [ORIGINS + "test_a_star_admits_every_page"],
    "A websocket handshake without": [
        HANDSHAKE + "test_b7_a_missing_origin_is_admitted",
        HANDSHAKE + "test_b7_a_missing_origin_is_refused_where_the_setting_says_so",
    ],
    "Requests for events and changes": [
        "notifications/test_cross_origin.py::test_without_an_origin_the_browsers_own_word_counts"
    ],
    "**The host** must be": [
        CABLE + "test_c8_a_host_that_is_not_ours_gets_403_and_no_socket",
        GUARDS + "test_c8_the_host_is_held_against_allowed_hosts",
    ],
    "**A refusal** is": [
        HANDSHAKE + "test_b9_without_valid_credentials_the_socket_is_told_and_closed",
        "clients/test_real_clients.py::test_a_client_with_a_bad_token_is_refused_and_stops",
        CABLE + "test_a_refused_socket_hears_why_and_nothing_else",
        CABLE + "test_c8_a_host_that_is_not_ours_gets_403_and_no_socket",
        HANDSHAKE + "test_b6_a_foreign_origin_is_refused_before_the_upgrade",
    ],
    "A foreign origin or host": [
        CABLE + "test_c8_a_host_that_is_not_ours_gets_403_and_no_socket",
        HANDSHAKE + "test_b6_a_foreign_origin_is_refused_before_the_upgrade",
    ],
    "Set the cookie with": ["docs/test_clients.py::test_rails_client_refetches_what_it_is_told_of"],
    # When the right ends
    "Expiry, a revoked token (admin)": [
        RIGHTS + "test_a_socket_ends_when_its_token_expires",
        RIGHTS + "test_the_sockets_of_a_token_end_with_it_and_no_others",
        RIGHTS + "test_all_sockets_of_a_user_end_with_their_rights_and_nobody_elses",
        RIGHTS + "test_while_redis_is_down_sockets_end_within_the_reconcile_interval",
    ],
    "Before missed changes": [
        RIGHTS + "test_when_redis_is_back_those_without_a_right_hear_nothing_of_what_was_missed"
    ],
    "| revoke tokens in the admin": [RIGHTS + "test_the_sockets_of_a_token_end_with_it_and_no_others"],
    "| `DELETE /api/users/authorizations`": [
        RIGHTS + "test_the_sockets_of_a_token_end_with_it_and_no_others",
        RIGHTS + "test_all_sockets_of_a_user_end_with_their_rights_and_nobody_elses",
    ],
    "| deactivate or delete a user": [
        RIGHTS + "test_all_sockets_of_a_user_end_with_their_rights_and_nobody_elses"
    ],
    "| `manage.py cable_disconnect": [
        CABLE + "test_whom_an_order_disconnected_may_come_back_with_a_valid_token",
        RIGHTS + "test_the_users_that_an_operator_chooses_are_disconnected",
    ],
    "The first three end a right": [
        RIGHTS + "test_while_redis_is_down_sockets_end_within_the_reconcile_interval"
    ],
    '| "Disconnect" on the page Cable': [
        "end_to_end/test_cable_page_browser.py::test_n4_each_connection_can_be_disconnected",
        "end_to_end/test_cable_page.py::test_n4_only_who_may_change_the_cable_disconnects",
    ],
    "The last two are": [ORDERS + "test_b1_an_order_that_redis_did_not_take_failed"],
    "So the processes acknowledge them": [
        ORDERS + "test_b1_an_order_says_how_many_sockets_it_closed_and_where",
        ORDERS + "test_b1_a_process_that_does_not_answer_is_told_of",
        ORDERS + "test_b1_an_order_to_a_redis_where_nobody_listens_failed",
    ],
    "Revoke first, then disconnect": ADVICE,
    # The ticket of cable_check
    "`manage.py cable_check` connects without": [
        TICKETS + "test_17_a_ticket_admits_whom_it_names_for_a_minute",
        TICKETS + "test_17_no_authenticator_is_asked_about_a_ticket",
        TICKETS + "test_17_a_ticket_of_another_key_or_installation_admits_nobody",
        TICKETS + "test_17_a_ticket_that_was_changed_admits_nobody",
    ],
    "The ticket names a user": [
        TICKETS + "test_17_a_ticket_of_another_key_or_installation_admits_nobody",
        TICKETS + "test_17_a_ticket_that_was_changed_admits_nobody",
    ],
    "It is valid for 60 s": [
        TICKETS + "test_17_an_old_ticket_admits_nobody",
        TICKETS + "test_17_a_ticket_admits_whom_it_names_for_a_minute",
    ],
    "Anyone who has that key": ADVICE,
    "A page cannot send the header": ADVICE,
    "Each use is logged": [TICKETS + "test_17_each_use_of_a_ticket_is_in_the_log"],
    # Tokens
    "A token is signed with": [
        LESSY + "test_a_token_is_stored_nowhere_nor_a_part_that_would_do",
        LESSY + "test_what_the_row_of_a_token_holds_makes_no_token",
        "lessy/test_accounts_admin.py::test_a_token_is_revoked_on_its_page",
    ],
    "It appears in no log line": [
        SECRETS + "test_a_token_is_neither_logged_nor_told_to_redis",
        SECRETS + "test_an_error_shows_no_token_even_to_a_developer",
        SECRETS + "test_an_authenticator_that_fails_shows_no_token",
        "end_to_end/test_logs.py::test_a_token_is_never_logged",
    ],
    "A new `DJANGO_SECRET_KEY` ends": [
        CABLE + "test_another_secret_key_admits_no_token_of_the_one_before",
        LESSY + "test_a_new_secret_key_ends_every_token",
    ],
    "A token that comes as a subprotocol": [
        TOKEN + "test_e10_nothing_of_a_token_stays_in_the_scope",
        TOKEN + "test_e10_of_a_refused_handshake_no_token_stays_either",
        "end_to_end/test_subprotocol_token.py::test_e10_the_log_has_no_token",
    ],
    "A proxy sees it in": ["docs/test_deployment.py::test_e10_nginx_logs_the_handshake_and_no_token"],
    "Caddy's access log": ["docs/test_deployment.py::test_e10_caddys_log_has_the_handshake_and_no_token"],
    # Accounts and the API
    "**Credentials** of the API": [
        LESSY + "test_of_the_api_only_the_header_is_a_credential",
        LESSY + "test_a_session_of_the_admin_is_no_credential_of_the_api",
        LESSY + "test_no_answer_permits_another_origin",
    ],
    "So no other site's page can": [
        LESSY + "test_a_session_of_the_admin_is_no_credential_of_the_api",
        LESSY + "test_no_answer_permits_another_origin",
    ],
    "**Rows** belong to": [LESSY + "test_rows_of_others_are_as_those_that_are_not_there"],
    "**Passwords** are stored hashed": [
        LESSY + "test_passwords_are_stored_hashed_and_by_djangos_first_choice"
    ],
    "A new password ends every token": [
        "lessy/test_passwords.py::test_the_token_that_asks_stays_and_the_others_end",
        "lessy/test_passwords.py::test_a_change_makes_a_mailed_token_useless",
    ],
    "**Mailed links** are valid once": [
        "lessy/test_passwords.py::test_a_mails_token_works_once",
        MAILED + "test_c5_a_reset_expires",
        MAILED + "test_c5_an_activation_expires_and_can_be_asked_for_again",
        MAILED + "test_c5_any_change_of_password_or_address_makes_the_link_void",
    ],
    "The database holds a digest of them": [
        MAILED + "test_c5_the_database_holds_no_token",
        MAILED + "test_c5_every_line_of_the_log_is_masked_in_both_formats",
        "end_to_end/test_logs.py::test_c5_the_token_of_a_mail_is_never_logged",
    ],
    "Your proxy's access log shows": ADVICE,
    "**Guessing** is": [
        "lessy/test_throttles.py::test_the_third_log_in_from_an_address_is_refused",
        "lessy/test_throttles.py::test_an_account_is_guarded_whatever_the_address_and_whichever_name_is_used",
        "lessy/test_throttles.py::test_c4_an_address_over_its_own_limit_counts_against_nobody_else",
    ],
    "Guesses from elsewhere": [
        "lessy/test_throttles.py::"
        "test_c4_guesses_from_many_addresses_do_not_lock_the_owner_out_where_they_logged_in_before"
    ],
    "Anyone can find out whether": [
        "lessy/test_passwords.py::test_an_address_is_looked_up_as_it_is",
        "lessy/test_registration.py::test_an_address_is_taken_whatever_its_case",
    ],
    "**Text** has a": [
        "lessy/test_c1_lengths.py::test_c1_hostile_text_makes_no_more_work_than_short_text",
        "lessy/test_c1_lengths.py::test_c1_a_megabyte_is_refused_unread",
    ],
    "Passwords are hashed in these": [
        "lessy/test_passwords.py::test_c6_a_password_is_hashed_before_any_lock_is_taken",
    ],
    "If the queue for the threads": [
        "notifications/server/test_c6_threads.py::test_c6_what_may_not_even_wait_is_told_when_to_come_back",
    ],
    "Requests have 16 threads": [
        "end_to_end/test_c6_hashing.py::test_c6_a_crowd_that_has_passwords_hashed_takes_so_many_threads",
        "lessy/test_passwords.py::test_c6_a_password_is_hashed_before_any_lock_is_taken",
        "notifications/server/test_c6_threads.py::test_c6_what_may_not_even_wait_is_told_when_to_come_back",
    ],
    # Pages
    "The admin, the API and its documentation": [
        "end_to_end/test_c8_policy.py::test_c8_what_is_the_servers_own_has_a_policy",
        "lessy/web/test_start_page.py::"
        "test_nothing_may_run_on_the_page_but_what_comes_from_here_and_its_import_map",
    ],
    "The start page has one": [
        "lessy/web/test_start_page.py::"
        "test_nothing_may_run_on_the_page_but_what_comes_from_here_and_its_import_map",
    ],
    "A client of `LESSY_CLIENT_DIR`": ["lessy/test_client_files.py::test_a_client_has_no_policy_of_ours"],
    "Its folder is served without": [
        "lessy/test_client_files.py::test_c8_hidden_files_and_links_that_lead_out_are_not_served"
    ],
    # Configuration
    "A key below 32 characters": [
        "lessy/test_boot.py::test_b2_all_that_is_wrong_is_said_at_once_and_no_secret_with_it",
        "lessy/test_boot.py::test_an_origin_that_can_never_match_stops_the_server",
    ],
    "No message about the environment": [
        "lessy/test_boot.py::test_b2_all_that_is_wrong_is_said_at_once_and_no_secret_with_it"
    ],
    # Hostile input
    "A socket can only harm itself": [
        COMMANDS + "test_a_frame_over_the_limit_costs_the_socket_with_a_reason",
        COMMANDS + "test_c2_identifiers_that_are_too_long_together_cost_the_socket_with_a_reason",
        COMMANDS + "test_e1_who_was_too_fast_may_come_back",
        "end_to_end/test_websocket_frames.py::"
        "test_c3_a_flood_of_control_frames_costs_the_socket_and_no_memory",
    ],
    "`make fuzz` sends": ["end_to_end/fuzz/test_fuzz.py::test_malformed_frames_and_handshakes_harm_nobody"],
    "Say what you did": ADVICE,
    "Report it privately": ADVICE,
}


def sentences():
    """Rows of tables are sentences, too; blocks of code and headings are none."""
    text = re.sub(r"```.*?```", "", PAGE.read_text(), flags=re.DOTALL)
    for paragraph in re.split(r"\n\s*\n|\n(?=- |\|)", text):
        line = " ".join(paragraph.split()).removeprefix("- ")
        if line.startswith("| "):
            yield line
        elif line and not line.startswith(("#", "|--")):
            yield from re.split(r"(?<=[.!?]) (?=[A-Z`*\[])", line)


HEADS = ("| What you do |",)
SENTENCES = [each for each in sentences() if not each.startswith(HEADS)]
SHOWN_BY = sorted({test for tests in CLAIMS.values() if tests is not ADVICE for test in tests})


@pytest.mark.parametrize("sentence", SENTENCES, ids=lambda each: each[:40])
def test_each_claim_is_shown_by_a_test(sentence):
    assert len([beginning for beginning in CLAIMS if sentence.startswith(beginning)]) == 1


def test_nothing_is_shown_that_is_not_claimed():
    assert [each for each in CLAIMS if not any(line.startswith(each) for line in SENTENCES)] == []


@pytest.mark.parametrize("test", SHOWN_BY)
def test_what_is_said_to_show_it_is_there(test):
    file, _, name = test.partition("::")
    assert re.search(rf"^(async )?def {name}\(", (ROOT / "tests" / file).read_text(), re.MULTILINE)


def test_the_numbers_of_the_fuzzing_are_its_own():
    said = re.search(r"sends ([\d,]+) malformed frames and ([\d,]+) handshakes", PAGE.read_text())
    frames, handshakes = (int(number.replace(",", "")) for number in said.groups())
    attack = (ROOT / "tests/end_to_end/fuzz/attack.py").read_text()
    assert f'"--frames", type=int, default={frames:_}' in attack
    assert handshakes == frames // BATCH * (BATCH // FRAMES_PER_HANDSHAKE)
