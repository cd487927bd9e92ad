"""A server that speaks MongoDB's wire protocol on the port given and stores nothing: what it answers is written here."""
import sys
import threading

from mockupdb import MockupDB

DUPLICATE = {"ok": 1, "n": 0, "writeErrors": [{"index": 0, "code": 11000, "errmsg": "hunter2"}]}


def answers(request):
    name = request.command_name
    if name in ("hello", "ismaster", "isMaster"):
        return {"ok": 1, "isWritablePrimary": True, "ismaster": True, "helloOk": True, "maxWireVersion": 21}
    if name == "insert":
        duplicate = any(document.get("_id") == "twice" for document in request["documents"])
        return DUPLICATE if duplicate else {"ok": 1, "n": len(request["documents"])}
    if name == "find":
        wanted = [{"_id": number, "secret": "hunter2"} for number in range(3)]
        return {"ok": 1, "cursor": {"id": 77, "ns": "shop.orders", "firstBatch": wanted}}
    if name == "getMore":
        return {"ok": 1, "cursor": {"id": 0, "ns": "shop.orders", "nextBatch": [{"_id": 3}]}}
    if name == "drop":
        return {"ok": 0, "code": 26, "codeName": "NamespaceNotFound", "errmsg": "hunter2"}
    return {"ok": 1, "n": 1, "nModified": 1}


def answer(request):
    if not request.flags & 2:  # "more to come" wants no answer
        request.reply(answers(request))
    return True


server = MockupDB(port=int(sys.argv[1]))
server.autoresponds(answer)
server.run()
threading.Event().wait()
