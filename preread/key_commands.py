"""Commands about API keys."""

import argparse

from preread.keys import Role, create_key, list_keys, revoke_key
from preread.printing import say, table
from preread.resources import open_resources
from preread.scope import words_of
from preread.settings import Settings
from preread.standalone import local_settings


def make_key(arguments: argparse.Namespace, settings: Settings) -> int:
    """Make a key and print it, the only time that it can be seen."""
    with open_resources(local_settings(settings)) as resources:
        key = create_key(
            resources,
            Role(arguments.role),
            label=arguments.label,
            sites=arguments.site,
            licenses=arguments.license or (),
            valid_days=arguments.days,
        )
    say(key)
    return 0


def show_keys(arguments: argparse.Namespace, settings: Settings) -> int:
    """List all keys without their secrets."""
    del arguments
    with open_resources(local_settings(settings)) as resources:
        rows = [
            (
                key.key_id,
                key.role.value,
                words_of(key.sites),
                ", ".join(sorted(key.licenses)),
                f"{key.created_at:%Y-%m-%d %H:%M}",
                "never" if key.expires_at is None else f"{key.expires_at:%Y-%m-%d %H:%M}",
                "" if key.revoked_at is None else f"{key.revoked_at:%Y-%m-%d %H:%M}",
                key.label,
            )
            for key in list_keys(resources)
        ]
    head = ("key ID", "role", "sites", "licenses", "created", "expires", "revoked", "label")
    say(table(head, rows))
    return 0


def end_key(arguments: argparse.Namespace, settings: Settings) -> int:
    """Make a key useless from now on."""
    with open_resources(local_settings(settings)) as resources:
        known = revoke_key(resources, arguments.key_id)
    say("Revoked." if known else "There is no such key.")
    return 0 if known else 1
