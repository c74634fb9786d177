"""All users of an organization with Adobe's own client, and what that cost this process, as JSON."""

import json
import os
import resource

# The client honours proxies, which have no way to this machine's loopback.
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"

import requests
from umapi_client import Connection, OAuthS2S, UsersQuery


class OAuthOverHttp(OAuthS2S):
    """The client builds the address of its token call with https; nothing else differs."""

    def __init__(self, token_url, **credential):
        super().__init__(**credential)
        self.token_url = token_url

    def refresh_token(self):
        answer = requests.post(self.token_url, data=self.post_body(), timeout=30)
        answer.raise_for_status()
        self.set_expiry(answer.json()["expires_in"])
        self.token = answer.json()["access_token"]


sandbox = json.loads(os.environ["ORGANIZATION_READ_CONNECTION"])
credential = OAuthOverHttp(
    f"{sandbox['ims_url']}/ims/token/v2", client_id=sandbox["client_id"], client_secret=sandbox["client_secret"]
)
connection = Connection(org_id=sandbox["organization_id"], auth=credential, endpoint=sandbox["umapi_url"])
users = UsersQuery(connection, direct_only=False).all_results()
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({"cpu_s": used.ru_utime + used.ru_stime, "peak_kib": used.ru_maxrss, "users": len(users)}))
