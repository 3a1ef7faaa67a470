from tests.fixtures import (  # noqa: F401 as fixtures
    alice_api,
    announced,
    bob_api,
    count_queries,
    nobody,
    pending,
    posted,
    registration,
    unaccepted_terms,
)
