"""Dials that fail. Arguments: a port at which nobody listens, and one at which this listens and nobody accepts.

Prints how many dials of each kind were made, as JSON, by the name that they should be counted under.
"""
import errno
import json
import socket
import sys

nobody, busy = map(int, sys.argv[1:])


def dial(family, address, **options):
    """The number of the error, or the socket where its answer is not waited for."""
    dialler = socket.socket(family)
    for option, value in options.items():
        dialler.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
    return dialler, dialler.connect_ex(address)


for _ in range(5):
    assert dial(socket.AF_INET, ("127.0.0.1", nobody))[1] == errno.ECONNREFUSED
# The same socket again, and then with success: one connection at its address comes after two that failed.
again, error = dial(socket.AF_INET6, ("::1", nobody))
assert error == errno.ECONNREFUSED
assert again.connect_ex(("::1", nobody)) == errno.ECONNREFUSED

# A listener whose queue is full lets further dials go without an answer.
listener = socket.socket()
listener.bind(("127.0.0.1", busy))
listener.listen(0)
filling = socket.create_connection(("127.0.0.1", busy))
assert dial(socket.AF_INET, ("127.0.0.1", busy), TCP_SYNCNT=1)[1] == errno.ETIMEDOUT
for _ in range(3):
    impatient = socket.socket()
    impatient.setblocking(False)
    assert impatient.connect_ex(("127.0.0.1", busy)) == errno.EINPROGRESS
    impatient.close()
print(json.dumps({"connection_refused": 7, "timeout": 1, "cancelled": 3}))
