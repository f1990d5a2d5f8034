"""Networking cut off: every Python that starts with this folder in PYTHONPATH imports this module first.

Each attempt to reach the network, of the process itself or of one that it starts, is written to the file NETWORK_LOG
and refused. Sockets between processes of this machine (AF_UNIX) are no network.
"""

import os
import socket
import sys
import traceback

WITH_SOCKET = ("socket.connect", "socket.sendto", "socket.sendmsg")
WITH_NAME = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr")


def refuse(event: str, arguments: tuple) -> None:
    local = event in WITH_SOCKET and arguments[0].family == socket.AF_UNIX
    if event in (*WITH_SOCKET, *WITH_NAME) and not local:
        with open(os.environ["NETWORK_LOG"], "a") as log:
            log.write(f"{event} {arguments[-1] if event in WITH_SOCKET else arguments[0]} by {sys.argv}\n")
            log.writelines(traceback.format_stack(limit=12))
        raise OSError("networking is cut off in this test")


sys.addaudithook(refuse)
