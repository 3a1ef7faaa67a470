"""How the cards of teams are told of."""

PATHS = ["board__team__memberships__user", "watchers"]


def resources(audience=PATHS, **card):
    return {
        "cards": {"model": "teams.Card", "audience": audience, **card},
        "notes": {"model": "teams.Note", "deletions": True},
    }
