"""Moves one user between two product profiles with Adobe's own Python client, unmodified.

    python move_user.py URL USER FROM TO

URL is that of a running sandbox.
"""

import sys

from umapi_client import UserAction

from umapi_client_suite import Sandbox


def main():
    url, user, old, new = sys.argv[1:]
    action = UserAction(user).remove_from_groups([old]).add_to_groups([new])
    outcome = Sandbox(url).client().execute_single(action, immediate=True)
    if outcome != (0, 1, 1):
        sys.exit(f"move_user.py: FAILED: {outcome}: {action.execution_errors()}")
    print(f"move_user.py: {user} moved from {old} to {new}")


if __name__ == "__main__":
    main()
