"""Commands to the Redis server at the port given, of every kind that its users send, by either version of the protocol."""
import sys
import time

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

port = int(sys.argv[1])


def client(protocol, **options):
    # Without the driver's introduction of itself, which older servers refuse, and without trying again.
    return redis.Redis(port=port, protocol=protocol, driver_info=None, retry=Retry(NoBackoff(), 0), **options)


def fails(word, call, *arguments, **options):
    try:
        call(*arguments, **options)
    except redis.RedisError as error:
        # The driver makes an exception of its own of some words, and takes them out of others.
        print(word, type(error).__name__, error)
    else:
        raise AssertionError(f"no {word}")


for protocol in (2, 3):
    one = client(protocol)
    one.flushall()
    one.set("user:17", "hunter2")
    assert one.get("user:17") == b"hunter2"
    assert one.get("nobody") is None
    one.hset("cart", mapping={"item": "hunter2"})
    assert one.hgetall("cart") == {b"item": b"hunter2"}
    fails("WRONGTYPE", one.lpush, "user:17", "hunter2")
    fails("ERR", one.execute_command, "NOSUCH", "hunter2")
    with one.pipeline(transaction=False) as pipeline:
        for _ in range(50):
            pipeline.incr("hits")
        assert pipeline.execute()[-1] == 50
    with one.pipeline(transaction=True) as pipeline:
        pipeline.hset("cart", "item", "hunter2")
        pipeline.hget("cart", "item")
        assert pipeline.execute() == [0, b"hunter2"]
    with one.pipeline(transaction=True) as pipeline:
        pipeline.lpush("user:17", "hunter2")
        pipeline.incr("hits")
        # The first fails when it is run, not when it is queued.
        assert pipeline.execute(raise_on_error=False)[1] == 51
    with one.pipeline() as pipeline:
        pipeline.watch("watched")
        one.set("watched", "hunter2")
        pipeline.multi()
        pipeline.decr("hits")
        fails("nil", pipeline.execute)
    assert one.eval("return ARGV[1]", 1, "user:17", "hunter2") == b"hunter2"

    subscription = one.pubsub()
    subscription.subscribe("news")
    assert subscription.get_message(timeout=5)["type"] == "subscribe"
    for _ in range(3):
        one.publish("news", "hunter2")
        assert subscription.get_message(timeout=5)["data"] == b"hunter2"
    subscription.unsubscribe("news")
    assert subscription.get_message(timeout=5)["type"] == "unsubscribe"
    subscription.close()

    for _ in range(3):
        begun = time.perf_counter()
        assert one.blpop(["empty"], timeout=0.1) is None
        print("microseconds", round((time.perf_counter() - begun) * 1e6))

    one.config_set("requirepass", "hunter2")
    assert client(protocol, password="hunter2").ping()
    fails("WRONGPASS", client(protocol, username="default", password="hunter3").ping)
    fails("NOAUTH", client(protocol).ping)
    one.config_set("requirepass", "")
    one.acl_setuser("bob", enabled=True, passwords=["+hunter2"], commands=["+get"], keys=["*"])
