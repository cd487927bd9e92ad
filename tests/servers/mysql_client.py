"""Statements to the MariaDB server at the port given, as text by PyMySQL and prepared by mysql-connector."""
import sys
import time

import mysql.connector
import pymysql

place = {"host": "127.0.0.1", "port": int(sys.argv[1]), "user": "root", "database": "shop", "autocommit": True}


def fails(code, error, call, *arguments):
    try:
        call(*arguments)
    except error as refused:
        assert refused.args[0] == code, refused
    else:
        raise AssertionError(f"no error {code}")


connection = pymysql.connect(**place)
with connection.cursor() as cursor:
    cursor.execute("CREATE TABLE orders (id INT PRIMARY KEY, note VARCHAR(100))")
    for number in range(20):
        cursor.execute("INSERT INTO orders VALUES (%s, %s)", (number, "hunter2"))
    assert cursor.execute("UPDATE orders SET note = 'hunter2!' WHERE id < 3") == 3
    cursor.execute("SELECT id, note FROM orders WHERE id < 5 AND note <> 'hunter3'")
    assert len(cursor.fetchall()) == 5
    cursor.execute("SELECT REPEAT('x', 100000), id FROM orders")
    assert len(cursor.fetchall()) == 20
    for code, statement in (
        (1064, "SELEKT 'hunter2'"),
        (1146, "SELECT * FROM nowhere"),
        (1062, "INSERT INTO orders VALUES (1, 'hunter2')"),
    ):
        fails(code, pymysql.MySQLError, cursor.execute, statement)
    cursor.execute("USE mysql")
    cursor.execute("SELECT 1")
    connection.select_db("shop")
    cursor.execute("SELECT 1")
    for _ in range(5):
        begun = time.perf_counter()
        cursor.execute("SELECT SLEEP(0.02)")
        print("microseconds", round((time.perf_counter() - begun) * 1e6))
connection.close()

# Without encryption, and with a collation that MariaDB has.
plain = {"ssl_disabled": True, "use_pure": True, "charset": "utf8mb4", "collation": "utf8mb4_general_ci"}
connection = mysql.connector.connect(**place, **plain)
cursor = connection.cursor(prepared=True)
for number in range(3):
    cursor.execute("SELECT id, note FROM orders WHERE id >= %s AND note <> %s", (10 + number, "hunter3"))
    assert len(cursor.fetchall()) == 10 - number
fails(1062, mysql.connector.Error, cursor.execute, "INSERT INTO orders VALUES (%s, %s)", (1, "hunter2"))
fails(1146, mysql.connector.Error, cursor.execute, "DELETE FROM nowhere WHERE id = %s", (1,))
cursor.close()
cursor = connection.cursor()
cursor.execute("CREATE PROCEDURE two() BEGIN SELECT 1; SELECT id FROM orders; END")
cursor.execute("CALL two()")
assert cursor.fetchall() == [(1,)]
assert cursor.nextset() and len(cursor.fetchall()) == 20
# What is left unread when a connection is closed was never received.
while cursor.nextset():
    pass
connection.close()
