"""Runs localstripe on a free loopback port, printed when it listens, until standard input ends.

As it comes it would listen on every interface and write its state to a file under /tmp. It also refuses two parameters
that Stripe has and the gateway sends; they are taken away here, so this proves nothing about them.
"""

import asyncio
import os
import sys
import threading

from aiohttp import web
from localstripe import resources, server

UNKNOWN_TO_IT = ("allowed_payment_method_types", "error_on_requires_action")

resources.Store.dump_to_disk = lambda self: None
as_it_came = server.get_post_data


async def get_post_data(request, remove_auth=True):
    data = await as_it_came(request, remove_auth)
    return {name: value for name, value in (data or {}).items() if name not in UNKNOWN_TO_IT}


server.get_post_data = get_post_data


async def main():
    runner = web.AppRunner(server.app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print("http://127.0.0.1:%d" % runner.addresses[0][1], flush=True)
    end, loop = asyncio.Event(), asyncio.get_running_loop()

    def owner_is_gone():
        os.read(sys.stdin.fileno(), 1)
        loop.call_soon_threadsafe(end.set)

    threading.Thread(target=owner_is_gone, daemon=True).start()
    await end.wait()
    await runner.cleanup()


asyncio.run(main())
