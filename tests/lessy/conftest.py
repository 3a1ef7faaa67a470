from tests.fixtures import alice_api, bob_api, count_queries  # noqa: F401 as fixtures
