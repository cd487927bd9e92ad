"""A connection to the MariaDB server at the port given, with a statement prepared before it is told to go on."""
import sys

import mysql.connector

connection = mysql.connector.connect(
    host="127.0.0.1", port=int(sys.argv[1]), user="root", database="shop", ssl_disabled=True, use_pure=True,
    charset="utf8mb4", collation="utf8mb4_general_ci",
)
cursor = connection.cursor(prepared=True)
cursor.execute("SELECT %s + 1", (41,))
assert cursor.fetchone()[0] == 42
print("connected", flush=True)
input()
for _ in range(5):
    cursor.execute("SELECT %s + 1", (41,))
    assert cursor.fetchone()[0] == 42
cursor.close()
cursor = connection.cursor()
for number in range(5):
    cursor.execute(f"SELECT 'hunter2', {number} AS answer")
    assert cursor.fetchone()[1] == number
try:
    cursor.execute("SELECT * FROM nowhere")
    raise AssertionError("no error")
except mysql.connector.Error as error:
    assert error.errno == 1146, error
connection.close()
