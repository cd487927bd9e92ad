"""A broker of Kafka (the one that librdkafka has for tests, in this process) and clients of it.

Prints the broker's port. For each line read, does what it says and prints what came of it, as JSON. Librdkafka's clients keep
a log of every request and response, which is what they are believed by.
"""
import asyncio
import json
import os
import re
import sys
import tempfile
import time

import aiokafka
from confluent_kafka import Consumer, Producer

TOPIC = "orders"
SENT = re.compile(r"\|(\w+)#\S+ \[(.*?)\]: .*Sent (\w+)Request \(v(\d+), (\d+) bytes @ \d+, CorrId (\d+)\)")
RECEIVED = re.compile(r"\|(\w+)#\S+ \[(.*?)\]: .*Received \w+Response \(v\d+, (\d+) bytes, CorrId (\d+), rtt ([\d.]+)ms\)")

log = tempfile.TemporaryFile("w+")
os.dup2(log.fileno(), sys.stderr.fileno())
broker = Producer({"test.mock.num.brokers": 1})
[address] = [f"{known.host}:{known.port}" for known in broker.list_topics(TOPIC, timeout=10).brokers.values()]


def logged():
    """Every request of the clients, in the order in which they were sent, with its response, if there was one."""
    log.seek(0)
    requests, waiting = [], {}
    for line in log:
        if found := SENT.search(line):
            client, thread, api, version, size, number = found.groups()
            request = {"client": client, "api": "ApiVersions" if api == "ApiVersion" else api}
            request |= {"version": int(version), "sent": int(size), "received": None, "microseconds": None}
            requests.append(request)
            waiting[client, thread, number] = request
        elif found := RECEIVED.search(line):
            client, thread, size, number, milliseconds = found.groups()
            answered = waiting.pop((client, thread, number))
            # It does not count the length and the number that it goes by.
            answered |= {"received": int(size) + 8, "microseconds": round(float(milliseconds) * 1000)}
    return requests


def settings(name, **others):
    return {"bootstrap.servers": address, "client.id": name, "debug": "protocol"} | others


def send(client, number, value):
    """Sends messages to the first partition and waits until they are done with. Gives their offsets."""
    offsets = []

    def done(error, message):
        assert error is None, error
        offsets.append(message.offset())

    for _ in range(number):
        client.produce(TOPIC, value, partition=0, on_delivery=done)
    client.flush(10)
    return offsets


def fill():
    """Something to read, sent with a client that keeps no log."""
    return send(Producer({"bootstrap.servers": address, "linger.ms": 0}), 30, b"something")


def produce():
    client = Producer(settings("maker", **{"linger.ms": 0}))
    return {"offsets": [send(client, 1, b"v" * (100 + number))[0] for number in range(100)]}


def batches():
    client = Producer(settings("batches", **{"linger.ms": 200, "acks": 1, "compression.type": "gzip"}))
    first = send(client, 50, b"w" * 1000)
    return {"offsets": [first[0], send(client, 1, os.urandom(500_000))[0]]}


def unacknowledged():
    client = Producer(settings("hasty", **{"linger.ms": 0, "acks": 0}))
    for _ in range(7):
        send(client, 1, b"whatever")
    # Answered on the same connection: by then the broker has read what it does not acknowledge.
    client.list_topics(TOPIC, timeout=10)


def consume():
    client = Consumer(
        settings(
            "reader",
            **{"group.id": "billing", "auto.offset.reset": "earliest", "enable.auto.commit": False, "fetch.wait.max.ms": 100},
        )
    )
    client.subscribe([TOPIC])
    offsets = []
    end = time.monotonic() + 10
    while time.monotonic() < end and len(offsets) < 30:
        if message := client.poll(0.1):
            assert message.error() is None, message.error()
            offsets.append(message.offset())
    client.commit(asynchronous=False)
    client.close()
    return {"offsets": offsets}


def unknown():
    client = Consumer(settings("lost", **{"allow.auto.create.topics": False, "group.id": "nobody"}))
    error = client.list_topics("nowhere", timeout=5).topics["nowhere"].error
    client.close()
    return {"error": error.name()}


def asynchronous():
    """Another implementation, written in Python."""

    async def both():
        client = aiokafka.AIOKafkaProducer(bootstrap_servers=address, client_id="async", linger_ms=0)
        await client.start()
        offsets = [(await client.send_and_wait(TOPIC, b"q" * 10, partition=0)).offset for _ in range(10)]
        await client.stop()
        reader = aiokafka.AIOKafkaConsumer(bootstrap_servers=address, client_id="asyncreader")
        partition = aiokafka.TopicPartition(TOPIC, 0)
        reader.assign([partition])
        await reader.start()
        reader.seek(partition, 0)
        read = [(await asyncio.wait_for(reader.getone(), 5)).offset for _ in range(10)]
        await reader.stop()
        return offsets + read

    return {"offsets": asyncio.run(both())}


print(address.split(":")[1], flush=True)
for line in sys.stdin:
    try:
        facts = globals()[line.strip()]()
        print(json.dumps({"facts": facts, "requests": logged()}), flush=True)
    except BaseException as error:
        print(json.dumps({"failed": repr(error)}), flush=True)
