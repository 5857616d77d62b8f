"""Runs MiniStack on a free loopback port, printed when it listens, until standard input ends or a signal comes.

IAM is enforced: a function may do what its role allows, no more. A loopback connection counts as TLS, as behind a proxy
that ends it, so that policies that demand TLS are deployed as they are.
"""

import asyncio
import os
import signal
import socket
import socketserver
import sys
import tempfile
import threading

listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
port = listener.getsockname()[1]
endpoint = f"http://127.0.0.1:{port}"
state = tempfile.TemporaryDirectory(prefix="emulator-", dir=sys.argv[1])

# MiniStack reads these when it is imported. Functions inherit AWS_ENDPOINT_URL; IoT and SFTP would take fixed ports.
os.environ |= {
    "AUTH": "true",
    "AWS_ENDPOINT_URL": endpoint,
    "GATEWAY_PORT": str(port),
    "IOT_MTLS_ENABLED": "0",
    "MINISTACK_HOST": "127.0.0.1",
    "MINISTACK_REGION": "eu-west-1",
    "SFTP_ENABLED": "0",
    "TMPDIR": state.name,
}
# It replaces a queue's list of messages without a lock: threads switch only where they wait.
sys.setswitchinterval(3600)
# Its Runtime API answers in two writes, the second of which would wait 40 ms for the first one's acknowledgement.
socketserver.StreamRequestHandler.disable_nagle_algorithm = True

from hypercorn.asyncio import serve  # noqa: E402
from hypercorn.config import Config  # noqa: E402
from ministack.app import app as ministack  # noqa: E402


async def behind_tls(scope, receive, send):
    await ministack({**scope, "scheme": "https"}, receive, send)


async def ended():
    end, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end.set)

    def owner_is_gone():
        os.read(sys.stdin.fileno(), 1)
        loop.call_soon_threadsafe(end.set)

    threading.Thread(target=owner_is_gone, daemon=True).start()
    await end.wait()


with state:
    config = Config()
    config.keep_alive_timeout = 75
    config.bind = [f"fd://{listener.fileno()}"]
    print(endpoint, flush=True)
    asyncio.run(serve(behind_tls, config, shutdown_trigger=ended))
