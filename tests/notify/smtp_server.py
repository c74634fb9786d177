"""aiosmtpd on loopback: implicit TLS, STARTTLS and plain, one port each; both with TLS want a password.

Writes each message to FOLDER/mail, and its ports to FOLDER/ready when all of them listen. Ends with its standard input.
"""

import itertools
import pathlib
import ssl
import sys

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

folder = pathlib.Path(sys.argv[1])
mail = folder / "mail"
mail.mkdir()
numbers = itertools.count()


class Keep:
    """Writes what it gets."""

    async def handle_DATA(self, server, session, envelope):
        (mail / f"{next(numbers)}.eml").write_bytes(envelope.content)
        return "250 taken"


def authenticate(server, session, envelope, mechanism, data):
    is_known = isinstance(data, LoginPassword) and data.login == b"sync" and data.password == b"sandbox-password"
    return AuthResult(success=is_known, handled=False)


def context():
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(folder / "server.pem", folder / "server.key")
    return made


class OnAnyPort(Controller):
    """A free port: the one that the system gives."""

    def start_and_tell(self):
        self.start()
        return self.server.sockets[0].getsockname()[1]

    def _trigger_server(self):
        # The controller would connect to port 0 to see whether it listens.
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


with_password = {"authenticator": authenticate, "auth_required": True}
servers = {
    "tls": OnAnyPort(Keep(), "127.0.0.1", 0, ssl_context=context(), auth_require_tls=False, **with_password),
    "starttls": OnAnyPort(Keep(), "127.0.0.1", 0, tls_context=context(), require_starttls=True, **with_password),
    "plain": OnAnyPort(Keep(), "127.0.0.1", 0),
}
ports = {name: server.start_and_tell() for name, server in servers.items()}
ready = folder / "ready.new"
ready.write_text("".join(f"{name}={port}\n" for name, port in ports.items()))
ready.rename(folder / "ready")
sys.stdin.read()
for server in servers.values():
    server.stop()
