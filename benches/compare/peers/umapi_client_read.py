"""All users of an organization with Adobe's own client, through its iterator."""

import os

# The client honours proxies, which have no way to this machine's loopback.
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"

import requests
from umapi_client import Connection, OAuthS2S, UsersQuery


class OAuthOverHttp(OAuthS2S):
    """The client builds the address of its token call with https; nothing else differs."""

    def refresh_token(self):
        answer = requests.post(f"{os.environ['IMS_URL']}/ims/token/v2", data=self.post_body(), timeout=30)
        answer.raise_for_status()
        self.set_expiry(answer.json()["expires_in"])
        self.token = answer.json()["access_token"]


credential = OAuthOverHttp(client_id=os.environ["CLIENT_ID"], client_secret=os.environ["CLIENT_SECRET"])
connection = Connection(org_id=os.environ["ORGANIZATION"], auth=credential, endpoint=os.environ["UMAPI_URL"])
kept = 0
for user in UsersQuery(connection, direct_only=False):
    kept += sum(1 for group in user.get("groups", []) if group.startswith("Product 00"))
print(kept)
