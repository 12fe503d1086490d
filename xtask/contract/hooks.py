"""Logs in for each run, as whoever the run is for, and leads requests to rooms and users that there are."""

import functools
import os
import uuid

import requests
import schemathesis

API = os.environ["CONTRACT_SERVER"] + "/api/v1"
# What ends or renews the login that asks needs one that nobody else has.
ENDS_LOGIN = r"/sessions/(current|refresh)$"


def token(path, body):
    answer = requests.post(API + path, json=body, timeout=10)
    answer.raise_for_status()
    return answer.json()["token"]


class Bearer:
    def set(self, case, data, context):
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.auth(refresh_interval=None).apply_to(path_regex=ENDS_LOGIN)
class Passing(Bearer):
    def get(self, case, context):
        return token("/sessions/guest", {"display_name": "passing"})


@schemathesis.auth(refresh_interval=20).skip_for(path_regex=ENDS_LOGIN)
class Staying(Bearer):
    def get(self, case, context):
        name, password = os.environ["CONTRACT_USER"], os.environ["CONTRACT_PASSWORD"]
        return token("/sessions", {"username": name, "password": password})


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    """A number that may be a room's becomes that of one of the first rooms, which these runs make; every other
    user becomes one that there is."""
    room, user = (path_parameters or {}).get("room"), (path_parameters or {}).get("user")
    if isinstance(room, int) and not isinstance(room, bool) and room >= 1:
        path_parameters["room"] = 101 + room % 12
    if is_id(user) and int(user[-1], 16) % 2 == 0:
        path_parameters["user"] = somebody()
    return path_parameters


def is_id(text):
    try:
        return isinstance(text, str) and str(uuid.UUID(text)) == text
    except ValueError:
        return False


@functools.cache
def somebody():
    answer = requests.post(API + "/sessions/guest", json={"display_name": "somebody"}, timeout=10)
    return answer.json()["user"]["id"]
