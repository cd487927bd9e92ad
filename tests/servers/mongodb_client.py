"""Operations of MongoDB's own driver on the server at the port given: each kind as often as is said."""
import sys

from pymongo import MongoClient, WriteConcern
from pymongo.errors import DuplicateKeyError, OperationFailure

port, rounds = int(sys.argv[1]), int(sys.argv[2])
client = MongoClient("127.0.0.1", port, serverSelectionTimeoutMS=10_000, retryWrites=False, retryReads=False)
orders = client.shop.orders
for number in range(rounds):
    assert orders.insert_one({"_id": number, "secret": "hunter2"}).inserted_id == number
    orders.insert_many([{"secret": "hunter2"} for _ in range(5)])
    assert len(list(orders.find({"secret": "hunter2"}))) == 4
    orders.update_one({"secret": "hunter2"}, {"$set": {"secret": "hunter2"}})
    orders.delete_one({"secret": "hunter2"})
    orders.with_options(write_concern=WriteConcern(w=0)).update_one({"_id": "hunter2"}, {"$inc": {"n": 1}})
    try:
        orders.insert_one({"_id": "twice"})
        raise AssertionError("no duplicate")
    except DuplicateKeyError:
        pass
    try:
        client.shop.command("drop", "nothing")
        raise AssertionError("dropped")
    except OperationFailure as failure:
        assert failure.code == 26
client.admin.command("ping")
client.close()
