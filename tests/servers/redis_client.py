"""Commands to the Redis server at the port given, of every kind that its users send."""
import sys

import redis

port = int(sys.argv[1])
client = redis.Redis(port=port, protocol=2)
client.set("user:17", "hunter2")
assert client.get("user:17") == b"hunter2"
try:
    client.lpush("user:17", "x")
    raise AssertionError("a string took a list's command")
except redis.ResponseError as error:
    assert "WRONGTYPE" in str(error), error
with client.pipeline(transaction=False) as pipeline:
    for number in range(50):
        pipeline.incr("hits")
    assert pipeline.execute()[-1] == 50
with client.pipeline(transaction=True) as pipeline:
    pipeline.hset("cart", "item", "secret-value")
    pipeline.hget("cart", "item")
    assert pipeline.execute() == [1, b"secret-value"]
try:
    client.execute_command("AUTH", "s3cr3t-password")
except (redis.ResponseError, redis.AuthenticationError):
    pass

newer = redis.Redis(port=port, protocol=3)
assert newer.hgetall("cart") == {b"item": b"secret-value"}
subscription = newer.pubsub()
subscription.subscribe("news")
assert subscription.get_message(timeout=5)["type"] == "subscribe"
client.publish("news", "flash")
assert subscription.get_message(timeout=5)["data"] == b"flash"
assert client.blpop(["empty"], timeout=0.2) is None
